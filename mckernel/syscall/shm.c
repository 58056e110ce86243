/* SPDX-License-Identifier: GPL-2.0-only */
/* shmat and shmdt: System V segments are Linux's, and so are their mappings; the place is ours. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/mman.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

#define SHM_RDONLY 010000
#define SHM_RND 020000
#define SHM_REMAP 040000
#define SHM_EXEC 0100000

#define IPC_STAT 2

static const u64 page_sizes[] = { PAGE_SIZE, 1UL << 21, 1UL << 30 };

/* struct shmid64_ds of the UAPI, as far as it matters here. */
struct user_shmid_ds {
	u8 perm[48];
	u64 size;
	u8 rest[56];
};

/* The same right as attaching needs, to read, lets one ask. */
static s64 segment_size(u64 id, u64 *size)
{
	struct user_shmid_ds ds = { 0 };
	const u64 arg[6] = { id, IPC_STAT, offload_data(0, &ds, sizeof(ds)) };
	s64 ret = offload_syscall(NR_shmctl, arg);

	if (ret)
		return ret;
	memcpy(&ds, offload_data_ptr(0), sizeof(ds));
	*size = ALIGN_UP(ds.size, PAGE_SIZE);
	return *size ? 0 : -EINVAL;
}

/* Linux's checks of the address. */
static s64 attach_place(struct map_args *a, u64 addr, u64 flags)
{
	if (addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr = ALIGN_DOWN(addr, PAGE_SIZE);
	}
	if (!addr && (flags & SHM_REMAP))
		return -EINVAL;
	a->addr = addr;
	a->fixed = addr;
	a->noreplace = addr && !(flags & SHM_REMAP);
	return 0;
}

s64 sys_shmat(const u64 arg[6])
{
	u64 flags = arg[2];
	struct map_args a = {
		.prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
			(flags & SHM_EXEC ? PROT_EXEC : 0),
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_SEGMENT,
		.segment = (u32)arg[0],
	};
	struct mirror_call call = { .nr = NR_shmat,
				    .arg = { arg[0], 0, flags & ~(u64)(SHM_RND | SHM_REMAP) },
				    .place = 1 };
	s64 ret = attach_place(&a, arg[1], flags);

	if (ret)
		return ret;
	ret = segment_size(arg[0], &a.length);
	if (ret)
		return ret;
	if (a.length > SHADOW_END)
		return -ENOMEM;
	/* Of which pages it is nobody tells: Linux takes no other place than one of its size. */
	for (u32 i = 0; i < ARRAY_SIZE(page_sizes); i++) {
		a.length = ALIGN_UP(a.length, page_sizes[i]);
		if (a.fixed && a.addr % page_sizes[i])
			break;
		ret = space_mirror(current_thread()->space, &a, &call, page_sizes[i]);
		/* What SHM_REMAP would take away for a larger page is not to be guessed at. */
		if (ret != -EINVAL || (a.fixed && !a.noreplace))
			break;
	}
	return ret == -EEXIST ? -EINVAL : ret;
}

s64 sys_shmdt(const u64 arg[6])
{
	if ((arg[0] & ~PAGE_MASK) || arg[0] >= SHADOW_END)
		return -EINVAL;
	return space_detach(current_thread()->space, arg[0]);
}
