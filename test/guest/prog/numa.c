/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NUMA policies, on a machine of more than one node:
 *
 *	numa CASE [NODES]   see `cases`; placement is proven by physical addresses, which Linux
 *	                    tells of the pages that it has seen (root's /proc/self/pagemap)
 *	numa errors         what the calls answer, to be compared with Linux
 *	numa fill NODE MIB  touch so much memory, bound to the node
 *	numa show           the policy that the program has been started with
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define LARGE (2UL << 20)
#define MAX_NODE 64

static unsigned long allowed; /* the nodes that there are */

static long set_policy(int mode, unsigned long nodes)
{
	return syscall(SYS_set_mempolicy, mode, &nodes, MAX_NODE);
}

static long bind_range(void *at, size_t size, int mode, unsigned long nodes, unsigned int flags)
{
	return syscall(SYS_mbind, at, size, mode, &nodes, MAX_NODE, flags);
}

static char *area(size_t size)
{
	char *at = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	NEED(at != MAP_FAILED);
	return (char *)(((unsigned long)at + LARGE - 1) & ~(LARGE - 1));
}

static int other(int node)
{
	for (int n = 0; n < MAX_NODE; n++)
		if (n != node && (allowed >> n & 1))
			return n;
	return node;
}

static int first(void)
{
	return __builtin_ctzl(allowed);
}

/* ---- where a page is ---- */

static int node_by_query(void *at)
{
	int status = -1;

	NEED(!syscall(SYS_move_pages, 0, 1UL, &at, NULL, &status, 0));
	return status;
}

/* Linux sees the page when it reads it; then it knows the frame. */
static unsigned long frame_of(char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY),
	    null = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	unsigned long entry = 0;

	NEED(fd >= 0 && null >= 0);
	NEED(write(null, at, 1) == 1);
	NEED(pread(fd, &entry, 8, (unsigned long)at / PAGE * 8) == 8);
	close(fd);
	close(null);
	NEED(entry >> 63);
	return entry & ((1UL << 55) - 1);
}

/* By Linux's list of the blocks of memory that a node has. */
static int node_of_frame(unsigned long frame)
{
	static unsigned long block;
	char path[80];

	if (!block) {
		FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");

		NEED(f && fscanf(f, "%lx", &block) == 1);
		fclose(f);
	}
	for (int node = 0; node < MAX_NODE; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/memory%lu", node,
			 frame * PAGE / block);
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

static void expect_node(char *at, int node)
{
	int query = node_by_query(at), frame = node_of_frame(frame_of(at));

	if (query != node || frame != node) {
		printf("%p lies on node %d (move_pages), %d (its frame), not %d\n", (void *)at,
		       query, frame, node);
		exit(1);
	}
}

/* A few of many. */
static void expect_nodes(char *at, size_t size, int node)
{
	size_t step = size > 64 * PAGE ? (size / 16 & ~(PAGE - 1UL)) : PAGE;

	for (size_t i = 0; i < size; i += step)
		expect_node(at + i, node);
}

static void fill(char *at, size_t size, int seed)
{
	for (size_t i = 0; i < size; i += PAGE)
		*(unsigned long *)(at + i) = i + seed;
}

static void expect_filled(const char *at, size_t size, int seed)
{
	for (size_t i = 0; i < size; i += PAGE)
		NEED(*(const unsigned long *)(at + i) == i + seed);
}

#define EACH_NODE(n)                       \
	for (int n = 0; n < MAX_NODE; n++) \
		if (allowed >> n & 1)

/* ---- cases ---- */

static void test_bind(void)
{
	EACH_NODE(n)
	{
		char *small = area(64 * PAGE), *large = area(2 * LARGE);

		NEED(!set_policy(MPOL_BIND, 1UL << n));
		fill(small, 64 * PAGE, 0);
		expect_nodes(small, 64 * PAGE, n);
		fill(large, 2 * LARGE, 0);
		expect_nodes(large, 2 * LARGE, n);
	}
}

static void test_prefer(void)
{
	EACH_NODE(n)
	{
		char *one = area(16 * PAGE), *many = area(16 * PAGE);

		NEED(!set_policy(MPOL_PREFERRED, 1UL << n));
		fill(one, 16 * PAGE, 0);
		expect_nodes(one, 16 * PAGE, n);
		NEED(!set_policy(5 /* MPOL_PREFERRED_MANY */, 1UL << n));
		fill(many, 16 * PAGE, 0);
		expect_nodes(many, 16 * PAGE, n);
	}
}

/* The first touch decides, by the CPU of who touches. */
static void test_touch(void)
{
	unsigned long seen = 0;
	cpu_set_t all, one;
	unsigned int cpu, node;

	NEED(!sched_getaffinity(0, sizeof(all), &all));
	for (int c = 0; c < CPU_SETSIZE; c++) {
		char *small = area(16 * PAGE), *large = area(LARGE);

		if (!CPU_ISSET(c, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(c, &one);
		NEED(!sched_setaffinity(0, sizeof(one), &one));
		NEED(!syscall(SYS_getcpu, &cpu, &node, NULL));
		NEED((int)cpu == c);
		seen |= 1UL << node;
		fill(small, 16 * PAGE, 0);
		expect_nodes(small, 16 * PAGE, node);
		fill(large, LARGE, 0);
		expect_nodes(large, LARGE, node);
	}
	NEED(seen == allowed);
}

/* Page n of an area is on the n-th node, counted by addresses. */
static void test_interleave(void)
{
	int count = __builtin_popcountl(allowed), nth[MAX_NODE], n = 0;
	char *at = area(16 * PAGE);

	EACH_NODE(node)
	nth[n++] = node;
	NEED(!bind_range(at, 16 * PAGE, MPOL_INTERLEAVE, allowed, 0));
	for (int i = 15; i >= 0; i--)
		at[i * PAGE] = 1;
	for (int i = 0; i < 16; i++)
		expect_node(at + i * PAGE, nth[((unsigned long)at / PAGE + i) % count]);
}

static int mode_at(void *at, unsigned long *nodes)
{
	int mode = -1;

	*nodes = 0;
	NEED(!syscall(SYS_get_mempolicy, &mode, nodes, MAX_NODE, at, MPOL_F_ADDR));
	return mode;
}

static void expect_mode(void *at, int mode, unsigned long nodes)
{
	unsigned long found;

	NEED(mode_at(at, &found) == mode);
	NEED(found == nodes);
}

/* The policy of a part of an area: around it nothing changes, and it goes where the area goes. */
static void test_parts(void)
{
	int a = first(), b = other(a);
	char *at = area(16 * PAGE), *to = area(16 * PAGE);
	pid_t pid;
	int status;

	NEED(!set_policy(MPOL_BIND, 1UL << a));
	NEED(!bind_range(at + 4 * PAGE, 4 * PAGE, MPOL_BIND, 1UL << b, 0));
	expect_mode(at, MPOL_DEFAULT, 0);
	expect_mode(at + 4 * PAGE, MPOL_BIND, 1UL << b);
	expect_mode(at + 8 * PAGE, MPOL_DEFAULT, 0);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		fill(at, 16 * PAGE, 0);
		expect_nodes(at, 4 * PAGE, a);
		expect_nodes(at + 4 * PAGE, 4 * PAGE, b);
		expect_nodes(at + 8 * PAGE, 8 * PAGE, a);
		exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid && !status);
	NEED(mremap(at + 4 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	expect_mode(to, MPOL_BIND, 1UL << b);
	fill(to, 8 * PAGE, 0);
	expect_nodes(to, 4 * PAGE, b);
	expect_nodes(to + 4 * PAGE, 4 * PAGE, a);
	NEED(!bind_range(to, 4 * PAGE, MPOL_DEFAULT, 0, 0));
	expect_mode(to, MPOL_DEFAULT, 0);
}

/* What Linux writes into an untouched page is placed by the thread that asked for it. */
static void test_lent(void)
{
	int fd = open("/dev/zero", O_RDONLY);

	NEED(fd >= 0);
	EACH_NODE(n)
	{
		char *at = area(16 * PAGE);

		NEED(!set_policy(MPOL_BIND, 1UL << n));
		NEED(read(fd, at, 16 * PAGE) == 16 * PAGE);
		expect_nodes(at, 16 * PAGE, n);
	}
}

static void test_move(void)
{
	int a = first(), b = other(a);
	char *at = area(2 * LARGE + 16 * PAGE);
	size_t size = 2 * LARGE + 16 * PAGE;

	NEED(!set_policy(MPOL_BIND, 1UL << a));
	fill(at, size, 7);
	expect_nodes(at, size, a);
	NEED(bind_range(at, size, MPOL_BIND, 1UL << b, MPOL_MF_STRICT) == -1 && errno == EIO);
	expect_mode(at, MPOL_DEFAULT, 0);
	NEED(!bind_range(at, size, MPOL_BIND, 1UL << b, MPOL_MF_STRICT | MPOL_MF_MOVE));
	expect_nodes(at, size, b);
	expect_filled(at, size, 7);
	/* A part, in the middle of a large page. */
	NEED(!bind_range(at + 3 * PAGE, 5 * PAGE, MPOL_BIND, 1UL << a,
			 MPOL_MF_STRICT | MPOL_MF_MOVE));
	expect_nodes(at, 3 * PAGE, b);
	expect_nodes(at + 3 * PAGE, 5 * PAGE, a);
	expect_nodes(at + 8 * PAGE, 8 * PAGE, b);
	expect_filled(at, size, 7);
	NEED(!syscall(SYS_migrate_pages, 0, MAX_NODE, &(unsigned long){ 1UL << b },
		      &(unsigned long){ 1UL << a }));
	expect_nodes(at, size, a);
	expect_filled(at, size, 7);
}

static void test_move_pages(void)
{
	enum { COUNT = 32 };
	int a = first(), b = other(a), node[COUNT], status[COUNT];
	char *at = area(COUNT * PAGE);
	void *page[COUNT];
	pid_t child;

	NEED(!set_policy(MPOL_BIND, 1UL << a));
	for (int i = 0; i < COUNT; i++) {
		page[i] = at + i * PAGE;
		node[i] = i % 3 ? b : a;
		at[i * PAGE] = i;
	}
	/* One is not there yet, one never. */
	page[5] = area(PAGE);
	page[6] = (void *)(PAGE * 3);
	NEED(!syscall(SYS_move_pages, 0, (unsigned long)COUNT, page, node, status, MPOL_MF_MOVE));
	for (int i = 0; i < COUNT; i++) {
		int want = i == 5 ? -ENOENT : i == 6 ? -EFAULT : node[i];

		NEED(status[i] == want);
		NEED(at[i * PAGE] == i);
		if (i != 5 && i != 6)
			expect_node(at + i * PAGE, node[i]);
	}
	/* A page that another process has too stays. */
	child = fork();
	if (!child) {
		pause();
		exit(0);
	}
	NEED(!syscall(SYS_move_pages, 0, 1UL, page, &b, status, MPOL_MF_MOVE));
	NEED(status[0] == -EACCES);
	NEED(at[0] == 0);
	kill(child, SIGKILL);
}

/* Of another process. */
static void test_move_other(void)
{
	int a = first(), b = other(a), to[2], back[2], status, query;
	char *at = area(LARGE), c;
	void *page = at + PAGE;
	pid_t pid;

	NEED(!pipe(to) && !pipe(back));
	pid = fork();
	if (!pid) {
		NEED(!set_policy(MPOL_BIND, 1UL << a));
		fill(at, LARGE, 3);
		NEED(write(back[1], "r", 1) == 1 && read(to[0], &c, 1) == 1);
		expect_filled(at, LARGE, 3);
		expect_nodes(at, LARGE, b);
		exit(0);
	}
	NEED(read(back[0], &c, 1) == 1);
	NEED(!syscall(SYS_move_pages, pid, 1UL, &page, NULL, &query, 0) && query == a);
	NEED(syscall(SYS_migrate_pages, pid, MAX_NODE, &(unsigned long){ 1UL << a },
		     &(unsigned long){ 1UL << b }) >= 0);
	NEED(!syscall(SYS_move_pages, pid, 1UL, &page, NULL, &query, 0) && query == b);
	NEED(write(to[1], "g", 1) == 1);
	NEED(waitpid(pid, &status, 0) == pid && !status);
}

/* One that ends while its pages are asked for and moved: it is there, or it is not. */
static void test_move_dying(void)
{
	enum { PAGES = 16 };
	int a = first(), b = other(a), status;
	char *at = area(16 * LARGE);

	for (int round = 0; round < 12; round++) {
		void *page[PAGES];
		int to[PAGES], node[PAGES];
		pid_t pid = fork();
		long ret;

		if (!pid) {
			fill(at, 16 * LARGE, 5);
			_exit(0);
		}
		for (int i = 0; i < PAGES; i++) {
			page[i] = at + i * LARGE;
			to[i] = round % 2 ? a : b;
		}
		do {
			ret = syscall(SYS_move_pages, pid, (unsigned long)PAGES, page,
				      round % 3 ? to : NULL, node, round % 3 ? MPOL_MF_MOVE : 0);
			NEED(ret >= 0 || errno == ESRCH || errno == EINVAL);
			ret = syscall(SYS_migrate_pages, pid, MAX_NODE,
				      &(unsigned long){ 1UL << a }, &(unsigned long){ 1UL << b });
			NEED(ret >= 0 || errno == ESRCH || errno == EINVAL);
		} while (!waitpid(pid, &status, WNOHANG));
		NEED(!status);
	}
}

#define STORM (64 * PAGE)
static _Atomic int storm_over;
static _Atomic unsigned long storm_rounds; /* of who writes */

static void *mover(void *at)
{
	/* The writer may begin late. */
	for (int i = 0, node = first(); i < 40 || storm_rounds < 20; i++, node = other(node))
		NEED(!bind_range(at, STORM, MPOL_BIND, 1UL << node, MPOL_MF_MOVE));
	storm_over = 1;
	return NULL;
}

/* Pages move while others write to them and Linux reads and writes them: nothing is lost. */
static void test_storm(void)
{
	unsigned long *at = (void *)area(STORM);
	pthread_t thread;
	int fd[2];

	NEED(!pipe(fd) && !pthread_create(&thread, NULL, mover, at));
	while (!storm_over) {
		for (size_t i = 0; i < STORM / 8; i += PAGE / 8)
			at[i]++;
		storm_rounds++;
		NEED(write(fd[1], at, 64) == 64);
		NEED(read(fd[0], at + 8, 64) == 64 && at[8] == at[0]);
	}
	NEED(!pthread_join(thread, NULL));
	for (size_t i = 0; i < STORM / 8; i += PAGE / 8)
		NEED(at[i] == storm_rounds);
}

/* ---- answers ---- */

static void tell(const char *what, long ret)
{
	printf("%s: %s\n", what, ret < 0 ? strerror(errno) : "0");
}
#define TELL(call) tell(#call, call)

static void errors(void)
{
	static unsigned long much[PAGE / sizeof(unsigned long)]; /* so much is read */
	unsigned long none = 0, one = 1, far = 1UL << 40;
	char *at = area(8 * PAGE), *hole = area(3 * PAGE);
	int mode, m[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	munmap(hole + PAGE, PAGE);
	at[0] = 1;
	much[0] = 1;
	much[16] = 1;
	for (int i = 0; i < 8; i++)
		for (int f = 0; f < 8; f++) {
			int flags = m[i] | f << 13;

			printf("mode %x: ", flags);
			TELL(syscall(SYS_set_mempolicy, flags, &one, 8));
			TELL(syscall(SYS_set_mempolicy, flags, &none, 8));
			TELL(syscall(SYS_mbind, at, PAGE, flags, &one, 8, 0));
			if (!syscall(SYS_get_mempolicy, &mode, much, 1024, at, MPOL_F_ADDR))
				printf("%x %lx\n", mode, much[0]);
			if (!syscall(SYS_get_mempolicy, &mode, much, 1024, 0, 0))
				printf("%x %lx\n", mode, much[0]);
			TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, MPOL_F_NODE));
			TELL(syscall(SYS_set_mempolicy_home_node, at, PAGE, 0, 0));
		}
	much[0] = 1;
	much[16] = 1;
	set_policy(MPOL_DEFAULT, 0);
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, &far, 64));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 1025));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 1026));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 1089));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 32769));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 32770));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, much, 0));
	TELL(syscall(SYS_set_mempolicy, MPOL_BIND, 8UL, 8));
	TELL(syscall(SYS_set_mempolicy, MPOL_DEFAULT, 0, 0));
	TELL(syscall(SYS_get_mempolicy, &mode, &one, 1, 0, 0));
	TELL(syscall(SYS_get_mempolicy, &mode, 8UL, 64, 0, 0));
	TELL(syscall(SYS_get_mempolicy, 8UL, &one, 64, 0, 0));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, 0));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 8));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, MPOL_F_ADDR));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, hole + PAGE, MPOL_F_ADDR));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, hole, MPOL_F_ADDR | MPOL_F_NODE));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, hole + PAGE, MPOL_F_ADDR | MPOL_F_NODE));
	TELL(syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE));
	one = 0;
	TELL(syscall(SYS_get_mempolicy, NULL, &one, 64, 0, MPOL_F_MEMS_ALLOWED));
	printf("%lx\n", one);
	one = 1;
	TELL(syscall(SYS_mbind, at + 1, PAGE, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, at, 0, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, at, 0, MPOL_BIND, &none, 8, 0));
	TELL(syscall(SYS_mbind, at, -PAGE, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, at, PAGE, MPOL_BIND, &one, 8, 8));
	TELL(syscall(SYS_mbind, at, PAGE, MPOL_BIND, &one, 8, 64));
	TELL(syscall(SYS_mbind, hole, 3 * PAGE, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, hole, 2 * PAGE, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, hole + PAGE, 2 * PAGE, MPOL_BIND, &one, 8, 0));
	TELL(syscall(SYS_mbind, hole + PAGE, PAGE, MPOL_DEFAULT, NULL, 0, 0));
	TELL(syscall(SYS_mbind, hole, 3 * PAGE, MPOL_DEFAULT, NULL, 0, 0));
	TELL(syscall(SYS_set_mempolicy_home_node, hole, PAGE, 0, 0));
	TELL(syscall(SYS_set_mempolicy_home_node, hole, PAGE, 0, 1));
	TELL(syscall(SYS_set_mempolicy_home_node, hole, PAGE, 63, 0));
	TELL(syscall(SYS_set_mempolicy_home_node, hole + 1, PAGE, 0, 0));
	TELL(syscall(SYS_set_mempolicy_home_node, hole, 0, 0, 0));
	TELL(syscall(SYS_migrate_pages, 0, 8, &one, &none));
	TELL(syscall(SYS_migrate_pages, 0, 64, &one, &far));
	TELL(syscall(SYS_migrate_pages, 0x3fffffff, 8, &one, &one));
	TELL(syscall(SYS_migrate_pages, 0, 8, 8UL, &one));
	TELL(syscall(SYS_move_pages, 0, 1UL, &at, &(int){ 63 }, &mode, MPOL_MF_MOVE));
	TELL(syscall(SYS_move_pages, 0, 1UL, &at, &(int){ -1 }, &mode, MPOL_MF_MOVE));
	TELL(syscall(SYS_move_pages, 0, 1UL, &at, &(int){ 0 }, &mode, 1));
	TELL(syscall(SYS_move_pages, 0, 1UL, 8UL, &(int){ 0 }, &mode, 0));
	TELL(syscall(SYS_move_pages, 0, 1UL, 8UL, NULL, &mode, 0));
	TELL(syscall(SYS_move_pages, 0, 1UL, &at, NULL, 8UL, 0));
	TELL(syscall(SYS_move_pages, 0x3fffffff, 1UL, &at, NULL, &mode, 0));
	TELL(syscall(SYS_move_pages, 0, 0UL, NULL, NULL, NULL, 0));
}

static void show(void)
{
	unsigned long nodes = 0;
	int mode = -1, node = -1;
	/* What the kernel made: it lies where the program's memory does. */
	void *made[] = { &mode, environ[0], (void *)getauxval(AT_SYSINFO_EHDR) };

	NEED(!syscall(SYS_get_mempolicy, &mode, &nodes, MAX_NODE, 0, 0));
	if (mode == MPOL_BIND)
		for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
			NEED(!syscall(SYS_move_pages, 0, 1UL, &made[i], NULL, &node, 0));
			NEED(node >= 0 && (nodes >> node & 1));
		}
	printf("%x %lx\n", mode, nodes);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "bind", test_bind },
	{ "prefer", test_prefer },
	{ "touch", test_touch },
	{ "interleave", test_interleave },
	{ "parts", test_parts },
	{ "lent", test_lent },
	{ "move", test_move },
	{ "move_pages", test_move_pages },
	{ "move_other", test_move_other },
	{ "move_dying", test_move_dying },
	{ "storm", test_storm },
	{ "errors", errors },
	{ "show", show },
};

int main(int argc, char **argv)
{
	NEED(argc >= 2);
	NEED(!syscall(SYS_get_mempolicy, NULL, &allowed, MAX_NODE, 0, MPOL_F_MEMS_ALLOWED));
	NEED(allowed);
	if (!strcmp(argv[1], "fill")) {
		size_t size = strtoul(argv[3], NULL, 10) << 20;

		NEED(!set_policy(MPOL_BIND, 1UL << atoi(argv[2])));
		fill(area(size), size, 0);
		return 0;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	}
	return 2;
}
