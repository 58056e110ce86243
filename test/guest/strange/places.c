/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings at the lower end of user space with and without CAP_SYS_RAWIO, with hints, with flags, and sparse ones. */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void at(unsigned long a, int flags)
{
	char *p = mmap((void *)a, PAGE, RW, ANON | flags, -1, 0);
	struct fault f;

	if (p == MAP_FAILED) {
		say("%lx: %s", a, strerrorname_np(errno));
		return;
	}
	f = fault_write(p);
	say("%lx: %s, a write: signal %d", a, p == (char *)a ? "there" : "elsewhere", f.signo);
	munmap(p, PAGE);
}

static void low(void)
{
	static const unsigned long place[] = { 0x1000, 0x2000, 0xf000, 0x10000, 0x11000 };

	for (size_t i = 0; i < sizeof(place) / sizeof(*place); i++) {
		at(place[i], MAP_FIXED);
		at(place[i], MAP_FIXED_NOREPLACE);
		at(place[i], 0);
	}
	at(0, MAP_FIXED);
	TRY(munmap((void *)0x1000, PAGE));
	TRY(mprotect((void *)0x1000, PAGE, PROT_READ));
	TRY(mremap(mmap(NULL, PAGE, RW, ANON, -1, 0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   0x3000));
	TRY(mmap((void *)0xf000, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
}

static void low_without(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	NEED(syscall(SYS_capget, &h, d) == 0);
	d[0].effective &= ~(1U << CAP_SYS_RAWIO);
	NEED(syscall(SYS_capset, &h, d) == 0);
	low();
}

static void low_user(void)
{
	NEED(setresuid(65534, 65534, 65534) == 0);
	low();
}

/* More than there is memory: where nothing is promised, only what is touched counts. */
static void sparse(void)
{
	char *p = mmap(NULL, 1UL << 40, RW, ANON | MAP_NORESERVE, -1, 0);

	TRY_AS("1 TiB, no promise", (long)p);
	if (p == MAP_FAILED)
		return;
	p[0] = p[1UL << 39] = p[(1UL << 40) - 1] = 1;
	TRY_AS("1 TiB without access", (long)mmap(NULL, 1UL << 40, PROT_NONE, ANON, -1, 0));
	TRY_AS("1 TiB to read", (long)mmap(NULL, 1UL << 40, PROT_READ, ANON, -1, 0));
	TRY_AS("1 TiB grown", (long)mremap(p, 1UL << 40, 2UL << 40, MREMAP_MAYMOVE));
	TRY_AS("16 TiB, no promise", (long)mmap(NULL, 16UL << 40, RW, ANON | MAP_NORESERVE, -1, 0));
	TRY_AS("300 TiB, no promise",
	       (long)mmap(NULL, 300UL << 40, RW, ANON | MAP_NORESERVE, -1, 0));
}

int main(void)
{
	apart("low, as root", low);
	apart("low, as root without the capability", low_without);
	apart("low, as a user", low_user);
	apart("sparse", sparse);
	return 0;
}
