/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ordinary user who means ill, on Linux's side of the module:
 *
 *     hostile CASE ROUNDS DIRECTORY
 *
 * DIRECTORY has a set-uid `badge`, a `forged` one, and at `mnt` a fileserver's
 * files. Says "good" and how often something happened, or what went wrong.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "abi/layout.h"
#include "prog.h"

static unsigned int rounds;

/* Makes the next execve of this process one to the LWK. */
static bool tag(void)
{
	struct ihk_launch launch = { .lwk_cpu = -1 };
	int fd = open("/dev/mcos0", O_RDWR | O_CLOEXEC);
	bool good = fd >= 0 && ioctl(fd, IHK_OS_LAUNCH, &launch) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static pthread_t thread(void *(*body)(void *), void *arg)
{
	pthread_t t;

	NEED(pthread_create(&t, NULL, body, arg) == 0);
	return t;
}

/* ---- another file under the feet of an execve ---- */

struct mapper {
	int fd;
	char *volatile at; /* NULL: not yet known */
	volatile bool busy;
};

/* Maps its own file wherever Linux is about to map the one that it has checked. */
static void *map_over(void *arg)
{
	struct mapper *m = arg;

	while (!m->at)
		sched_yield();
	for (;;) {
		mmap(m->at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, m->fd, 0);
		munmap(m->at, PAGE);
		m->busy = true;
	}
	return NULL;
}

static void exec_badge(void *arg)
{
	static struct mapper mappers[2];
	const int *output = arg;
	int fd = open("forged", O_RDONLY | O_CLOEXEC);
	char *next;

	NEED(fd >= 0 && dup2(*output, STDOUT_FILENO) >= 0);
	for (int i = 0; i < 2; i++) {
		mappers[i].fd = fd;
		thread(map_over, &mappers[i]);
	}
	/* Where the next page goes, and where it goes while that is taken. */
	next = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(next != MAP_FAILED && munmap(next, PAGE) == 0);
	NEED(tag());
	for (size_t i = 0; i < 2; i++)
		mappers[i].at = next - i * PAGE;
	while (!mappers[0].busy || !mappers[1].busy)
		sched_yield();
	execl("badge", "badge", NULL);
	say("execve: %s", strerror(errno));
	_exit(1);
}

static void setid(void)
{
	unsigned int good = 0, forged = 0;
	char line[128];
	int out[2];
	ssize_t n;

	for (unsigned int i = 0; i < rounds; i++) {
		pid_t pid;

		NEED(pipe2(out, O_CLOEXEC) == 0);
		pid = prog_fork(exec_badge, &out[1]);
		close(out[1]);
		n = read(out[0], line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = '\0';
		close(out[0]);
		prog_wait(pid);
		if (strcmp(line, "the badge-of-honest is worn by 0\n") == 0)
			good++;
		/* A refusal harms nobody. */
		else if (strstr(line, "forger"))
			forged++;
		else
			say("# round %u: '%.*s'", i, (int)strcspn(line, "\n"), line);
	}
	CHECK(forged == 0);
	CHECK(good > 0);
	say("%u of %u times the badge was executed, %u times another file", good, rounds, forged);
}

/* ---- limits that are copied while something is mapped ---- */

static const struct rlimit as_limit = { 64UL << 30, RLIM_INFINITY };
static const struct rlimit data_limit = { 32UL << 30, RLIM_INFINITY };

/*
 * A program that is read, mapped for a look, and then refused: it lies where
 * the proxy does. (Headers that Linux could not map either end the process.)
 */
static void make_refused(const char *path)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p;
	} image = { .e = { .e_ident = ELFMAG "\2\1\1" } };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	image.e.e_type = ET_EXEC;
	image.e.e_machine = EM_X86_64;
	image.e.e_version = EV_CURRENT;
	image.e.e_phoff = sizeof(image.e);
	image.e.e_ehsize = sizeof(image.e);
	image.e.e_phentsize = sizeof(image.p);
	image.e.e_phnum = 1;
	image.p = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X };
	image.p.p_vaddr = WINDOW_START;
	image.p.p_filesz = sizeof(image);
	image.p.p_memsz = sizeof(image);
	NEED(fd >= 0 && write(fd, &image, sizeof(image)) == sizeof(image) && close(fd) == 0);
}

static volatile unsigned int refusals;

static void *exec_refused(void *arg)
{
	char *const args[] = { arg, NULL };

	for (;;) {
		execv(arg, args);
		refusals++;
	}
	return NULL;
}

static bool limits_are(void)
{
	struct rlimit as, data;

	NEED(getrlimit(RLIMIT_AS, &as) == 0 && getrlimit(RLIMIT_DATA, &data) == 0);
	return as.rlim_cur == as_limit.rlim_cur && data.rlim_cur == data_limit.rlim_cur;
}

static void exit_with_limits(void *arg)
{
	(void)arg;
	_exit(limits_are() ? 0 : 7);
}

static void fork_beside_exec(void *arg)
{
	(void)arg;
	make_refused("refused");
	NEED(setrlimit(RLIMIT_AS, &as_limit) == 0 && setrlimit(RLIMIT_DATA, &data_limit) == 0);
	NEED(tag());
	thread(exec_refused, "./refused");
	for (unsigned int i = 0; i < rounds || refusals < rounds / 4; i++)
		CHECK_EXIT(prog_fork(exit_with_limits, NULL), 0);
	say("%u children, %u executions beside", rounds, refusals);
}

static void limits(void)
{
	CHECK_EXIT(prog_fork(fork_beside_exec, NULL), 0);
}

/*
 * ---- many threads that tag one mm ----
 * Their steps are walked in test/unit/test_weave_launch.c, which fails without
 * the lock; here they meet by chance, in a window of a few instructions.
 */

static atomic_int arrived;

/* The first two at about the same moment, neither always the first. */
static void *tag_together(void *arg)
{
	struct ihk_launch launch = { .lwk_cpu = -1 };
	int fd = *(int *)arg;
	unsigned int turns = (unsigned int)(now_ns(CLOCK_MONOTONIC) / 128 + gettid()) % 4096;

	arrived++;
	while (arrived < 2)
		;
	while (turns--)
		__asm__ volatile("");
	for (int i = 0; i < 3; i++)
		NEED(ioctl(fd, IHK_OS_LAUNCH, &launch) == 0);
	return NULL;
}

static void tag_fresh(void *arg)
{
	pthread_t other = thread(tag_together, arg);

	tag_together(arg);
	pthread_join(other, NULL);
}

static void tags(void)
{
	int fd = open("/dev/mcos0", O_RDWR | O_CLOEXEC);

	NEED(fd >= 0);
	for (unsigned int i = 0; i < rounds; i++)
		CHECK_EXIT(prog_fork(tag_fresh, &fd), 0);
}

/* ---- arguments on pages that nobody brings ---- */

static const unsigned int lists[] = {
	IHK_RESERVE_CPU,    IHK_RELEASE_CPU,	IHK_QUERY_CPU,	    IHK_RESERVE_MEM,
	IHK_RELEASE_MEM,    IHK_QUERY_MEM,	IHK_GET_INSTANCES,  IHK_OS_ASSIGN_CPU,
	IHK_OS_RELEASE_CPU, IHK_OS_QUERY_CPU,	IHK_OS_ASSIGN_MEM,  IHK_OS_RELEASE_MEM,
	IHK_OS_QUERY_MEM,   IHK_OS_SET_IKC_MAP, IHK_OS_GET_IKC_MAP, IHK_OS_KARGS,
	IHK_OS_KMSG,
};
static const unsigned int verbs[] = {
	IHK_CREATE,	   IHK_DESTROY,	    IHK_GET_COUNTERS, IHK_GET_BUILD_ID,
	IHK_OS_LOAD,	   IHK_OS_BOOT,	    IHK_OS_SHUTDOWN,  IHK_OS_STATUS,
	IHK_OS_CLEAR_KMSG, IHK_OS_COUNTERS, IHK_OS_BUILD_ID,  IHK_OS_LAUNCH,
};
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct stuck_call {
	unsigned int cmd;
	bool inner; /* not the structure lies there, but what it points to */
	char *page;
};

static void call_stuck(void *arg)
{
	const struct stuck_call *c = arg;
	bool is_instance = (c->cmd & 0xff) >= 0x20;
	union {
		struct ihk_list list;
		struct ihk_text text;
	} inner;
	int fd = open(is_instance ? "/dev/mcos0" : "/dev/mcd0", O_RDONLY);

	memset(&inner, 0, sizeof(inner));
	/* Both kinds begin with the address; as a count, 64 bytes are many elements. */
	inner.text.address = (unsigned long)c->page;
	inner.text.size = 64;
	NEED(fd >= 0);
	ioctl(fd, c->cmd, c->inner ? (void *)&inner : (void *)c->page);
	_exit(0);
}

/* It waits, or it has ended. */
static void await_rest(pid_t pid)
{
	char path[64], text[512], *after;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		f = fopen(path, "re");
		NEED(f && fgets(text, sizeof(text), f));
		fclose(f);
		after = strrchr(text, ')');
		if (after && (after[2] == 'D' || after[2] == 'Z'))
			return;
		usleep(2000);
	}
}

static void stuck(void)
{
	struct stuck_call calls[2 * COUNT(lists) + COUNT(verbs)];
	pid_t pids[COUNT(calls)];
	unsigned int waiting = 0;
	size_t n = 0, size;
	char byte, *never;
	int fd = open("mnt/never", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < COUNT(lists); i++) {
		calls[n++] = (struct stuck_call){ .cmd = lists[i], .inner = true };
		calls[n++] = (struct stuck_call){ .cmd = lists[i] };
	}
	for (size_t i = 0; i < COUNT(verbs); i++)
		calls[n++] = (struct stuck_call){ .cmd = verbs[i] };
	/* Far enough from each other that nobody reads ahead for the next. */
	size = COUNT(calls) * 16 * PAGE;
	never = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	NEED(fd >= 0 && never != MAP_FAILED);
	for (size_t i = 0; i < COUNT(calls); i++) {
		calls[i].page = never + i * 16 * PAGE;
		pids[i] = prog_fork(call_stuck, &calls[i]);
	}
	for (size_t i = 0; i < COUNT(calls); i++)
		await_rest(pids[i]);
	say("ready");
	NEED(read(STDIN_FILENO, &byte, 1) >= 0);
	for (size_t i = 0; i < COUNT(calls); i++) {
		NEED(kill(pids[i], SIGKILL) == 0);
		waiting += WIFSIGNALED(prog_wait(pids[i]));
	}
	/* All whose structure lies there, at least. */
	CHECK(waiting >= COUNT(lists) + COUNT(verbs));
	say("%u of %zu calls waited, and could be killed", waiting, COUNT(calls));
}

static const struct prog_case cases[] = {
	{ "setid", setid },
	{ "limits", limits },
	{ "tags", tags },
	{ "stuck", stuck },
};

int main(int argc, char **argv)
{
	if (argc != 4 || chdir(argv[3]) != 0)
		return 2;
	rounds = atoi(argv[2]);
	argv[2] = NULL;
	return prog_main(2, argv, cases, COUNT(cases));
}
