/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory system calls: what Linux answers to good and bad arguments, compared with the host's own kernel where that can be. */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mck/sys_memory.h"
#include "mm_world.h"

/* Free in both kernels, and in the host's sanitizers. */
#define BASE 0x300000000000UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)
#define MIB (1UL << 20)

static struct space *s;

extern int *__errno_location(void); /* <errno.h> would name its numbers a second time */
typedef s64 (*call)(const u64 arg[6]);

static s64 do_call(call fn, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	return fn((const u64[6]){ a, b, c, d, e, f });
}

/* Both kernels are asked the same; only refusals are compared, and that neither refuses. */
static void same(call fn, long nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	s64 ours = do_call(fn, a, b, c, d, e, 0);
	long theirs = syscall(nr, a, b, c, d, e, 0);
	s64 expected = theirs == -1 ? -*__errno_location() : 0;

	if (ours > 0)
		ours = 0;
	if (ours != expected)
		fail_msg("call %ld(%lx, %lx, %lx, %lx): %ld, Linux: %ld", nr, a, b, c, d,
			 (long)ours, (long)expected);
}

static void test_as_linux(void **state)
{
	(void)state;
	/* The same playground in both: ten pages, a hole, a read-only page. */
	for (u64 at = 0; at < 3; at++) {
		static const u64 first[] = { 0, 12, 13 }, count[] = { 10, 1, 3 },
				 prot[] = { 3, 1, 3 };

		same(sys_mmap, SYS_mmap, PAGE(first[at]), count[at] * PAGE_SIZE, prot[at],
		     ANON | MAP_FIXED, ~0UL);
	}
	same(sys_mmap, SYS_mmap, PAGE(0), 0, RW, ANON, ~0UL);
	same(sys_mmap, SYS_mmap, PAGE(0) + 1, PAGE_SIZE, RW, ANON | MAP_FIXED, ~0UL);
	same(sys_mmap, SYS_mmap, PAGE(0), PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, ~0UL);
	same(sys_mmap, SYS_mmap, 0, ~0UL, RW, ANON, ~0UL);
	same(sys_mmap, SYS_mmap, 0, 1UL << 60, RW, ANON, ~0UL);
	same(sys_mmap, SYS_mmap, ~0xfffUL, PAGE_SIZE, RW, ANON | MAP_FIXED, ~0UL);
	same(sys_mmap, SYS_mmap, 0, PAGE_SIZE, RW, MAP_ANONYMOUS, ~0UL);
	same(sys_mmap, SYS_mmap, 0, PAGE_SIZE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, ~0UL);
	same(sys_mmap, SYS_mmap, 0, PAGE_SIZE, RW, MAP_ANONYMOUS | 9, ~0UL);

	same(sys_munmap, SYS_munmap, PAGE(0) + 1, PAGE_SIZE, 0, 0, 0);
	same(sys_munmap, SYS_munmap, PAGE(0), 0, 0, 0, 0);
	same(sys_munmap, SYS_munmap, PAGE(0), ~0UL, 0, 0, 0);
	same(sys_munmap, SYS_munmap, PAGE(100), PAGE_SIZE, 0, 0, 0);

	same(sys_mprotect, SYS_mprotect, PAGE(0) + 1, PAGE_SIZE, RW, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), 0, RW, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), PAGE_SIZE, 0x100, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), ~0xfffUL, RW, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(8), 3 * PAGE_SIZE, RW, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), PAGE_SIZE, RW | PROT_GROWSDOWN, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), PAGE_SIZE, RW | PROT_GROWSUP, 0, 0);
	same(sys_mprotect, SYS_mprotect, PAGE(0), PAGE_SIZE, PROT_SEM | RW, 0, 0);

	same(sys_mremap, SYS_mremap, PAGE(0) + 1, PAGE_SIZE, PAGE_SIZE, 0, 0);
	same(sys_mremap, SYS_mremap, PAGE(0), PAGE_SIZE, 0, 0, 0);
	same(sys_mremap, SYS_mremap, PAGE(0), PAGE_SIZE, PAGE_SIZE, 8, 0);
	same(sys_mremap, SYS_mremap, PAGE(0), PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, PAGE(50));
	same(sys_mremap, SYS_mremap, PAGE(0), 2 * PAGE_SIZE, 2 * PAGE_SIZE, 3, PAGE(1));
	same(sys_mremap, SYS_mremap, PAGE(0), PAGE_SIZE, 2 * PAGE_SIZE,
	     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	same(sys_mremap, SYS_mremap, PAGE(10), PAGE_SIZE, PAGE_SIZE, 0, 0);
	same(sys_mremap, SYS_mremap, PAGE(12), 2 * PAGE_SIZE, 3 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	same(sys_mremap, SYS_mremap, PAGE(0), 2 * PAGE_SIZE, 3 * PAGE_SIZE, 0, 0);
	same(sys_mremap, SYS_mremap, PAGE(0), 0, PAGE_SIZE, MREMAP_MAYMOVE, 0);

	same(sys_madvise, SYS_madvise, PAGE(0) + 1, PAGE_SIZE, MADV_NORMAL, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(0), PAGE_SIZE, 77, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(0), ~0UL, MADV_NORMAL, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(0), 0, MADV_DONTNEED, 0, 0);
	for (u64 advice = 0; advice <= MADV_WIPEONFORK; advice++)
		if (advice < 12 || advice > 13) /* KSM may not be built in */
			same(sys_madvise, SYS_madvise, PAGE(13), PAGE_SIZE, advice, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(8), 5 * PAGE_SIZE, MADV_DONTNEED, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(12), PAGE_SIZE, MADV_POPULATE_WRITE, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(12), PAGE_SIZE, MADV_POPULATE_READ, 0, 0);
	same(sys_madvise, SYS_madvise, PAGE(8), 5 * PAGE_SIZE, MADV_POPULATE_READ, 0, 0);

	same(sys_msync, SYS_msync, PAGE(0) + 1, PAGE_SIZE, MS_SYNC, 0, 0);
	same(sys_msync, SYS_msync, PAGE(0), PAGE_SIZE, MS_SYNC | MS_ASYNC, 0, 0);
	same(sys_msync, SYS_msync, PAGE(0), PAGE_SIZE, 8, 0, 0);
	same(sys_msync, SYS_msync, PAGE(0), PAGE_SIZE, MS_SYNC, 0, 0);
	same(sys_msync, SYS_msync, PAGE(8), 5 * PAGE_SIZE, MS_ASYNC, 0, 0);

	same(sys_mlock2, SYS_mlock2, PAGE(0), PAGE_SIZE, 8, 0, 0);
	same(sys_munlock, SYS_munlock, PAGE(0), PAGE_SIZE, 0, 0, 0);
	same(sys_munlock, SYS_munlock, PAGE(10), PAGE_SIZE, 0, 0, 0);
	same(sys_mlockall, SYS_mlockall, 0, 0, 0, 0, 0);
	same(sys_mlockall, SYS_mlockall, 8, 0, 0, 0, 0);
	same(sys_mlockall, SYS_mlockall, MCL_ONFAULT, 0, 0, 0, 0);
	syscall(SYS_munmap, PAGE(0), 32 * PAGE_SIZE);
}

static void test_mmap(void **state)
{
	u64 at = (u64)do_call(sys_mmap, 0, 100, RW, ANON, ~0UL, 0);

	(void)state;
	user_write(s, at, 3);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, ANON, ~0UL, 5), -EINVAL);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, ANON | MAP_HUGETLB, ~0UL, 0), -ENOMEM);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW,
				 ANON | MAP_HUGETLB | (30 << MAP_HUGE_SHIFT), ~0UL, 0),
			 -ENOMEM);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW,
				 ANON | MAP_HUGETLB | (16 << MAP_HUGE_SHIFT), ~0UL, 0),
			 -EINVAL);
	assert_true((u64)do_call(sys_mmap, 0, PAGE_SIZE, RW, ANON | MAP_32BIT, ~0UL, 0) <
		    1UL << 31);
	at = (u64)do_call(sys_mmap, 0, 8 * PAGE_SIZE, RW, ANON | MAP_POPULATE, ~0UL, 0);
	assert_int_equal(fake_read(s, at + 7 * PAGE_SIZE), 0);
	/* A hint that is no page, and one below the lowest. */
	assert_int_equal(do_call(sys_mmap, BASE + 77, PAGE_SIZE, RW, ANON, ~0UL, 0), BASE);
	assert_int_equal(do_call(sys_mmap, 1, PAGE_SIZE, RW, ANON, ~0UL, 0), SHADOW_START);
	assert_int_equal(do_call(sys_mmap, 0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, ~0UL,
				 0) > 0,
			 1);
}

static void test_mmap_file(void **state)
{
	u64 at;

	(void)state;
	module.open_id = 9;
	module.open_size = 5 * PAGE_SIZE;
	at = (u64)do_call(sys_mmap, 0, 3 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, 4, 2 * PAGE_SIZE);
	assert_int_equal(module.open_fd, 4);
	expect_byte(s, at, file_byte(9, 2));
	assert_int_equal(do_call(sys_mprotect, at, PAGE_SIZE, PROT_READ | PROT_EXEC, 0, 0, 0), 0);
	module.open_noexec = true;
	at = (u64)do_call(sys_mmap, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, 4, 0);
	assert_int_equal(do_call(sys_mprotect, at, PAGE_SIZE, PROT_READ | PROT_EXEC, 0, 0, 0),
			 -EACCES);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, 4, ~0xfffUL),
			 -EOVERFLOW);
	/* Linux's own refusal comes first. */
	module.open_error = -EACCES;
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, MAP_SHARED, 4, 0), -EACCES);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, 0, 4, 0), -EINVAL);
	module.open_error = 0;
	/* Without an id it is anonymous memory: /dev/zero. */
	module.idles = 0;
	module.open_id = 0;
	module.open_noexec = false;
	at = (u64)do_call(sys_mmap, 0, 2 * PAGE_SIZE, RW, MAP_PRIVATE, 4, PAGE_SIZE);
	assert_int_equal(user_write(s, at, 1), FR_OK);
	expect_byte(s, at + PAGE_SIZE, 0);
	at = (u64)do_call(sys_mmap, 0, 2 * PAGE_SIZE, RW, MAP_SHARED, 4, PAGE_SIZE);
	assert_int_equal(user_write(s, at + PAGE_SIZE, 1), FR_OK);
	assert_int_equal(module.idles, 0);
	module.open_id = 9;
	/* A mapping that fails gives it back too. */
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_GROWSDOWN, 4, 0),
			 -EINVAL);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_HUGETLB, 4, 0),
			 -EINVAL);
	assert_int_equal(do_call(sys_mmap, SHADOW_END, PAGE_SIZE, PROT_READ,
				 MAP_PRIVATE | MAP_FIXED, 4, 0),
			 -ENOMEM);
	assert_int_equal(do_call(sys_munmap, BASE, 1UL << 40, 0, 0, 0, 0), 0);
}

static void test_mlock(void **state)
{
	struct kpage *k = current_thread()->kpage;

	(void)state;
	map_anon(s, PAGE(0), 8 * PAGE_SIZE, RW);
	map_anon(s, PAGE(10), PAGE_SIZE, RW);
	k->rlimit_memlock = 4 * PAGE_SIZE;
	assert_int_equal(do_call(sys_mlock, PAGE(0) + 5, PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(s->locked_pages, 2);
	assert_int_equal(fake_read(s, PAGE(1)), 0);
	assert_int_equal(do_call(sys_mlock, PAGE(0), 4 * PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(do_call(sys_mlock, PAGE(4), PAGE_SIZE, 0, 0, 0, 0), -ENOMEM);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, ANON | MAP_LOCKED, ~0UL, 0), -EAGAIN);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_DONTNEED, 0, 0, 0), -EINVAL);
	assert_int_equal(do_call(sys_msync, PAGE(0), PAGE_SIZE, MS_INVALIDATE, 0, 0, 0), -EBUSY);
	assert_int_equal(do_call(sys_munlock, PAGE(0), 8 * PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(s->locked_pages, 0);
	/* Beyond what programs have, where the root's other half is the kernel's. */
	assert_int_equal(do_call(sys_munlock, PAGE(0), (1UL << 47) - PAGE(0) + 5 * PAGE_SIZE, 0, 0,
				 0, 0),
			 -ENOMEM);
	assert_int_equal(do_call(sys_munlock, ~0UL << 47, PAGE_SIZE, 0, 0, 0, 0), -ENOMEM);
	s->lock_future = true;
	assert_int_equal(do_call(sys_mmap, 0, 5 * PAGE_SIZE, RW, ANON, ~0UL, 0), -EAGAIN);
	s->lock_future = false;
	k->rlimit_memlock = 0;
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, ANON | MAP_LOCKED, ~0UL, 0), -EPERM);
	assert_int_equal(do_call(sys_mlock, PAGE(0), PAGE_SIZE, 0, 0, 0, 0), -EPERM);
	k->caps = KPAGE_CAP_IPC_LOCK;
	assert_int_equal(do_call(sys_mlock, PAGE(7), 2 * PAGE_SIZE, 0, 0, 0, 0), -ENOMEM);
	assert_int_equal(do_call(sys_mlockall, MCL_CURRENT | MCL_FUTURE, 0, 0, 0, 0, 0), 0);
	assert_int_equal(s->locked_pages, 9);
	map_anon(s, PAGE(20), PAGE_SIZE, RW);
	assert_int_equal(s->locked_pages, 10);
	assert_int_equal(do_call(sys_munlockall, 0, 0, 0, 0, 0, 0), 0);
	assert_int_equal(s->locked_pages, 0);
}

/* The ends of what programs may have: CAP_SYS_RAWIO below, the window above. */
static void test_ends_of_space(void **state)
{
	struct kpage *k = current_thread()->kpage;
	u64 fixed = ANON | MAP_FIXED;

	(void)state;
	assert_int_equal(do_call(sys_mmap, 0x1000, PAGE_SIZE, RW, fixed, ~0UL, 0), -EPERM);
	k->caps = KPAGE_CAP_SYS_RAWIO;
	assert_int_equal(do_call(sys_mmap, 0x1000, PAGE_SIZE, RW, fixed, ~0UL, 0), 0x1000);
	assert_int_equal(do_call(sys_mmap, 0, PAGE_SIZE, RW, fixed, ~0UL, 0), 0);
	/* As a hint it is rounded up for everybody. */
	assert_int_equal(do_call(sys_mmap, 0x2000, PAGE_SIZE, RW, ANON, ~0UL, 0), SHADOW_START);
	k->caps = 0;
	assert_int_equal(do_call(sys_mremap, 0x1000, PAGE_SIZE, PAGE_SIZE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, 0x4000, 0),
			 -EPERM);
	assert_int_equal(do_call(sys_munmap, 0, 16 * PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(do_call(sys_mmap, SHADOW_END, PAGE_SIZE, RW, fixed, ~0UL, 0), -ENOMEM);
	assert_true((u64)do_call(sys_mmap, SHADOW_END, PAGE_SIZE, RW, ANON, ~0UL, 0) < SHADOW_END);
	assert_int_equal(do_call(sys_munmap, SHADOW_END, PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(do_call(sys_munmap, BASE, USER_END - BASE, 0, 0, 0, 0), 0);
	assert_int_equal(do_call(sys_munmap, USER_END, PAGE_SIZE, 0, 0, 0, 0), -EINVAL);
}

/* The pages of the vDSO cannot be had a second time, and it does not grow. */
static void test_vdso_stays(void **state)
{
	struct map_args a = { .addr = PAGE(0),
			      .length = PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .region_flags = REGION_VDSO,
			      .fixed = true };

	(void)state;
	assert_int_equal(space_map(s, &a), PAGE(0));
	user_write(s, PAGE(0), 5);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_DONTNEED, 0, 0, 0), 0);
	expect_byte(s, PAGE(0), 5);
	assert_int_equal(do_call(sys_mremap, PAGE(0), PAGE_SIZE, 2 * PAGE_SIZE, 0, 0, 0), -EFAULT);
	/* Nor does a program take the clock's page from all others. */
	a.addr = PAGE(10);
	a.shm = shmobj_create(1);
	assert_int_equal(space_map(s, &a), PAGE(10));
	user_write(s, PAGE(10), 6);
	assert_int_equal(do_call(sys_madvise, PAGE(10), PAGE_SIZE, MADV_REMOVE, 0, 0, 0), -EINVAL);
	space_punch(s, PAGE(10), PAGE(11));
	expect_byte(s, PAGE(10), 6);
	assert_int_equal(do_call(sys_remap_file_pages, PAGE(10), PAGE_SIZE, 0, 0, 0, 0), -EINVAL);
}

/* A hole in shared memory: in each mapping of each process, in Linux's view, and in the accounts. */
static void test_remove(void **state)
{
	const u64 anon = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
	u64 *user = (u64 *)&boot_params->counters.pages_user, held;
	struct space *child = space_create();
	u8 got;

	(void)state;
	child->linux_id = (u64)child;
	do_call(sys_mmap, PAGE(0), 8 * PAGE_SIZE, RW, anon, ~0UL, 0);
	for (u8 i = 0; i < 8; i++)
		user_write(s, PAGE(i), (u8)(i + 1));
	assert_int_equal(do_call(sys_mremap, PAGE(0), 0, 8 * PAGE_SIZE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, PAGE(20), 0),
			 PAGE(20));
	assert_int_equal(space_fork(s, child), 0);
	space_cloned(s);
	for (u8 i = 0; i < 8; i++) {
		expect_byte(s, PAGE(20 + i), (u8)(i + 1));
		expect_byte(child, PAGE(i), (u8)(i + 1));
	}
	assert_int_equal(linux_write(child, PAGE(3), 33), 0);
	held = linux_hold(s, PAGE(22), true);
	assert_int_equal(*user, 8);
	/* From the fourth on by the second mapping's addresses. */
	assert_int_equal(do_call(sys_madvise, PAGE(22), 3 * PAGE_SIZE, MADV_REMOVE, 0, 0, 0), 0);
	check_shadow();
	assert_int_equal(*user, 5);
	for (u64 i = 0; i < 8; i++) {
		u8 want = i >= 2 && i < 5 ? 0 : (u8)(i + 1);

		expect_byte(s, PAGE(i), want);
		expect_byte(s, PAGE(20 + i), want);
		expect_byte(child, PAGE(i), want);
	}
	/* What is written there is seen by all again; who held the old page has it for himself. */
	*linux_page(held) = 99;
	user_write(child, PAGE(22), 77);
	expect_byte(s, PAGE(2), 77);
	assert_int_equal(linux_read(s, PAGE(22), &got), 0);
	assert_int_equal(got, 77);
	linux_release(held);
	/* Not what is locked, nor private memory; what may only be read, too. */
	do_call(sys_mprotect, PAGE(0), 8 * PAGE_SIZE, PROT_READ, 0, 0, 0);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_REMOVE, 0, 0, 0), 0);
	expect_byte(s, PAGE(20), 0);
	space_set_flags(s, PAGE(0), PAGE(8), REGION_LOCKED, 0);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_REMOVE, 0, 0, 0), -EINVAL);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_COLD, 0, 0, 0), -EINVAL);
	assert_int_equal(do_call(sys_madvise, PAGE(0), PAGE_SIZE, MADV_PAGEOUT, 0, 0, 0), -EINVAL);
	map_anon(s, PAGE(40), PAGE_SIZE, RW);
	assert_int_equal(do_call(sys_madvise, PAGE(40), PAGE_SIZE, MADV_REMOVE, 0, 0, 0), -EINVAL);
	assert_int_equal(do_call(sys_madvise, PAGE(40), PAGE_SIZE, MADV_COLD, 0, 0, 0), 0);
	space_put(child);
}

static void test_mincore(void **state)
{
	u64 vec = PAGE(100);
	u8 byte;

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	map_anon(s, vec, PAGE_SIZE, RW);
	user_write(s, PAGE(2), 1);
	assert_int_equal(do_call(sys_mincore, PAGE(0), 4 * PAGE_SIZE, vec, 0, 0, 0), 0);
	for (u64 i = 0; i < 4; i++) {
		user_read(s, vec + i, &byte);
		assert_int_equal(byte, i == 2);
	}
	assert_int_equal(do_call(sys_mincore, PAGE(0), 5 * PAGE_SIZE, vec, 0, 0, 0), -ENOMEM);
	assert_int_equal(do_call(sys_mincore, PAGE(0), PAGE_SIZE, PAGE(300), 0, 0, 0), -EFAULT);
	assert_int_equal(do_call(sys_mincore, PAGE(0) + 1, PAGE_SIZE, vec, 0, 0, 0), -EINVAL);
}

static void test_brk_call(void **state)
{
	(void)state;
	s->brk_start = s->brk_end = BASE;
	assert_int_equal(do_call(sys_brk, 0, 0, 0, 0, 0, 0), BASE);
	assert_int_equal(do_call(sys_brk, BASE + 5000, 0, 0, 0, 0, 0), BASE + 5000);
	assert_int_equal(user_write(s, PAGE(1), 1), FR_OK);
	current_thread()->kpage->rlimit_data = 3 * PAGE_SIZE;
	assert_int_equal(do_call(sys_brk, PAGE(5), 0, 0, 0, 0, 0), BASE + 5000);
}

/* Beyond more empty tables than one look goes through; and only what the hole has is looked at. */
static void test_remove_far(void **state)
{
	const u64 anon = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		  far = PAGE(512 * 640);

	(void)state;
	assert_int_equal(do_call(sys_mmap, PAGE(0), 512 * 650 * PAGE_SIZE, RW, anon, ~0UL, 0),
			 PAGE(0));
	for (u64 i = 0; i < 640; i++)
		user_write(s, PAGE(512 * i), 1);
	user_write(s, far, 2);
	user_write(s, far + PAGE_SIZE, 3);
	assert_int_equal(do_call(sys_madvise, PAGE(0), far - PAGE(0), MADV_DONTNEED, 0, 0, 0), 0);
	assert_int_equal(do_call(sys_madvise, far, PAGE_SIZE, MADV_REMOVE, 0, 0, 0), 0);
	expect_byte(s, far, 0);
	expect_byte(s, far + PAGE_SIZE, 3);
	expect_byte(s, PAGE(512), 1);
	user_write(s, far, 7);
	assert_int_equal(
		do_call(sys_madvise, PAGE(0), far + PAGE_SIZE - PAGE(0), MADV_REMOVE, 0, 0, 0), 0);
	expect_byte(s, PAGE(512), 0);
	expect_byte(s, far, 0);
	expect_byte(s, far + PAGE_SIZE, 3);
}

/* Who carries entries from place to place learns of the holes made meanwhile. */
static void test_holes_told(void **state)
{
	struct map_args a = {
		.addr = PAGE(0), .length = 4 * PAGE_SIZE, .prot = RW, .max_prot = RW, .fixed = true
	};
	u64 mark;

	(void)state;
	a.shm = shmobj_create(4);
	assert_int_equal(space_map(s, &a), PAGE(0));
	mark = shmobj_holes(a.shm);
	user_write(s, PAGE(1), 4);
	assert_false(shmobj_holes_since(a.shm, mark));
	space_punch(s, PAGE(1), PAGE(2));
	assert_true(shmobj_holes_since(a.shm, mark));
	assert_false(shmobj_holes_since(a.shm, shmobj_holes(a.shm)));
	/* An entry that the scan has missed is found by that look. */
	user_write(s, PAGE(1), 5);
	space_take_dropped(s, a.shm);
	expect_byte(s, PAGE(1), 5);
}

int main(void)
{
#define TEST(name) world_test(name, &s, world_put)
	const struct CMUnitTest tests[] = {
		TEST(test_as_linux),   TEST(test_mmap),		 TEST(test_mmap_file),
		TEST(test_mlock),      TEST(test_mincore),	 TEST(test_brk_call),
		TEST(test_remove),     TEST(test_remove_far),	 TEST(test_holes_told),
		TEST(test_vdso_stays), TEST(test_ends_of_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
