/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Garbage in the mailboxes of one's own programs on the LWK, and system calls
 * that their proxies never meant to make:
 *
 *     slots SEED ROUNDS
 *
 * keeps a few programs running (slots victim) and does ROUNDS things to their
 * proxies: words of all kinds into slots, stacks and text, forged answers,
 * requests and signals, and calls made by a debugger's hand. Only they may
 * suffer; says how many of them there were.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ioctl.h"
#include "abi/layout.h"
#include "abi/slot.h"
#include "inject.h"
#include "prog.h"

#define VICTIMS 3
#define LIFE 300 /* rounds */
#define PATIENCE 3000 /* looks at one that cannot be reached */

/* ---- the victim, on the LWK ---- */

static volatile unsigned int caught;

static void on_signal(int signo)
{
	(void)signo;
	caught++;
}

static void die_at_once(void *arg)
{
	(void)arg;
	_exit(0);
}

/* A program can name its mailbox too. */
static void forge_from_within(void)
{
	size_t offset = random() % sizeof(struct slot);
	size_t size = 1 + random() % 16;

	if (size > sizeof(struct slot) - offset)
		size = sizeof(struct slot) - offset;
	getrandom((void *)(PROXY_SLOTS + offset), size, GRND_NONBLOCK);
}

/* Calls of each kind: carried out by the proxy, served in its wait, births. */
static int victim(void)
{
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	int file = open("/proc/self/exe", O_RDONLY), fd[2];
	char byte = 0;
	char *p;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	signal(SIGALRM, on_signal);
	signal(SIGSEGV, on_signal);
	if (pipe(fd) != 0 || setitimer(ITIMER_REAL, &often, NULL) != 0)
		return 1;
	srandom(getpid());
	for (unsigned int i = 0;; i++) {
		getppid();
		if (write(fd[1], &byte, 1) == 1 && read(fd[0], &byte, 1) != 1)
			return 1;
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
		if (p != MAP_FAILED) {
			*p = byte;
			munmap(p, PAGE);
		}
		if (i % 64 == 20)
			waitpid(prog_fork(die_at_once, NULL), NULL, 0);
		if (i % 256 == 200)
			forge_from_within();
	}
}

/* ---- what is done to it ---- */

static unsigned int pick(unsigned int count)
{
	return (unsigned int)random() % count;
}

static uint64_t word(void)
{
	static const uint64_t odd[] = {
		0,	    1,		~0UL,	     1UL << 31,	   1UL << 63,
		0xffffffff, PAGE - 1,	PROXY_SLOTS, PROXY_STACKS, PROXY_CONTROL,
		PROXY_TEXT, SHADOW_END, 1UL << 47,
	};

	switch (pick(3)) {
	case 0:
		return odd[pick(sizeof(odd) / sizeof(*odd))];
	case 1:
		return pick(80);
	default:
		return (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
	}
}

#define SLOT_FIELD(name) offsetof(struct slot, name)

/* One field, or a piece of the page. */
static bool spoil_slot(pid_t pid)
{
	static const size_t fields[] = {
		SLOT_FIELD(seq),	SLOT_FIELD(kind),	SLOT_FIELD(nr),
		SLOT_FIELD(arg),	SLOT_FIELD(child_slot), SLOT_FIELD(self),
		SLOT_FIELD(index),	SLOT_FIELD(data),	SLOT_FIELD(result),
		SLOT_FIELD(outcome),	SLOT_FIELD(signo),	SLOT_FIELD(aborted_seq),
		SLOT_FIELD(saved_mask), SLOT_FIELD(siginfo),	SLOT_FIELD(pad2),
	};
	uint64_t garbage[32];
	size_t at = fields[pick(sizeof(fields) / sizeof(*fields))], size = pick(2) ? 4 : 8;

	for (size_t i = 0; i < 32; i++)
		garbage[i] = word();
	if (pick(30) == 0) {
		at = pick(sizeof(struct slot) - sizeof(garbage));
		size = sizeof(garbage);
	}
	return inject_write(pid, PROXY_SLOTS + at, garbage, size);
}

/* As if the catcher had met the request that is under way. */
static bool forge_answer(pid_t pid)
{
	struct slot slot;

	if (!inject_read(pid, PROXY_SLOTS, &slot, sizeof(slot)))
		return false;
	slot.result = (abi_s64)word();
	slot.outcome = pick(4) ? pick(5) : (abi_u32)word();
	slot.signo = pick(4) ? pick(66) : (abi_u32)word();
	slot.saved_mask = word();
	for (size_t i = 0; i < SLOT_SIGINFO_SIZE; i++)
		slot.siginfo[i] = (abi_u8)pick(256);
	slot.aborted_seq = pick(8) ? slot.seq + pick(2) : (abi_u32)word();
	return inject_write(pid, PROXY_SLOTS + SLOT_FIELD(result), &slot.result,
			    SLOT_FIELD(siginfo) + SLOT_SIGINFO_SIZE - SLOT_FIELD(result));
}

static uint64_t address(void)
{
	static const uint64_t places[] = {
		0,
		SHADOW_START,
		0x400000,
		0x555555554000UL,
		PROXY_SLOTS,
		PROXY_CONTROL,
		PROXY_STACKS,
		PROXY_TEXT,
		SHADOW_END,
		WINDOW_SPARE_START,
		~0UL,
		0x7ffffffde000UL,
		SHADOW_END / 2,
		SHADOW_END - PAGE,
	};

	return places[pick(sizeof(places) / sizeof(*places))] + (pick(4) ? 0 : pick(64) * PAGE);
}

static uint64_t length(void)
{
	static const uint64_t lengths[] = {
		0, 1, PAGE, 16 * PAGE, 1UL << 21, 1UL << 40, SHADOW_END - SHADOW_START, ~0UL
	};

	return lengths[pick(sizeof(lengths) / sizeof(*lengths))];
}

/* A call that meddles with what the proxy is made of; none that reaches another process. */
static struct inject_call hostile_call(void)
{
	static const long calls[] = {
		SYS_munmap,
		SYS_munmap,
		SYS_mprotect,
		SYS_mprotect,
		SYS_mremap,
		SYS_mremap,
		SYS_mmap,
		SYS_mmap,
		SYS_madvise,
		SYS_madvise,
		SYS_msync,
		SYS_msync,
		SYS_remap_file_pages,
		SYS_mlock,
		SYS_munlock,
		SYS_mincore,
		SYS_brk,
		SYS_clone,
		SYS_clone,
		SYS_fork,
		SYS_vfork,
		SYS_exit,
		SYS_exit_group,
		SYS_prctl,
		SYS_sigaltstack,
		SYS_rt_sigaction,
		SYS_rt_sigreturn,
		SYS_rt_sigprocmask,
		SYS_arch_prctl,
		SYS_unshare,
		SYS_personality,
		SYS_io_setup,
		SYS_userfaultfd,
		SYS_set_robust_list,
		SYS_set_tid_address,
		SYS_close_range,
		SYS_mlockall,
		SYS_mbind,
		SYS_execve,
		SYS_getppid,
	};
	struct inject_call c = { .nr = calls[pick(sizeof(calls) / sizeof(*calls))],
				 .arg = { address(), length(), pick(8), pick(64), word(), 0 } };

	switch (c.nr) {
	case SYS_mmap:
		c.arg[3] = MAP_ANONYMOUS | (pick(2) ? MAP_PRIVATE : MAP_SHARED) |
			   (pick(4) ? MAP_FIXED : 0) | MAP_NORESERVE;
		c.arg[4] = ~0UL;
		break;
	case SYS_mremap:
		c.arg[2] = length();
		c.arg[3] = pick(8);
		c.arg[4] = address();
		break;
	case SYS_madvise:
		c.arg[2] = pick(10) ? pick(27) : word();
		break;
	case SYS_msync:
		c.arg[0] = PROXY_CONTROL + pick(3) * PAGE;
		c.arg[1] = PAGE;
		c.arg[2] = MS_SYNC;
		break;
	case SYS_clone:
	case SYS_unshare:
		c.arg[0] = pick(2) ? CLONE_VM | SIGCHLD : (word() & 0x7e03ff00) | SIGCHLD;
		c.arg[1] = pick(2) ? 0 : address();
		c.arg[2] = c.arg[3] = 0;
		break;
	case SYS_prctl:
	case SYS_arch_prctl:
		c.arg[0] = pick(4) ? pick(70) : 0x1000 + pick(40);
		c.arg[1] = pick(2) ? pick(20) : address();
		break;
	case SYS_execve:
		c.arg[1] = c.arg[2] = 0;
		break;
	default:
		break;
	}
	return c;
}

/* In place of the request that is under way, or of one that is not. */
static bool forge_request(pid_t pid)
{
	struct inject_call c = hostile_call();
	struct slot slot = { .kind = pick(4) ? REQ_CALL : (abi_u32)word() };

	slot.nr = (abi_u64)c.nr;
	memcpy(slot.arg, c.arg, sizeof(slot.arg));
	return inject_write(pid, PROXY_SLOTS + SLOT_FIELD(kind), &slot.kind,
			    SLOT_FIELD(child_slot) - SLOT_FIELD(kind));
}

static bool spoil_stack(pid_t pid)
{
	uint64_t garbage = word();
	unsigned long at = PROXY_STACKS + pick(PROXY_STACK_STRIDE / 8) * 8;

	return inject_write(pid, at, &garbage, sizeof(garbage));
}

static bool disturb(pid_t pid)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGSTOP, SIGSEGV };
	int signo = signals[pick(sizeof(signals) / sizeof(*signals))];

	if (kill(pid, signo) != 0)
		return false;
	return signo != SIGSTOP || kill(pid, SIGCONT) == 0;
}

static bool call_by_hand(pid_t pid)
{
	struct inject_call c = hostile_call();

	return inject_call(pid, &c, pick(3) != 0);
}

static bool harm(pid_t pid)
{
	uint64_t garbage;

	switch (pick(64)) {
	case 0:
		garbage = word();
		return inject_poke_text(pid, PROXY_TEXT + pick(PAGE), &garbage, sizeof(garbage));
	case 1 ... 6:
		return call_by_hand(pid);
	case 7 ... 9:
		return spoil_stack(pid);
	case 10 ... 14:
		return forge_request(pid);
	case 15 ... 24:
		return disturb(pid);
	case 25 ... 43:
		return forge_answer(pid);
	default:
		return spoil_slot(pid);
	}
}

/* ---- the victims ---- */

struct life {
	pid_t pid; /* 0: none */
	unsigned int harmed, missed;
};

static void become_victim(void *arg)
{
	struct ihk_launch launch = { .lwk_cpu = -1 };
	int fd = open("/dev/mcos0", O_RDWR | O_CLOEXEC), null = open("/dev/null", O_RDWR);

	NEED(fd >= 0 && null >= 0 && ioctl(fd, IHK_OS_LAUNCH, &launch) == 0);
	setpgid(0, 0);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	execl("/proc/self/exe", arg, "victim", NULL);
	_exit(1);
}

/* And whatever came of it, as far as it is known by its group. */
static void end_life(struct life *life)
{
	kill(-life->pid, SIGKILL);
	kill(life->pid, SIGKILL);
	waitpid(life->pid, NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	life->pid = 0;
}

/* Those whose parents have ended are this one's too. True: none is left. */
static bool kill_children(void)
{
	char path[64], list[4096], *at = list;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	NEED(f);
	list[fread(list, 1, sizeof(list) - 1, f)] = '\0';
	fclose(f);
	for (pid_t pid; (pid = strtol(at, &at, 10)) > 0;)
		kill(pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return waitpid(-1, NULL, WNOHANG) < 0;
}

/* True: it was there to be harmed. */
static bool one_round(struct life *life)
{
	if (life->pid == 0) {
		*life = (struct life){ .pid = prog_fork(become_victim, "slots") };
		return false;
	}
	if (waitpid(life->pid, NULL, WNOHANG) != 0) {
		end_life(life);
		return false;
	}
	/* What it was before its execve has no mailbox. */
	if (!harm(life->pid)) {
		if (++life->missed == PATIENCE)
			end_life(life);
		return false;
	}
	if (++life->harmed == LIFE)
		end_life(life);
	return true;
}

int main(int argc, char **argv)
{
	const struct rlimit few = { 200, 200 };
	struct life lives[VICTIMS] = { 0 };
	unsigned int done = 0, victims = 0, rounds;

	if (argc == 2 && strcmp(argv[1], "victim") == 0)
		return victim();
	if (argc != 3)
		return 2;
	srandom(atoi(argv[1]));
	rounds = atoi(argv[2]);
	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && setrlimit(RLIMIT_NPROC, &few) == 0);
	while (done < rounds) {
		struct life *life = &lives[pick(VICTIMS)];

		victims += life->pid == 0;
		if (one_round(life))
			done++;
		else
			usleep(500);
	}
	while (!kill_children())
		usleep(1000);
	say("%u rounds, %u victims", done, victims);
	return 0;
}
