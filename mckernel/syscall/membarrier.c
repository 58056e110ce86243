/* SPDX-License-Identifier: GPL-2.0-only */
/* membarrier: the other threads of a process pass a barrier, or begin their restartable sequences again. */
#include "mck/clock.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/syscalls.h"
#include "mck/task.h"

#define CMD_GLOBAL 1
#define CMD_GLOBAL_EXPEDITED 2
#define CMD_REGISTER_GLOBAL_EXPEDITED 4
#define CMD_PRIVATE_EXPEDITED 8
#define CMD_REGISTER_PRIVATE_EXPEDITED 16
#define CMD_PRIVATE_EXPEDITED_SYNC_CORE 32
#define CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE 64
#define CMD_PRIVATE_EXPEDITED_RSEQ 128
#define CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ 256
#define FLAG_CPU 1

/*
 * As on a Linux with CPUs that are not to be disturbed (nohz_full): CMD_GLOBAL,
 * which acts on all processes whether they want it or not, is not there.
 */
#define CMD_ALL                                                                         \
	(CMD_GLOBAL_EXPEDITED | CMD_REGISTER_GLOBAL_EXPEDITED | CMD_PRIVATE_EXPEDITED | \
	 CMD_REGISTER_PRIVATE_EXPEDITED | CMD_PRIVATE_EXPEDITED_SYNC_CORE |             \
	 CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | CMD_PRIVATE_EXPEDITED_RSEQ |        \
	 CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)

/* What a space is registered for is kept as the command that it may use. */
static s64 join(u32 command)
{
	__atomic_or_fetch(&current_thread()->space->membarrier, command, __ATOMIC_SEQ_CST);
	return 0;
}

static bool has_joined(const struct space *s, u32 command)
{
	return __atomic_load_n(&s->membarrier, __ATOMIC_SEQ_CST) & command;
}

/* All processes that want it, and whoever asks. */
static s64 barrier_global(void)
{
	struct space *s;
	u64 id = 0;

	while ((s = space_pin_next(id))) {
		id = s->id;
		if (has_joined(s, CMD_GLOBAL_EXPEDITED))
			arch_sync_space(s);
		space_unpin(s);
	}
	return 0;
}

static bool may_run(const struct space *s, u32 place)
{
	return __atomic_load_n(&s->epoch->cpus[place / 64], __ATOMIC_SEQ_CST) >> place % 64 & 1;
}

/*
 * A CPU in user mode is called out of it. One in the kernel takes the request
 * before it leaves, and one that switches to a thread of the space later
 * restarts it anyway: neither is waited for.
 */
static void await_restart(u32 place)
{
	const struct cpu *cpu = cpu_of(place);
	u64 start = arch_cycles(), patience = ns_to_cycles(KICK_AGAIN_US * 1000UL);

	while (__atomic_load_n(&cpu->rseq_request, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&cpu->boot->state, __ATOMIC_SEQ_CST) == LWK_CPU_USER) {
		arch_relax();
		if (arch_cycles() - start > patience) {
			wake_cpu(place); /* an edge can be lost */
			start = arch_cycles();
		}
	}
}

static s64 restart_sequences(const struct space *s, u32 first, u32 end)
{
	u32 self = this_cpu()->place;

	for (u32 i = first; i < end; i++) {
		if (i == self || !may_run(s, i))
			continue;
		__atomic_store_n(&cpu_of(i)->rseq_request, 1, __ATOMIC_SEQ_CST);
		wake_cpu(i);
	}
	for (u32 i = first; i < end; i++)
		if (i != self && may_run(s, i))
			await_restart(i);
	return 0;
}

static s64 barrier_private(u32 command, u32 first, u32 end)
{
	struct space *s = current_thread()->space;

	if (!has_joined(s, command))
		return -EPERM;
	if (command == CMD_PRIVATE_EXPEDITED_RSEQ)
		restart_sequences(s, first, end);
	arch_sync_space(s);
	return 0;
}

s64 sys_membarrier(const u64 arg[6])
{
	u32 command = (u32)arg[0], flags = (u32)arg[1], cpu = (u32)arg[2];

	if (flags && (command != CMD_PRIVATE_EXPEDITED_RSEQ || flags != FLAG_CPU))
		return -EINVAL;
	switch (command) {
	case 0:
		return CMD_ALL;
	case CMD_GLOBAL_EXPEDITED:
		return barrier_global();
	case CMD_REGISTER_GLOBAL_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		/* Its number is twice that of the command that it allows. */
		return join(command / 2);
	case CMD_PRIVATE_EXPEDITED:
	case CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return barrier_private(command, 0, 0);
	case CMD_PRIVATE_EXPEDITED_RSEQ:
		if (!(flags & FLAG_CPU) || (s32)cpu < 0)
			return barrier_private(command, 0, cpu_count);
		return barrier_private(command, MIN(cpu, cpu_count), MIN(cpu + 1, cpu_count));
	default:
		return -EINVAL;
	}
}
