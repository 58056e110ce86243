/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's test programs share. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static int failed;

void say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(3);
}

void prog_check(bool good, const char *file, int line, const char *text)
{
	int error = errno;

	if (good)
		return;
	failed = 1;
	say("FAILED %s:%d: %s (errno %d)", file, line, text, error);
	errno = error;
}

void prog_exit(void)
{
	_exit(failed);
}

int prog_main(int argc, char **argv, const struct prog_case *cases, size_t count)
{
	for (size_t c = 0; argc < 2 && c < count; c++)
		say("%s", cases[c].name);
	for (int i = 1; i < argc; i++) {
		size_t c = 0;

		while (c < count && strcmp(cases[c].name, argv[i]) != 0)
			c++;
		if (c == count) {
			fprintf(stderr, "%s: no such case\n", argv[i]);
			return 2;
		}
		cases[c].run();
		say("%s: %s", argv[i], failed ? "failed" : "good");
	}
	return failed;
}

pid_t prog_fork(void (*body)(void *), void *arg)
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid == 0) {
		failed = 0;
		body(arg);
		prog_exit();
	}
	return pid;
}

int prog_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid) {
		if (errno != EINTR)
			return -errno;
	}
	return status;
}

void *prog_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

void *prog_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

bool prog_filled(const void *p, size_t size, unsigned char byte)
{
	const unsigned char *b = p;

	return size == 0 || (b[0] == byte && memcmp(b, b + 1, size - 1) == 0);
}

unsigned char prog_file_byte(size_t offset)
{
	return offset * 7 + offset / PAGE;
}

int prog_file(size_t size)
{
	char name[] = "prog.XXXXXX";
	unsigned char *bytes = malloc(size);
	int fd = mkstemp(name);

	NEED(fd >= 0 && bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = prog_file_byte(i);
	NEED(write(fd, bytes, size) == (ssize_t)size);
	NEED(unlink(name) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	free(bytes);
	return fd;
}

static sigjmp_buf fault_return;
static struct fault fault_seen;

static void fault_handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	fault_seen = (struct fault){ signo, info->si_code, info->si_addr };
	siglongjmp(fault_return, 1);
}

static void fault_handle(bool on)
{
	static struct sigaction before[2];
	struct sigaction act = { .sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, on ? &act : &before[0], on ? &before[0] : NULL);
	sigaction(SIGBUS, on ? &act : &before[1], on ? &before[1] : NULL);
	if (on)
		fault_seen = (struct fault){ 0 };
}

struct fault fault_read(const volatile void *p)
{
	fault_handle(true);
	if (sigsetjmp(fault_return, 1) == 0)
		(void)*(const volatile unsigned char *)p;
	fault_handle(false);
	return fault_seen;
}

struct fault fault_write(volatile void *p)
{
	fault_handle(true);
	if (sigsetjmp(fault_return, 1) == 0)
		*(volatile unsigned char *)p = 0x5a;
	fault_handle(false);
	return fault_seen;
}

struct fault fault_call(void *p)
{
	fault_handle(true);
	if (sigsetjmp(fault_return, 1) == 0)
		((void (*)(void))(uintptr_t)p)();
	fault_handle(false);
	return fault_seen;
}

bool fault_is(struct fault f, int signo, int code, const volatile void *addr)
{
	if (f.signo == signo && f.code == code && f.addr == addr)
		return true;
	say("signal %d, code %d, %s", f.signo, f.code,
	    f.addr == addr ? "right address" : "other address");
	return false;
}

struct gate gate_make(void)
{
	struct gate g;

	NEED(pipe(g.fd) == 0);
	return g;
}

void gate_open(struct gate g)
{
	NEED(write(g.fd[1], "g", 1) == 1);
}

void gate_await(struct gate g)
{
	char byte;
	ssize_t n;

	do
		n = read(g.fd[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	NEED(n == 1);
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* Reads a small file of /proc/PID; empty when there is none. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

void await_call(pid_t pid, long nr)
{
	char text[256], *end;

	for (;;) {
		read_proc(pid, "syscall", text, sizeof(text));
		if (strtol(text, &end, 10) == nr && end != text)
			return;
		NEED(kill(pid, 0) == 0);
		pause_briefly();
	}
}

void await_state(pid_t pid, char state)
{
	char text[512], *after;

	for (;;) {
		read_proc(pid, "stat", text, sizeof(text));
		after = strrchr(text, ')');
		if (after && after[1] == ' ' && after[2] == state)
			return;
		NEED(after);
		pause_briefly();
	}
}

int64_t now_ns(int clock)
{
	struct timespec t;

	NEED(clock_gettime(clock, &t) == 0);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}
