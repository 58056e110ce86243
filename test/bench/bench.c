// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is measured, in one program for Linux and for the LWK; insn.c counts.
 *
 *     bench list                        the benchmarks: "ID NAME UNITS"
 *     bench arm                         begin to count
 *     bench run SYSTEM SETTLE_US QUICK NAME...   measure these
 *     bench command SYSTEM NAME REPS COMMAND...    measure a command
 *     bench nothing                     what is exec'ed
 *
 * An event's label is SYSTEM * 64 + ID. SETTLE_US: behind what is measured, wait
 * (spinning at PAUSE, which counts as polling) until the other CPUs have done
 * what it left behind, as a twin on its way to sleep.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sleepers.h"
#include "threads.h"

#define MIB (1UL << 20)
#define TOUCHED (256 * MIB)
#define COMPUTE_S 10
#define FEW 10 /* threads that sleep */
#define MANY 3000

/* marks[kind - 1][label]: the mark and a return, eight bytes. */
__asm__(".text\n"
	".balign 64\n"
	"marks:\n"
	".set .Lkind, 1\n"
	".rept 3\n"
	".set .Llabel, 0\n"
	".rept 256\n"
	".byte 0x0f, 0x1f, 0x80, .Lkind, .Llabel, 0xce, 0x5b\n"
	"ret\n"
	".set .Llabel, .Llabel + 1\n"
	".endr\n"
	".set .Lkind, .Lkind + 1\n"
	".endr\n");
extern const char marks[3][256][8];

enum mark_kind { MARK_ARM = 1, MARK_START = 2, MARK_STOP = 3 };

static int label;
static int settle_us;
static uint64_t ticks_per_us;

static inline void mark(enum mark_kind kind)
{
	((void (*)(void))(uintptr_t)marks[kind - 1][label])();
}

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ul + now.tv_nsec;
}

static void calibrate(void)
{
	uint64_t ns = now_ns(), from = ticks();

	while (now_ns() - ns < 50000000)
		continue;
	ticks_per_us = (ticks() - from) * 1000 / (now_ns() - ns);
}

static void settle(void)
{
	uint64_t end = ticks() + settle_us * ticks_per_us;

	if (!settle_us)
		return;
	while (ticks() < end)
		__builtin_ia32_pause();
}

/* ---- what is measured ---- */

static int data_file;
static int null_file;
static char *buffer; /* of 1 MiB */
static const char *self;

static void prepare(void)
{
	char path[] = "/tmp/bench.XXXXXX";

	data_file = mkstemp(path);
	null_file = open("/dev/null", O_WRONLY);
	buffer = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data_file < 0 || null_file < 0 || buffer == MAP_FAILED)
		err(1, "preparing");
	unlink(path);
	memset(buffer, 'x', MIB);
	if (pwrite(data_file, buffer, MIB, 0) != (ssize_t)MIB)
		err(1, "%s", path);
	calibrate();
}

static void do_nothing(void)
{
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void do_lseek(void)
{
	lseek(data_file, 0, SEEK_SET);
}

static void do_write(void)
{
	if (write(null_file, buffer, 1) != 1)
		err(1, "write");
}

static void *map(size_t size)
{
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		err(1, "mmap");
	return area;
}

static char *touched;

static void do_touch(void)
{
	for (size_t i = 0; i < TOUCHED; i += 4096)
		*(volatile char *)(touched + i) = 1;
}

static void before_touch(void)
{
	touched = map(TOUCHED);
}

/* Of a process that has touched so much. */
static void before_fork(void)
{
	before_touch();
	do_touch();
}

static void after_touch(void)
{
	munmap(touched, TOUCHED);
}

/* The data file, all of whose pages are in Linux's cache. */
static volatile char *shared;

static void before_shared(void)
{
	shared = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, data_file, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
}

static void after_shared(void)
{
	munmap((void *)shared, MIB);
}

static void do_shared_map(void)
{
	before_shared();
	after_shared();
}

static void do_shared_read(void)
{
	for (size_t i = 0; i < MIB; i += 4096)
		(void)shared[i];
}

static void do_shared_write(void)
{
	for (size_t i = 0; i < MIB; i += 4096)
		shared[i] = 1;
}

static void do_map_4k(void)
{
	munmap(map(4096), 4096);
}

static void do_map_2m(void)
{
	munmap(map(2 * MIB), 2 * MIB);
}

static void do_read(void)
{
	if (pread(data_file, buffer, MIB, 0) != (ssize_t)MIB)
		err(1, "read");
}

static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		errx(1, "a child failed");
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	wait_for(pid);
}

static char **exec_argv;

static void do_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		execvp(exec_argv[0], exec_argv);
		_exit(127);
	}
	wait_for(pid);
}

static void do_compute(void)
{
	uint64_t end = ticks() + COMPUTE_S * 1000000 * ticks_per_us;
	volatile double x = 1;

	while (ticks() < end)
		for (int i = 0; i < 1000; i++)
			x = x * 1.0000001 + 1e-9;
}

static void start_few(void)
{
	sleepers_start(FEW);
}

static void start_8(void)
{
	sleepers_start(8 - 1);
}

static void start_many(void)
{
	sleepers_start(MANY);
}

/*
 * settled: what the other CPUs do behind the return counts, too.
 * Where both are of interest there are two lines.
 */
static const struct bench {
	const char *name;
	void (*run)(void);
	int reps;
	int quick;
	int units; /* the figure is for one of them */
	bool settled;
	void (*before)(void);
	void (*after)(void);
	/* Once for all repetitions. */
	void (*start)(void);
	void (*stop)(void);
} benches[] = {
	{ "empty", do_nothing, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "empty-settled", do_nothing, 31, 11, 1, true, NULL, NULL, NULL, NULL },
	{ "getpid", do_getpid, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "lseek", do_lseek, 51, 21, 1, false, NULL, NULL, NULL, NULL },
	{ "lseek-settled", do_lseek, 51, 21, 1, true, NULL, NULL, NULL, NULL },
	{ "write", do_write, 51, 21, 1, false, NULL, NULL, NULL, NULL },
	{ "write-settled", do_write, 51, 21, 1, true, NULL, NULL, NULL, NULL },
	{ "touch", do_touch, 3, 1, TOUCHED / MIB, false, before_touch, after_touch, NULL, NULL },
	{ "mmap-4k", do_map_4k, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "mmap-2m", do_map_2m, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "read-1m", do_read, 11, 5, 1, false, NULL, NULL, NULL, NULL },
	{ "fork", do_fork, 15, 7, 1, true, NULL, NULL, NULL, NULL },
	{ "fork-256m", do_fork, 7, 3, 1, true, before_fork, after_touch, NULL, NULL },
	{ "fork-exec", do_exec, 11, 5, 1, true, NULL, NULL, NULL, NULL },
	{ "lseek-few", do_lseek, 51, 21, 1, false, NULL, NULL, start_few, sleepers_stop },
	{ "lseek-many", do_lseek, 51, 21, 1, false, NULL, NULL, start_many, sleepers_stop },
	{ "pair-few", sleepers_pair, 31, 11, 1, false, NULL, NULL, start_few, sleepers_stop },
	{ "pair-many", sleepers_pair, 31, 11, 1, false, NULL, NULL, start_many, sleepers_stop },
	{ "gettid", threads_gettid, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "clock", threads_clock, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "yield", threads_yield, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "signal", threads_signal, 31, 11, 1, false, NULL, NULL, threads_handler, NULL },
	{ "create", threads_create, 31, 11, 1, true, NULL, NULL, NULL, NULL },
	{ "pong", threads_pong, 31, 11, 1, false, NULL, NULL, threads_pong_start,
	  threads_pong_stop },
	{ "turns", threads_turns, 31, 11, 1, false, NULL, NULL, threads_turns_start,
	  threads_turns_stop },
	{ "barrier", threads_barriers, 31, 11, 2, false, NULL, NULL, threads_barrier_start,
	  threads_barrier_stop },
	{ "fork-8", do_fork, 15, 7, 1, true, NULL, NULL, start_8, sleepers_stop },
	{ "compute", do_compute, 1, 1, 1, false, NULL, NULL, NULL, NULL },
	{ "shared-map", do_shared_map, 31, 11, 1, false, NULL, NULL, NULL, NULL },
	{ "shared-read", do_shared_read, 11, 5, MIB / 4096, false, before_shared, after_shared,
	  NULL, NULL },
	{ "shared-write", do_shared_write, 11, 5, MIB / 4096, false, before_shared, after_shared,
	  NULL, NULL },
	/* By `bench command`. */
	{ "true", NULL, 0, 0, 1, true, NULL, NULL, NULL, NULL },
	{ "shutdown", NULL, 0, 0, 1, true, NULL, NULL, NULL, NULL },
	{ "boot", NULL, 0, 0, 1, true, NULL, NULL, NULL, NULL },
};

#define COUNT (int)(sizeof(benches) / sizeof(benches[0]))

static void measure(const struct bench *bench, int reps)
{
	for (int i = 0; i < reps; i++) {
		if (bench->before)
			bench->before();
		mark(MARK_START);
		bench->run();
		if (bench->settled)
			settle();
		mark(MARK_STOP);
		if (!bench->settled)
			settle();
		if (bench->after)
			bench->after();
	}
}

static int find(const char *name)
{
	for (int i = 0; i < COUNT; i++)
		if (!strcmp(benches[i].name, name))
			return i;
	errx(2, "%s: no such benchmark", name);
}

static int list(void)
{
	for (int i = 0; i < COUNT; i++)
		printf("%d %s %d\n", i, benches[i].name, benches[i].units);
	return 0;
}

static int run(int argc, char **argv)
{
	int system = atoi(argv[0]), quick = atoi(argv[2]);
	char *nothing[] = { (char *)self, "nothing", NULL };

	settle_us = atoi(argv[1]);
	exec_argv = nothing;
	prepare();
	for (int i = 3; i < argc; i++) {
		int n = find(argv[i]);

		fprintf(stderr, "bench: %s on system %d\n", argv[i], system);
		label = system * 64 + n;
		if (benches[n].start)
			benches[n].start();
		measure(&benches[n], quick ? benches[n].quick : benches[n].reps);
		if (benches[n].stop)
			benches[n].stop();
	}
	return 0;
}

static int run_command(char **argv)
{
	static const struct bench command = { .run = do_exec, .settled = true };

	settle_us = 20000;
	calibrate();
	label = atoi(argv[0]) * 64 + find(argv[1]);
	exec_argv = argv + 3;
	fprintf(stderr, "bench: %s on system %s\n", argv[1], argv[0]);
	measure(&command, atoi(argv[2]));
	return 0;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "arm")) {
		mark(MARK_ARM);
		return 0;
	}
	if (argc > 5 && !strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2);
	if (argc > 5 && !strcmp(argv[1], "command"))
		return run_command(argv + 2);
	errx(2, "usage: see its source");
}
