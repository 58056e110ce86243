/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's test programs share: named cases, checks, faults, and waiting for events. */
#ifndef PROG_H
#define PROG_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A program has named cases. `program` lists them, `program NAME...` runs
 * those. A case prints nothing that differs between two runs, so that its
 * output on Linux and on the LWK can be compared byte for byte.
 */
struct prog_case {
	const char *name;
	void (*run)(void);
};
int prog_main(int argc, char **argv, const struct prog_case *cases, size_t count);
#define PROG_MAIN(cases)                                                             \
	int main(int argc, char **argv)                                              \
	{                                                                            \
		return prog_main(argc, argv, cases, sizeof(cases) / sizeof(*cases)); \
	}

/* One line on stdout by a single write. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what failed, and makes the process exit with 1 at its end. */
void prog_check(bool good, const char *file, int line, const char *text);
#define CHECK(condition) prog_check(condition, __FILE_NAME__, __LINE__, #condition)
/* The call fails with this errno. */
#define CHECK_FAILS(call, error)                                                            \
	do {                                                                                \
		errno = 0;                                                                  \
		long check_result = (long)(call);                                           \
		prog_check(check_result == -1 && errno == (error), __FILE_NAME__, __LINE__, \
			   #call " fails with " #error);                                    \
	} while (0)
/* What a case cannot go on without. */
#define NEED(condition)                                                         \
	do {                                                                    \
		if (!(condition)) {                                             \
			prog_check(false, __FILE_NAME__, __LINE__, #condition); \
			prog_exit();                                            \
		}                                                               \
	} while (0)
/* Ends this process: 0, or 1 after a failed check. */
void prog_exit(void) __attribute__((noreturn));

/* A child that runs body(arg) and then prog_exit(). */
pid_t prog_fork(void (*body)(void *), void *arg);
/* The wait status of a child. */
int prog_wait(pid_t pid);
#define CHECK_EXIT(pid, code) CHECK(prog_wait(pid) == (code) << 8)
#define CHECK_KILLED(pid, signo) CHECK((prog_wait(pid) & 0x7f) == (signo))

/* Memory that parent and children share. */
void *prog_shared(size_t size);
/* Private anonymous memory. */
void *prog_map(size_t size);
bool prog_filled(const void *p, size_t size, unsigned char byte);
#define PAGE 4096UL

/* A file of `size` bytes without a name, contents (unsigned char)(offset * 7 + offset / PAGE). */
int prog_file(size_t size);
unsigned char prog_file_byte(size_t offset);

struct fault {
	int signo, code; /* 0: no fault */
	void *addr;
};
struct fault fault_read(const volatile void *p);
struct fault fault_write(volatile void *p);
struct fault fault_call(void *p);
bool fault_is(struct fault f, int signo, int code, const volatile void *addr);

/* A pipe for one-byte messages. */
struct gate {
	int fd[2];
};
struct gate gate_make(void);
void gate_open(struct gate g);
void gate_await(struct gate g);

/*
 * Waits until the task is blocked inside system call `nr`, as its /proc entry
 * says. This holds for programs on the LWK too, where the twin blocks.
 */
void await_call(pid_t pid, long nr);
/* Waits until the state letter in /proc/PID/stat is this one. */
void await_state(pid_t pid, char state);

int64_t now_ns(int clock);

#endif
