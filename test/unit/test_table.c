// SPDX-License-Identifier: GPL-2.0-only
/* The system call table: it passes its own check, and says the right thing about calls that matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/numa.h"
#include "mck/sys_memory.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define STUB(name)                  \
	s64 name(const u64 arg[6])  \
	{                           \
		return (s64)arg[0]; \
	}
/* clang-format off: a list of macros reads as a list */
STUB(sys_mmap)
STUB(sys_munmap)
STUB(sys_mprotect)
STUB(sys_pkey_mprotect)
STUB(sys_mremap)
STUB(sys_brk)
STUB(sys_msync)
STUB(sys_sysinfo)
STUB(sys_mincore)
STUB(sys_remap_file_pages)
STUB(sys_madvise)
STUB(sys_shmat)
STUB(sys_shmdt)
STUB(sys_io_setup)
STUB(sys_io_destroy)
STUB(sys_mlock)
STUB(sys_mlock2)
STUB(sys_set_mempolicy)
STUB(sys_get_mempolicy)
STUB(sys_mbind)
STUB(sys_set_mempolicy_home_node)
STUB(sys_migrate_pages)
STUB(sys_move_pages)
STUB(sys_munlock)
STUB(sys_mlockall)
STUB(sys_munlockall)
STUB(sys_rt_sigaction)
STUB(sys_rt_sigprocmask)
STUB(sys_rt_sigreturn)
STUB(sys_sigaltstack)
STUB(sys_tkill)
STUB(sys_tgkill)
STUB(sys_clone)
STUB(sys_clone3)
STUB(sys_fork)
STUB(sys_vfork)
STUB(sys_exit)
STUB(sys_exit_group)
STUB(sys_set_tid_address)
STUB(sys_arch_prctl)
STUB(sys_prctl)
STUB(sys_ptrace)
STUB(sys_futex)
STUB(sys_futex_waitv)
STUB(sys_set_robust_list)
STUB(sys_get_robust_list)
STUB(sys_rseq)
STUB(sys_membarrier)
STUB(sys_sched_yield)
STUB(sys_sched_setaffinity)
STUB(sys_sched_getaffinity)
STUB(sys_getcpu)
STUB(sys_clock_gettime)
STUB(sys_gettimeofday)
STUB(sys_time)
STUB(sys_restart_syscall)
STUB(sys_personality)
/* clang-format on */

static u32 words[SYSCALL_MAX];

void arch_call_word(u32 nr, u32 word)
{
	words[nr] = word;
}

/* What arch/ answers by itself are the ids, each by its own word. */
static void test_words(void **state)
{
	(void)state;
	syscall_init();
	for (u32 nr = 0; nr < SYSCALL_MAX; nr++)
		assert_int_equal(!!words[nr], syscall_table[nr].route == ROUTE_WORD);
	assert_int_equal(words[NR_getpid], offsetof(struct kpage, pid));
	assert_int_equal(words[NR_gettid], offsetof(struct kpage, tid));
	assert_int_equal(words[NR_getuid], offsetof(struct kpage, uid));
	assert_int_equal(words[NR_geteuid], offsetof(struct kpage, euid));
	assert_int_equal(words[NR_getgid], offsetof(struct kpage, gid));
	assert_int_equal(words[NR_getegid], offsetof(struct kpage, egid));
	assert_int_equal(words[NR_getppid], 0);
}

static void test_check(void **state)
{
	u32 nr;

	(void)state;
	assert_null(syscall_table_check(&nr));
}

/* A name stands for one number. */
static void test_names(void **state)
{
	(void)state;
	for (u32 i = 0; i < SYSCALL_MAX; i++) {
		for (u32 j = 0; syscall_table[i].name && j < i; j++) {
			if (syscall_table[j].name)
				assert_string_not_equal(syscall_table[i].name,
							syscall_table[j].name);
		}
	}
	assert_string_equal(syscall_table[0].name, "read");
	assert_string_equal(syscall_table[231].name, "exit_group");
}

/* What would change the proxy instead of the program never gets through. */
static void test_never_passed(void **state)
{
	static const u32 never[] = {
		NR_seccomp,
		NR_rseq,
		NR_userfaultfd,
		NR_shmat,
		NR_shmdt,
		NR_mmap,
		NR_munmap,
		NR_mprotect,
		NR_mremap,
		NR_brk,
		NR_madvise,
		NR_msync,
		NR_mlockall,
		NR_munlockall,
		NR_remap_file_pages,
		NR_arch_prctl,
		NR_set_tid_address,
		NR_set_robust_list,
		NR_sigaltstack,
		NR_rt_sigreturn,
		NR_modify_ldt,
		NR_iopl,
		NR_ioperm,
		NR_clone,
		NR_clone3,
		NR_fork,
		NR_vfork,
		NR_prctl,
		NR_ptrace,
		NR_pkey_mprotect,
		NR_process_madvise,
		NR_membarrier,
		NR_mbind,
		NR_set_mempolicy,
		NR_restart_syscall,
		NR_uretprobe,
		NR_map_shadow_stack,
		NR_futex_waitv,
		NR_futex_wake,
		NR_futex_wait,
		NR_futex_requeue,
		NR_mseal,
	};

	(void)state;
	for (u32 i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_int_not_equal(syscall_table[never[i]].route, ROUTE_OFFLOAD);
	assert_int_equal(syscall_table[NR_userfaultfd].error, ENOSYS);
}

/* x86-64 has no calls of these numbers: between them its table follows that of all machines. */
#define GAP_START 336
#define GAP_END 424

/* Every call of the newest kernel has a line, and nothing but these gets through. */
static void test_complete(void **state)
{
	(void)state;
	for (u32 nr = 0; nr < SYSCALL_MAX; nr++) {
		if (nr >= GAP_START && nr < GAP_END)
			assert_int_equal(syscall_table[nr].route, ROUTE_NONE);
		else
			assert_int_not_equal(syscall_table[nr].route, ROUTE_NONE);
	}
	assert_int_equal(SYSCALL_MAX, NR_mseal + 1);
}

/* The mask of the index: never beyond the table, whatever a branch was guessed to be. */
static void test_index(void **state)
{
	static const u64 beyond[] = { SYSCALL_MAX, SYSCALL_MAX + 1, 0xffffffffUL, 1UL << 63, ~0UL };

	(void)state;
	for (u64 nr = 0; nr < SYSCALL_MAX; nr++)
		assert_int_equal(arch_index_nospec(nr, SYSCALL_MAX), nr);
	for (u32 i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		assert_int_equal(arch_index_nospec(beyond[i], SYSCALL_MAX), 0);
}

/* No code knows their arguments' types. */
static void test_plain(void **state)
{
	static const u32 plain[] = {
		NR_read,	  NR_write,	      NR_readv,		NR_sendmmsg,  NR_recvmsg,
		NR_epoll_wait,	  NR_io_submit,	      NR_io_cancel,	NR_ioctl,     NR_ppoll,
		NR_rt_sigsuspend, NR_rt_sigtimedwait, NR_rt_sigpending, NR_nanosleep, NR_wait4,
		NR_waitid,	  NR_execve,	      NR_execveat,	NR_kill,
	};

	(void)state;
	for (u32 i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_int_equal(syscall_table[plain[i]].route, ROUTE_OFFLOAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),	 cmocka_unit_test(test_words),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_never_passed),
		cmocka_unit_test(test_complete), cmocka_unit_test(test_index),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
