/* SPDX-License-Identifier: GPL-2.0-only */
/* Locked memory under RLIMIT_MEMLOCK: with CAP_IPC_LOCK, as root without it, and as a user; in every call that locks. */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)

static void limit(size_t pages)
{
	struct rlimit r = { pages * PAGE, pages * PAGE };

	NEED(setrlimit(RLIMIT_MEMLOCK, &r) == 0);
}

static void drop(int cap)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	NEED(syscall(SYS_capget, &h, d) == 0);
	d[0].effective &= ~(1U << cap);
	NEED(syscall(SYS_capset, &h, d) == 0);
}

static void *map(size_t pages, int flags)
{
	return mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void calls(void)
{
	char *p = map(64, 0), *q;

	limit(8);
	TRY(mlock(p, 8 * PAGE));
	TRY(mlock(p, 8 * PAGE));
	TRY(mlock(p + 10 * PAGE, PAGE));
	TRY(munlock(p, 4 * PAGE));
	TRY(mlock(p + 2 * PAGE, 6 * PAGE));
	TRY(mlock(p, 9 * PAGE));
	TRY(map(2, MAP_LOCKED));
	TRY(map(10, MAP_LOCKED));
	TRY(syscall(SYS_mlock2, p, 3 * PAGE, MLOCK_ONFAULT));
	TRY(syscall(SYS_mlock2, p, 30 * PAGE, MLOCK_ONFAULT));
	TRY(mlockall(MCL_CURRENT));
	TRY(munlock(p, 64 * PAGE));
	q = map(4, 0);
	TRY(mlock(q, 4 * PAGE));
	TRY(mremap(q, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
	q = map(4, 0);
	TRY(mlock(q, 4 * PAGE));
	TRY(mremap(q, 4 * PAGE, 20 * PAGE, MREMAP_MAYMOVE));
	TRY(mremap(q, 4 * PAGE, 20 * PAGE, 0));
	TRY(munlockall());
	TRY(mlockall(MCL_FUTURE));
	TRY(map(4, 0));
	TRY(map(10, 0));
	TRY_AS("a break of ten pages", sbrk(10 * PAGE));
	TRY_AS("a break of two pages", sbrk(2 * PAGE));
	TRY(munlockall());
	limit(0);
	TRY(mlock(p, PAGE));
	TRY(munlock(p, PAGE));
	TRY(map(1, MAP_LOCKED));
	TRY(mlockall(MCL_FUTURE));
	TRY(mlockall(MCL_CURRENT));
	TRY(mlockall(0));
	TRY(mlockall(8));
	TRY(mlock(p, -1UL));
	TRY(mlock(p, 0));
	TRY(mlock((void *)PAGE, PAGE));
	TRY(munlock((void *)PAGE, PAGE));
}

static void root(void)
{
	calls();
}

static void root_without(void)
{
	drop(CAP_IPC_LOCK);
	calls();
}

static void user(void)
{
	NEED(setresuid(65534, 65534, 65534) == 0);
	calls();
}

static void user_with(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {};

	NEED(prctl(PR_SET_KEEPCAPS, 1) == 0);
	NEED(setresuid(65534, 65534, 65534) == 0);
	d[0].permitted = d[0].effective = 1U << CAP_IPC_LOCK;
	NEED(syscall(SYS_capset, &h, d) == 0);
	calls();
}

/* What locks, and is then forbidden to: the limit is looked at when more is to be locked. */
static void lowered(void)
{
	char *p = map(16, 0);

	NEED(mlock(p, 16 * PAGE) == 0);
	NEED(setresuid(65534, 65534, 65534) == 0);
	limit(4);
	TRY(mlock(p, 16 * PAGE));
	TRY(mremap(p, 16 * PAGE, 17 * PAGE, MREMAP_MAYMOVE));
	TRY(mremap(p, 16 * PAGE, 8 * PAGE, 0));
	TRY(munlock(p, 8 * PAGE));
	TRY(mlock(p, 4 * PAGE));
}

int main(void)
{
	apart("root", root);
	apart("root without the capability", root_without);
	apart("a user", user);
	apart("a user with the capability", user_with);
	apart("lowered", lowered);
	return 0;
}
