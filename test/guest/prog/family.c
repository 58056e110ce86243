/* SPDX-License-Identifier: GPL-2.0-only */
/* fork, vfork, posix_spawn, exec, wait: children, their ends, groups and sessions. */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

extern char **environ;

static struct gate gate, back;

static void exit_with(void *arg)
{
	_exit(*(int *)arg);
}

static void fork_ids(void *arg)
{
	pid_t *seen = arg;

	seen[0] = getpid();
	seen[1] = getppid();
	seen[2] = getpgrp();
	seen[3] = getsid(0);
	seen[4] = syscall(SYS_gettid);
}

static void ids(void)
{
	pid_t *seen = prog_shared(PAGE), pid;

	for (int i = 0; i < 3; i++) {
		pid = prog_fork(fork_ids, seen);
		CHECK_EXIT(pid, 0);
		CHECK(seen[0] == pid && seen[4] == pid && seen[1] == getpid());
		CHECK(seen[2] == getpgrp() && seen[3] == getsid(0));
	}
}

static void descriptors_child(void *arg)
{
	int *fd = arg;

	CHECK(lseek(fd[0], 10, SEEK_CUR) == 15); /* one offset for both */
	CHECK(close(fd[1]) == 0);
	CHECK(chdir("/") == 0 && umask(0) == 022);
}

static void descriptors(void)
{
	int fd[2] = { prog_file(100), prog_file(100) };
	char before[4096], after[4096];

	NEED(getcwd(before, sizeof(before)));
	umask(022);
	CHECK(lseek(fd[0], 5, SEEK_SET) == 5);
	CHECK_EXIT(prog_fork(descriptors_child, fd), 0);
	CHECK(lseek(fd[0], 0, SEEK_CUR) == 15);
	CHECK(lseek(fd[1], 0, SEEK_CUR) == 0);
	CHECK(getcwd(after, sizeof(after)) && strcmp(before, after) == 0 && umask(0) == 022);
}

static void die_of(void *arg)
{
	raise(*(int *)arg);
}

static void ends(void)
{
	static const int codes[] = { 0, 1, 2, 42, 127, 128, 255 };
	static const int signals[] = { SIGHUP,	SIGINT,	 SIGQUIT, SIGILL,  SIGABRT, SIGBUS,
				       SIGFPE,	SIGKILL, SIGUSR1, SIGSEGV, SIGPIPE, SIGALRM,
				       SIGTERM, SIGSYS,	 34,	  40,	   64 };
	siginfo_t info;
	int status;

	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		status = prog_wait(prog_fork(exit_with, (void *)&codes[i]));
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == codes[i]);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		pid_t pid = prog_fork(die_of, (void *)&signals[i]);

		CHECK(waitid(P_PID, pid, &info, WEXITED) == 0);
		CHECK(info.si_signo == SIGCHLD && info.si_pid == pid && info.si_code == CLD_KILLED);
		CHECK(info.si_status == signals[i]);
	}
}

static void crash_null(void *arg)
{
	(void)arg;
	*(volatile int *)NULL = 1;
}

static void crash_divide(void *arg)
{
	__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::"r"(arg)
			 : "eax", "ecx", "edx");
}

static void crash_opcode(void *arg)
{
	__asm__ volatile("ud2" ::"r"(arg));
}

static void crash_breakpoint(void *arg)
{
	__asm__ volatile("int3" ::"r"(arg));
}

static void crash_privileged(void *arg)
{
	__asm__ volatile("hlt" ::"r"(arg));
}

static void crash_kernel(void *arg)
{
	(void)arg;
	(void)*(volatile int *)0xffffffff81000000UL;
}

static void crash_address(void *arg)
{
	(void)arg;
	(void)*(volatile int *)0x0123456789abcdefUL;
}

static void crash_stack(void *arg)
{
	(void)arg;
	__asm__ volatile("xor %%esp, %%esp; push %%rax" ::: "memory");
	__builtin_unreachable();
}

static void crash_interrupt(void *arg)
{
	__asm__ volatile("int $0xf0" ::"r"(arg)); /* a vector that is not for programs */
}

static void crashes(void)
{
	static const struct {
		void (*how)(void *);
		int signo;
	} crash[] = {
		{ crash_null, SIGSEGV },       { crash_divide, SIGFPE },
		{ crash_opcode, SIGILL },      { crash_breakpoint, SIGTRAP },
		{ crash_privileged, SIGSEGV }, { crash_kernel, SIGSEGV },
		{ crash_address, SIGSEGV },    { crash_stack, SIGSEGV },
		{ crash_interrupt, SIGSEGV },
	};

	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	for (size_t i = 0; i < sizeof(crash) / sizeof(*crash); i++) {
		int status = prog_wait(prog_fork(crash[i].how, NULL));

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == crash[i].signo &&
		      !WCOREDUMP(status));
	}
}

static void wait_for_gate(void *arg)
{
	gate_await(gate);
	_exit(*(int *)arg);
}

static void wait_options(void)
{
	int code = 7, status;
	pid_t pid, other;
	struct rusage usage;
	siginfo_t info;

	gate = gate_make();
	CHECK_FAILS(wait(&status), ECHILD);
	pid = prog_fork(wait_for_gate, &code);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	info.si_pid = 99;
	CHECK(waitid(P_PID, pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
	CHECK_FAILS(waitpid(getpid(), &status, 0), ECHILD);
	CHECK_FAILS(waitpid(-99999, &status, 0), ECHILD);
	CHECK_FAILS(waitpid(pid, &status, 0x4000), EINVAL);
	CHECK_FAILS(waitid(P_PID, pid, &info, 0), EINVAL);
	gate_open(gate);
	CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 7);
	CHECK(wait4(pid, &status, 0, &usage) == pid && status == 7 << 8);
	CHECK_FAILS(waitpid(pid, &status, 0), ECHILD);
	/* By group. */
	pid = prog_fork(wait_for_gate, &code);
	other = prog_fork(wait_for_gate, &code);
	CHECK(setpgid(pid, 0) == 0 && getpgid(pid) == pid);
	CHECK(setpgid(other, pid) == 0);
	CHECK(waitpid(-pid, &status, WNOHANG) == 0);
	CHECK_FAILS(waitpid(0, &status, WNOHANG), ECHILD);
	gate_open(gate);
	gate_open(gate);
	CHECK(waitid(P_PGID, pid, &info, WEXITED) == 0);
	CHECK(waitpid(-pid, &status, 0) > 0);
	CHECK_FAILS(waitpid(-pid, &status, 0), ECHILD);
}

static void stops(void)
{
	int code = 3, status;
	siginfo_t info;
	pid_t pid;

	gate = gate_make();
	pid = prog_fork(wait_for_gate, &code);
	for (int i = 0; i < 3; i++) {
		CHECK(kill(pid, SIGSTOP) == 0);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
		CHECK(kill(pid, SIGCONT) == 0);
		CHECK(waitid(P_PID, pid, &info, WCONTINUED) == 0);
		CHECK(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
	}
	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitid(P_PID, pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED);
	gate_open(gate);
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK_EXIT(pid, 3);
}

/* A stopped process that computes stands still, and goes on from there. */
static void count_up(void *arg)
{
	volatile long *count = arg;

	for (;;)
		++*count;
}

static void stopped_computing(void)
{
	volatile long *count = prog_shared(PAGE);
	pid_t pid = prog_fork(count_up, (void *)count);
	long before;
	int status;

	for (int i = 0; i < 5; i++) {
		for (before = *count; *count == before;)
			sched_yield();
		CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
		before = *count;
		for (int j = 0; j < 200; j++)
			CHECK(getppid() > 0 && *count == before);
		CHECK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid);
	}
	CHECK(kill(pid, SIGKILL) == 0);
	CHECK_KILLED(pid, SIGKILL);
}

static void usage(void)
{
	volatile long *count = prog_shared(PAGE);
	struct rusage used;
	pid_t pid = prog_fork(count_up, (void *)count);
	int status;

	/* Its CPU time stands in the account that its parent gets. */
	while (*count < 20000000)
		sched_yield();
	CHECK(kill(pid, SIGKILL) == 0 && wait4(pid, &status, 0, &used) == pid);
	CHECK(used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec > 1000);
	CHECK(getrusage(RUSAGE_CHILDREN, &used) == 0);
	CHECK(used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec > 1000);
}

static void many_children(void)
{
	enum { CHILDREN = 40 };
	static int code[CHILDREN];
	pid_t pid[CHILDREN];
	int status, sum = 0;

	for (int i = 0; i < CHILDREN; i++) {
		code[i] = i;
		pid[i] = prog_fork(exit_with, &code[i]);
	}
	for (int i = 0; i < CHILDREN; i += 2)
		CHECK_EXIT(pid[i], i);
	for (int i = 0; i < CHILDREN / 2; i++) {
		NEED(wait(&status) > 0);
		sum += WEXITSTATUS(status);
	}
	CHECK(sum == CHILDREN * CHILDREN / 4);
	CHECK_FAILS(wait(&status), ECHILD);
}

static void branch(void *arg)
{
	int depth = *(int *)arg - 1;
	pid_t pid[3];

	for (int i = 0; i < 3 && depth > 0; i++)
		pid[i] = prog_fork(branch, &depth);
	for (int i = 0; i < 3 && depth > 0; i++)
		CHECK_EXIT(pid[i], 0);
	gate_open(gate);
}

static void tree(void)
{
	int depth = 3;

	gate = gate_make();
	CHECK_EXIT(prog_fork(branch, &depth), 0);
	for (int i = 0; i < 1 + 3 + 9; i++)
		gate_await(gate);
}

static void wait_for_orphan(void *arg)
{
	int code = 5;
	pid_t *pid = arg;

	*pid = prog_fork(wait_for_gate, &code);
}

/* A child whose parent has died goes to the subreaper, and is waited for there. */
static void orphans(void)
{
	pid_t *pid = prog_shared(PAGE);

	gate = gate_make();
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EXIT(prog_fork(wait_for_orphan, pid), 0);
		gate_open(gate);
		CHECK_EXIT(*pid, 5);
	}
}

static void session_child(void *arg)
{
	(void)arg;
	CHECK(setsid() == getpid());
	CHECK(getsid(0) == getpid() && getpgrp() == getpid());
	CHECK_FAILS(setsid(), EPERM);
	CHECK_FAILS(setpgid(0, 0), EPERM);
	CHECK(open("/dev/tty", O_RDWR) < 0 && errno == ENXIO);
}

static void sessions(void)
{
	CHECK_EXIT(prog_fork(session_child, NULL), 0);
	CHECK_FAILS(setpgid(1, 0), ESRCH);
	CHECK_FAILS(getpgid(99999999), ESRCH);
}

static void parent_death_child(void *arg)
{
	int code = 1;
	pid_t *child = arg, pid = fork();

	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
		gate_open(back);
		gate_await(gate);
	}
	*child = pid;
	gate_await(back);
	_exit(code);
}

static void parent_death(void)
{
	pid_t *pid = prog_shared(PAGE);

	gate = gate_make();
	back = gate_make();
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	CHECK_EXIT(prog_fork(parent_death_child, pid), 1);
	CHECK_KILLED(*pid, SIGUSR2);
}

/* Killed, it has run: the counters tell a process that never did. */
static void open_gates(void *arg)
{
	gate_open(back);
	wait_for_gate(arg);
}

static void pidfds(void)
{
	int code = 9, fd;
	pid_t pid;
	siginfo_t info;

	gate = gate_make();
	pid = prog_fork(wait_for_gate, &code);
	fd = syscall(SYS_pidfd_open, pid, 0);
	NEED(fd >= 0);
	CHECK(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0) == 0);
	gate_open(gate);
	CHECK(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, -1) == 1);
	CHECK(waitid(P_PIDFD, fd, &info, WEXITED) == 0 && info.si_status == 9);
	back = gate_make();
	pid = prog_fork(open_gates, &code);
	gate_await(back);
	fd = syscall(SYS_pidfd_open, pid, 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0);
	CHECK_KILLED(pid, SIGTERM);
}

/* vfork's child runs in its parent's memory, and the parent stands still meanwhile. */
static void vforks(void)
{
	volatile int value = 1, i;
	pid_t pid, parent = getpid();
	char *args[] = { "true", NULL };
	int status;

	for (i = 0; i < 3; i++) {
		pid = vfork();
		if (pid == 0) {
			value += getppid() == parent && getpid() != parent;
			_exit(4);
		}
		CHECK(pid > 0 && value == 2 + i);
		CHECK_EXIT(pid, 4);
	}
	pid = vfork();
	if (pid == 0) {
		value = 10;
		execv("/bin/true", args);
		_exit(5);
	}
	CHECK(value == 10);
	CHECK_EXIT(pid, 0);
	pid = vfork();
	if (pid == 0) {
		execv("/nonexistent", args);
		value = errno;
		_exit(6);
	}
	CHECK(value == ENOENT);
	CHECK_EXIT(pid, 6);
	pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(7);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

static void spawns(void)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *args[] = { "sh", "-c", "pwd; echo $GREETING; cat; test -z \"$HOME\"; exit 11", NULL };
	char *env[] = { "GREETING=hello", "PATH=/usr/bin:/bin", NULL };
	char text[100];
	int in[2], out[2], status;
	ssize_t n, have = 0;
	sigset_t none;
	pid_t pid;

	NEED(pipe(in) == 0 && pipe(out) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	for (int i = 0; i < 2; i++) {
		posix_spawn_file_actions_addclose(&actions, in[i]);
		posix_spawn_file_actions_addclose(&actions, out[i]);
	}
	posix_spawn_file_actions_addchdir_np(&actions, "/usr");
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	CHECK(posix_spawnp(&pid, "sh", &actions, &attributes, args, env) == 0);
	CHECK(write(in[1], "input\n", 6) == 6);
	close(in[0]), close(in[1]), close(out[1]);
	while ((n = read(out[0], text + have, sizeof(text) - have)) > 0)
		have += n;
	CHECK(have == 17 && memcmp(text, "/usr\nhello\ninput\n", 17) == 0);
	CHECK_EXIT(pid, 11);
	CHECK(posix_spawn(&pid, "/nonexistent", NULL, NULL, args, env) == ENOENT);
	CHECK(posix_spawn(&pid, "/etc/passwd", NULL, NULL, args, env) == EACCES);
	CHECK_FAILS(wait(&status), ECHILD);
}

/* exec: this program again, which counts down and tells what it finds. */
static char self[4096];

static void exec_again(const char *what, const char *left, char **env)
{
	char *args[] = { "family", "exec_step", (char *)what, (char *)left, NULL };

	execve(self, args, env);
	CHECK(!"execve returned");
}

static void find_self(void)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	NEED(n > 0);
	self[n] = '\0';
}

static void on_hangup(int signo)
{
	(void)signo;
	prog_exit();
}

static void exec_chain_child(void *arg)
{
	int kept = dup(STDOUT_FILENO), closed = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	char text[100], *env[] = { text, "OTHER=", NULL };
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	NEED(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && raise(SIGUSR2) == 0);
	NEED(signal(SIGTERM, SIG_IGN) != SIG_ERR && signal(SIGHUP, on_hangup) != SIG_ERR);
	NEED(prog_map(1 << 20));
	umask(0123);
	snprintf(text, sizeof(text), "KEPT=%d,%d,%d", kept, closed, getpid());
	exec_again("chain", "12", env);
}

static void exec_chain(void)
{
	find_self();
	CHECK_EXIT(prog_fork(exec_chain_child, NULL), 0);
}

static void exec_step_chain(int left)
{
	char text[20];
	int kept, closed, pid;
	sigset_t set;

	NEED(getenv("KEPT") && sscanf(getenv("KEPT"), "%d,%d,%d", &kept, &closed, &pid) == 3);
	CHECK(getpid() == pid);
	CHECK(fcntl(kept, F_GETFD) == 0 && fcntl(closed, F_GETFD) == -1);
	CHECK(strcmp(environ[1], "OTHER=") == 0 && !environ[2]);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2) == 1);
	CHECK(sigpending(&set) == 0 && sigismember(&set, SIGUSR2) == 1);
	CHECK(signal(SIGTERM, SIG_IGN) == SIG_IGN && signal(SIGHUP, SIG_DFL) == SIG_DFL);
	CHECK(umask(0123) == 0123);
	if (left > 0) {
		find_self();
		snprintf(text, sizeof(text), "%d", left - 1);
		exec_again("chain", text, environ);
	}
}

/* A failed exec leaves the caller as it was. */
static void exec_errors(void)
{
	char *args[] = { "x", NULL }, *huge = malloc(200000), *p = prog_map(PAGE);
	char *too_long[] = { "x", huge, NULL }, **many = calloc(200000, sizeof(char *));
	int fd;

	memset(p, 'p', PAGE);
	memset(huge, 'h', 199999);
	huge[199999] = '\0';
	for (int i = 0; i < 199990; i++)
		many[i] = "many many arguments, fifty bytes each, and more.";
	fd = open("file", O_CREAT | O_WRONLY, 0755);
	NEED(fd >= 0 && write(fd, "not a program\n", 14) == 14 && close(fd) == 0);
	CHECK_FAILS(execv("/nonexistent", args), ENOENT);
	CHECK_FAILS(execv("", args), ENOENT);
	CHECK_FAILS(execv("/etc/passwd", args), EACCES);
	CHECK_FAILS(execv("/etc", args), EACCES);
	CHECK_FAILS(execv("/etc/passwd/x", args), ENOTDIR);
	CHECK_FAILS(execv("./file", args), ENOEXEC);
	CHECK_FAILS(execv("/bin/true", too_long), E2BIG);
	CHECK_FAILS(execv("/bin/true", many), E2BIG);
	CHECK_FAILS(syscall(SYS_execve, 1, args, environ), EFAULT);
	CHECK_FAILS(syscall(SYS_execve, "/bin/true", 1, environ), EFAULT);
	NEED(symlink("loop", "loop") == 0);
	CHECK_FAILS(execv("./loop", args), ELOOP);
	fd = open("file", O_WRONLY | O_TRUNC);
	NEED(fd >= 0 && write(fd, "#!/nonexistent\n", 15) == 15);
	CHECK_FAILS(execv("./file", args), ETXTBSY);
	NEED(close(fd) == 0);
	CHECK_FAILS(execv("./file", args), ENOENT);
	CHECK(unlink("file") == 0 && unlink("loop") == 0);
	CHECK(prog_filled(p, PAGE, 'p'));
	p[0] = 'q';
}

static void exec_large_child(void *arg)
{
	static char text[100001], *args[15], *env[2] = { "SMALL=1", NULL };

	(void)arg;
	memset(text, 'a', 100000);
	args[0] = "family";
	args[1] = "exec_step";
	args[2] = "large";
	for (int i = 3; i < 14; i++)
		args[i] = text;
	execve(self, args, env);
	CHECK(!"execve returned");
}

/* A megabyte of arguments. */
static void exec_large(void)
{
	find_self();
	CHECK_EXIT(prog_fork(exec_large_child, NULL), 0);
}

/* By descriptor of a directory, of the file itself, and by script. */
static void execat_child(void *arg)
{
	char *args[] = { "true", NULL };

	(void)arg;
	syscall(SYS_execveat, open("/bin", O_PATH | O_CLOEXEC), "true", args, environ, 0);
	CHECK(!"execveat returned");
}

static void fexec_child(void *arg)
{
	char *args[] = { "true", NULL };

	(void)arg;
	fexecve(open("/bin/true", O_RDONLY | O_CLOEXEC), args, environ);
	CHECK(!"fexecve returned");
}

static void script_child(void *arg)
{
	char *args[] = { "ignored", "one", "two words", NULL };

	execve(arg, args, environ);
	CHECK(!"execve returned");
}

static void exec_ways(void)
{
	int fd;

	CHECK_EXIT(prog_fork(execat_child, NULL), 0);
	CHECK_EXIT(prog_fork(fexec_child, NULL), 0);
	fd = open("first", O_CREAT | O_WRONLY, 0755);
	NEED(fd >= 0);
	dprintf(fd, "#!/bin/sh -e\necho \"$# $0 $1 $2\"\nfalse\nexit 9\n");
	close(fd);
	fd = open("second", O_CREAT | O_WRONLY, 0755);
	NEED(fd >= 0);
	dprintf(fd, "#! ./first  an argument \n");
	close(fd);
	CHECK_EXIT(prog_fork(script_child, "./first"), 1);
	CHECK_EXIT(prog_fork(script_child, "./second"), 1);
	CHECK(unlink("first") == 0 && unlink("second") == 0);
}

/* clone in the forms that make a process. */
static long raw_clone(unsigned long flags, int *parent_tid, int *child_tid)
{
	return syscall(SYS_clone, flags, NULL, parent_tid, child_tid, 0);
}

static void clones(void)
{
	int *ids = prog_shared(PAGE), pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
				   .exit_signal = SIGCHLD,
				   .pidfd = (uintptr_t)&pidfd,
				   .parent_tid = (uintptr_t)&ids[3] };
	char before[4096], after[4096];
	siginfo_t info;
	pid_t pid;
	int status;

	pid = raw_clone(SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
			&ids[0], &ids[1]);
	if (pid == 0)
		_exit(ids[1] == syscall(SYS_getpid) ? 3 : 4);
	CHECK(pid > 0 && ids[0] == pid);
	CHECK_EXIT(pid, 3);
	/* Shared working directory and descriptors. */
	NEED(getcwd(before, sizeof(before)));
	pid = raw_clone(SIGCHLD | CLONE_FS | CLONE_FILES, NULL, NULL);
	if (pid == 0)
		_exit(chdir("/usr") != 0 || dup2(1, 99) != 99);
	CHECK_EXIT(pid, 0);
	CHECK(getcwd(after, sizeof(after)) && strcmp(after, "/usr") == 0 && chdir(before) == 0);
	CHECK(close(99) == 0);
	/* Another signal at the end, seen only with __WCLONE. */
	pid = raw_clone(0, NULL, NULL);
	if (pid == 0)
		_exit(2);
	CHECK_FAILS(waitpid(pid, &status, 0), ECHILD);
	CHECK(waitpid(pid, &status, __WCLONE) == pid && status == 2 << 8);
	/* A brother. */
	pid = raw_clone(SIGCHLD, NULL, NULL);
	if (pid == 0) {
		pid = raw_clone(SIGCHLD | CLONE_PARENT, NULL, NULL);
		if (pid > 0)
			ids[2] = pid;
		_exit(pid == 0 ? 6 : 5);
	}
	CHECK_EXIT(pid, 5);
	CHECK_EXIT(ids[2], 6);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(8);
	CHECK(pid > 0 && ids[3] == pid && pidfd >= 0);
	CHECK(waitid(P_PIDFD, pidfd, &info, WEXITED) == 0 && info.si_pid == pid &&
	      info.si_status == 8);
	CHECK_FAILS(syscall(SYS_clone3, &args, 8), EINVAL);
	CHECK_FAILS(raw_clone(SIGCHLD | CLONE_FS | CLONE_NEWNS, NULL, NULL), EINVAL);
	CHECK_FAILS(raw_clone(SIGCHLD | CLONE_SIGHAND, NULL, NULL), EINVAL);
}

static void namespace_child(void *arg)
{
	pid_t pid;

	(void)arg;
	NEED(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (pid == 0) {
		pid = getpid() == 1 && getppid() == 0 ? fork() : -1;
		if (pid == 0)
			_exit(getpid() == 2 && getppid() == 1 ? 0 : 1);
		_exit(pid == 2 && prog_wait(pid) == 0 ? 0 : 1);
	}
	CHECK_EXIT(pid, 0);
}

/* Ids are those of the process's own pid namespace. */
static void namespaces(void)
{
	CHECK_EXIT(prog_fork(namespace_child, NULL), 0);
}

static const struct prog_case cases[] = {
	{ "ids", ids },
	{ "descriptors", descriptors },
	{ "ends", ends },
	{ "crashes", crashes },
	{ "wait_options", wait_options },
	{ "stops", stops },
	{ "stopped_computing", stopped_computing },
	{ "usage", usage },
	{ "many_children", many_children },
	{ "tree", tree },
	{ "orphans", orphans },
	{ "sessions", sessions },
	{ "parent_death", parent_death },
	{ "pidfds", pidfds },
	{ "vforks", vforks },
	{ "spawns", spawns },
	{ "exec_chain", exec_chain },
	{ "exec_errors", exec_errors },
	{ "exec_large", exec_large },
	{ "exec_ways", exec_ways },
	{ "clones", clones },
	{ "namespaces", namespaces },
};

/* family exec_step WHAT ...: what the exec cases execute. */
static void exec_step(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[2], "chain") == 0) {
		exec_step_chain(atoi(argv[3]));
		prog_exit();
	}
	CHECK(argc == 14 && strcmp(argv[2], "large") == 0);
	for (int i = 3; i < argc; i++)
		CHECK(strlen(argv[i]) == 100000 && prog_filled(argv[i], 100000, 'a'));
	CHECK(strcmp(environ[0], "SMALL=1") == 0 && !environ[1]);
	prog_exit();
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "exec_step") == 0)
		exec_step(argc, argv);
	return prog_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
