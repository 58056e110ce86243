// SPDX-License-Identifier: GPL-2.0-only
/*
 * Senseless requests to the module's devices, as they come from broken tools.
 *
 *     ioctls SEED COUNT IMAGE LATE BROKEN
 *
 * makes COUNT ioctls on /dev/mcd0 and the instances that there are, with
 * numbers, sizes, addresses and lists of all kinds, good ones among them. Says
 * how many of them were carried out. The pages of file LATE come after a while,
 * those of BROKEN fail after a while.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "prog.h"

#define ROOM 4096

static char *writable, *read_only, *gone;
static int image;

/* Mappings of strange files, of which no page is there. */
static struct strange {
	int fd;
	char *at;
} late, broken;

static unsigned int pick(unsigned int count)
{
	return (unsigned int)random() % count;
}

static unsigned int request(bool is_machine)
{
	static const unsigned int machine[] = {
		IHK_CREATE,	  IHK_DESTROY,	    IHK_RESERVE_CPU,   IHK_RELEASE_CPU,
		IHK_QUERY_CPU,	  IHK_RESERVE_MEM,  IHK_RELEASE_MEM,   IHK_QUERY_MEM,
		IHK_GET_COUNTERS, IHK_GET_BUILD_ID, IHK_GET_INSTANCES,
	};
	static const unsigned int instance[] = {
		IHK_OS_ASSIGN_CPU,  IHK_OS_RELEASE_CPU, IHK_OS_QUERY_CPU,   IHK_OS_ASSIGN_MEM,
		IHK_OS_RELEASE_MEM, IHK_OS_QUERY_MEM,	IHK_OS_SET_IKC_MAP, IHK_OS_GET_IKC_MAP,
		IHK_OS_LOAD,	    IHK_OS_KARGS,	IHK_OS_BOOT,	    IHK_OS_SHUTDOWN,
		IHK_OS_STATUS,	    IHK_OS_KMSG,	IHK_OS_CLEAR_KMSG,  IHK_OS_COUNTERS,
		IHK_OS_BUILD_ID,    IHK_OS_LAUNCH,
	};
	unsigned int cmd = is_machine ? machine[pick(sizeof(machine) / sizeof(*machine))]
				      : instance[pick(sizeof(instance) / sizeof(*instance))];

	switch (pick(20)) {
	case 0: /* another size */
		return (cmd & ~0x3fff0000u) | pick(0x4000) << 16;
	case 1: /* another number */
		return (cmd & ~0xffu) | pick(256);
	case 2:
		return (unsigned int)random();
	case 3: /* the other device's */
		return is_machine ? instance[pick(sizeof(instance) / sizeof(*instance))]
				  : machine[pick(sizeof(machine) / sizeof(*machine))];
	default:
		return cmd;
	}
}

static unsigned long address(void)
{
	static const unsigned long odd[] = {
		0,     PAGE - 1, 0x00007ffffffff000UL, 0x0000800000000000UL, 0xffff888000000000UL,
		-PAGE, ~0UL
	};

	switch (pick(10)) {
	case 0:
		return odd[pick(sizeof(odd) / sizeof(*odd))];
	case 1:
		return (unsigned long)gone;
	case 2:
		return (unsigned long)late.at + pick(2) * (PAGE - 8);
	case 3:
		return (unsigned long)broken.at;
	case 4:
		return (unsigned long)writable + ROOM - 8;
	default:
		return (unsigned long)writable;
	}
}

static abi_u64 size(void)
{
	static const abi_u64 odd[] = { 0, 1UL << 31, 1UL << 32, 1UL << 63, ~0UL, -PAGE };

	return pick(3) ? pick(ROOM) : odd[pick(sizeof(odd) / sizeof(*odd))];
}

static abi_u32 number(void)
{
	static const abi_u32 odd[] = { 8191, 8192, 8193, 0x7fffffff, 0x80000000, 0xffffffff };

	return pick(8) ? pick(6) : odd[pick(sizeof(odd) / sizeof(*odd))];
}

/* A list of CPUs (pairs of them are an IKC map), or of memory. */
static void fill_list(void)
{
	abi_u32 *cpu = (abi_u32 *)writable;
	struct ihk_mem *mem = (struct ihk_mem *)writable;
	bool is_mem = pick(2);
	int i;

	for (i = 0; i < 8; i++) {
		if (is_mem)
			mem[i] = (struct ihk_mem){ .size = pick(10) * IHK_MEM_UNIT + !pick(9),
						   .node = pick(5) ? 0 : number() };
		else
			cpu[i] = number();
	}
}

static void fill(void *arg)
{
	struct ihk_list *list = arg;
	struct ihk_text *text = arg;
	struct ihk_verb *verb = arg;

	switch (pick(4)) {
	case 0:
		*list = (struct ihk_list){ .address = address(), .count = number() };
		break;
	case 1:
		*list = (struct ihk_list){ .address = (unsigned long)writable,
					   .count = 1 + pick(3) };
		break;
	case 2:
		*text = (struct ihk_text){ .address = address(), .size = size() };
		break;
	default:
		*verb = (struct ihk_verb){ .value = pick(2) ? image : (abi_s32)number() };
	}
}

/* What has come goes again. */
static void strange_again(const struct strange *s)
{
	madvise(s->at, 2 * PAGE, MADV_DONTNEED);
	posix_fadvise(s->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static bool call(void)
{
	char arg[ROOM] = "";
	char path[32] = "/dev/mcd0";
	bool is_machine = pick(2);
	int fd, ret = -1;

	if (!is_machine)
		snprintf(path, sizeof(path), "/dev/mcos%u", pick(3));
	fd = open(path, pick(4) ? O_RDONLY : O_RDWR);
	if (fd < 0)
		return false;
	fill_list();
	fill(arg);
	switch (pick(30)) {
	case 0:
		ret = ioctl(fd, request(is_machine), address());
		break;
	case 1:
		ret = ioctl(fd, request(is_machine), gone - pick(200));
		break;
	case 2:
		ret = ioctl(fd, request(is_machine), read_only);
		break;
	default:
		ret = ioctl(fd, request(is_machine), arg);
	}
	close(fd);
	strange_again(&late);
	strange_again(&broken);
	return ret >= 0;
}

static bool strange_map(struct strange *s, const char *path)
{
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	s->at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, s->fd, 0);
	return s->at != MAP_FAILED;
}

int main(int argc, char **argv)
{
	unsigned int i, done = 0;

	if (argc != 6)
		return 2;
	srandom((unsigned int)atoi(argv[1]));
	image = open(argv[3], O_RDONLY);
	writable = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	read_only = mmap(NULL, ROOM, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (image < 0 || writable == MAP_FAILED || read_only == MAP_FAILED ||
	    !strange_map(&late, argv[4]) || !strange_map(&broken, argv[5]))
		return 1;
	gone = writable + ROOM;
	if (munmap(gone, ROOM))
		return 1;
	for (i = 0; i < (unsigned int)atoi(argv[2]); i++)
		done += call();
	printf("%u of %u requests were carried out\n", done, i);
	return 0;
}
