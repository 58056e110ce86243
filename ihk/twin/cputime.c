// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time of LWK threads in Linux's accounts. A twin has the time of its thread
 * beside its own, so that everybody finds it where Linux keeps it: clocks, getrusage
 * and wait4, /proc, limits and timers. The LWK counts, see struct thread_times;
 * here it is read, and added to the task, at a request of the thread, when somebody
 * asks for CPU time, and some times a second while a thread runs its program. No
 * CPU of the LWK is disturbed for it.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/posix-timers.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timer.h>
#include <linux/unistd.h>

#include "object/object.h"
#include "twin/expiry.h"
#include "twin/twin.h"

static_assert(IHK_CPU_CLOCKS == CPUCLOCK_MAX);

/* How often the accounts follow programs that make no calls, and no timer needs it sooner. */
#define LOOK_EVERY (HZ / 10 ?: 1)

/* ---- reading ---- */

static u64 to_ns(const struct ihk_twin *twin, u64 cycles)
{
	/* The LWK's word: a shift, since no product of it makes a processor trap. */
	u64 khz = READ_ONCE(twin->procs->os->params->cycles_khz) ?: 1;

	return mul_u64_u64_shr(cycles, div64_u64(1000000UL << 22, khz), 22);
}

/* Context: inside the instance; the thread has not ended, as its twin is there. */
static void read_times(const struct ihk_twin *twin, u64 *user_ns, u64 *system_ns)
{
	u64 user, system;

	ihk_times_read(twin->times, &user, &system);
	*user_ns = to_ns(twin, user);
	*system_ns = to_ns(twin, system);
}

void ihk_cputime_attach(struct ihk_twin *twin)
{
	u64 pa = READ_ONCE(twin->k->times);
	int token;

	twin->born = jiffies;
	token = ihk_enter(twin->procs);
	if (token < 0)
		return;
	if (IS_ALIGNED(pa, sizeof(u64)))
		twin->times = ihk_os_mem(twin->procs->os, pa, sizeof(*twin->times));
	ihk_leave(twin->procs, token);
}

/* ---- adding ---- */

/* What is new of `ns`, and no more than `room`, which gets smaller by it. */
static u64 news(u64 ns, u64 *have, u64 *room)
{
	u64 more = ns > *have ? min(ns - *have, *room) : 0;

	*have += more;
	*room -= more;
	return more;
}

/*
 * Make the task's account have this much of the thread. One thread cannot have run
 * longer than it lives, whatever the LWK says. Context: nobody else changes the
 * account meanwhile.
 */
static void fold(struct ihk_twin *twin, struct task_struct *task, u64 user_ns, u64 system_ns)
{
	/* Of ticks: one that has begun, and one that is late. */
	u64 age = (jiffies - twin->born + 2) * TICK_NSEC, had = twin->user_ns + twin->system_ns;
	u64 room = age > had ? age - had : 0;
	u64 user = news(user_ns, &twin->user_ns, &room);
	u64 system = news(system_ns, &twin->system_ns, &room);

	if (!user && !system)
		return;
	task->utime += user;
	task->stime += system;
	task->se.sum_exec_runtime += user + system;
	account_group_user_time(task, user);
	account_group_system_time(task, system);
	account_group_exec_runtime(task, user + system);
}

/*
 * By the task itself. The sums are written by the scheduler of this CPU for current
 * alone; a remote update of sum_exec_runtime in the same moment may lose one of the
 * two additions.
 */
static void fold_current(struct ihk_twin *twin, u64 user_ns, u64 system_ns)
{
	local_irq_disable();
	fold(twin, current, user_ns, system_ns);
	local_irq_enable();
}

/*
 * Of a twin that sleeps in its wait. Who wakes a task takes its pi_lock first, so it
 * goes on sleeping until we let go, and nobody but us has to do with its account. A
 * twin that is awake looks itself.
 */
static bool fold_asleep(struct ihk_twin *twin, struct task_struct *task)
{
	u64 user, system;
	unsigned long flags;
	bool asleep;

	raw_spin_lock_irqsave(&task->pi_lock, flags);
	asleep = READ_ONCE(twin->waiting) && READ_ONCE(task->__state) == TASK_INTERRUPTIBLE;
	/* In the order in which who goes to sleep leaves them, as try_to_wake_up() has it. */
	smp_rmb();
	asleep = asleep && !READ_ONCE(task->on_rq) && !smp_load_acquire(&task->on_cpu) &&
		 twin->times;
	if (asleep) {
		read_times(twin, &user, &system);
		fold(twin, task, user, system);
	}
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
	return asleep;
}

/* Context: inside, RCU. */
static void fold_process(struct ihk_procs *procs, struct task_struct *process)
{
	struct task_struct *task;
	struct ihk_twin *twin;

	for_each_thread(process, task) {
		twin = task == current ? NULL : ihk_twin_of(task);
		if (twin && twin->procs == procs)
			fold_asleep(twin, task);
	}
}

/* ---- timers on CPU time ---- */

/*
 * They are Linux's, which looks at them where a tick of its own meets a running task.
 * A thread that is in its program has no such tick, so we look for it; one whose twin
 * carries out a call is Linux's.
 */

static u64 left_of(u64 user, u64 system, u64 sched, const struct posix_cputimers *timers)
{
	const unsigned long long now[] = {
		[CPUCLOCK_PROF] = user + system, [CPUCLOCK_VIRT] = user, [CPUCLOCK_SCHED] = sched
	};
	unsigned long long next[CPUCLOCK_MAX] = {};
	int i;

	for (i = 0; i < CPUCLOCK_MAX; i++)
		next[i] = READ_ONCE(timers->bases[i].nextevt);
	return ihk_expiry_left(now, next);
}

/*
 * CPU time until a timer of the task or of its process, a limit included, can expire,
 * ~0: never. What is read without a lock here is looked at again by Linux.
 */
static u64 time_left(struct task_struct *task)
{
	const struct posix_cputimers *shared = &task->signal->posix_cputimers;
	struct task_cputime_atomic *sum = &task->signal->cputimer.cputime_atomic;
	u64 left = left_of(task->utime, task->stime, task->se.sum_exec_runtime,
			   &task->posix_cputimers);

	if (!READ_ONCE(shared->timers_active) || READ_ONCE(shared->expiry_active))
		return left;
	return min(left, left_of(atomic64_read(&sum->utime), atomic64_read(&sum->stime),
				 atomic64_read(&sum->sum_exec_runtime), shared));
}

/*
 * As the tick does it, but that the work runs here and not on the way to user mode:
 * the thread goes on meanwhile, and with the mask that the twin has in its wait, a
 * signal to the process is its as on Linux. False: the tick was first.
 */
bool ihk_cputime_expire(void)
{
	struct posix_cputimers_work *expiry = &current->posix_cputimers_work;
	bool first;

	local_irq_disable();
	first = !expiry->scheduled;
	expiry->scheduled = true;
	local_irq_enable();
	if (first)
		expiry->work.func(&expiry->work);
	return first;
}

/* ---- at requests ---- */

/* The process whose clock has this id, if not the caller's. Context: RCU. */
static struct task_struct *clock_owner(u64 id)
{
	pid_t pid = (s32)id < 0 ? ~(s32)id >> 3 : 0;

	return pid ? pid_task(find_vpid(pid), PIDTYPE_PID) : NULL;
}

static void fold_running(struct ihk_procs *procs);

/* Does the call tell CPU time, or reckon from it? */
static bool is_about_time(u64 nr)
{
	switch (nr) {
	case __NR_clock_nanosleep:
	case __NR_clock_gettime:
	case __NR_timer_settime:
	case __NR_timer_gettime:
	case __NR_getitimer:
	case __NR_setitimer:
	case __NR_getrusage:
	case __NR_times:
		return true;
	default:
		return false;
	}
}

/* Of others too. Context: inside. */
static void fold_for_call(struct ihk_procs *procs, const struct slot *slot, u64 nr)
{
	struct task_struct *other = NULL;

	rcu_read_lock();
	switch (nr) {
	case __NR_clock_nanosleep:
		/* It arms a timer and does not come back before: what computes meanwhile has others. */
		timer_reduce(&procs->look, jiffies + 2);
		fallthrough;
	case __NR_clock_gettime:
		other = clock_owner(READ_ONCE(slot->arg[0]));
		break;
	case __NR_timer_settime:
	case __NR_timer_gettime:
		/* Of whose clock only Linux knows. */
		fold_running(procs);
		break;
	}
	fold_process(procs, current);
	if (other && !same_thread_group(other, current))
		fold_process(procs, other);
	rcu_read_unlock();
}

void ihk_cputime_request(struct ihk_twin *twin)
{
	u64 nr = READ_ONCE(twin->slot->nr), user, system;
	bool about_time = twin->cur_kind == REQ_CALL && is_about_time(nr);
	int token;

	/* Linux's own accounts are no finer than its tick where nobody asks. */
	if (!about_time && twin->folded == jiffies)
		return;
	token = ihk_enter(twin->procs);
	if (token < 0)
		return;
	twin->folded = jiffies;
	if (twin->times) {
		read_times(twin, &user, &system);
		fold_current(twin, user, system);
	}
	if (about_time)
		fold_for_call(twin->procs, twin->slot, nr);
	ihk_leave(twin->procs, token);
}

void ihk_cputime_end(struct ihk_twin *twin)
{
	if (twin->task == current)
		fold_current(twin, READ_ONCE(twin->k->user_ns), READ_ONCE(twin->k->system_ns));
}

/* ---- while programs make no calls ---- */

/* The twin of the thread that this place runs, in its program or for it, or NULL. Context: inside, RCU. */
static struct ihk_twin *running_twin(struct ihk_procs *procs, int place)
{
	const struct boot_cpu *cpu = &procs->os->params->cpus[place];
	u32 running = READ_ONCE(cpu->running);

	if (READ_ONCE(cpu->state) == LWK_CPU_IDLE || !running || running > ABI_MAX_TWINS)
		return NULL;
	return xa_load(&procs->twins, running - 1);
}

static unsigned long ticks_left(struct ihk_procs *procs, u64 left)
{
	return ihk_expiry_ticks(left, procs->os->cpu_count, TICK_NSEC, LOOK_EVERY);
}

/*
 * If it has left its wait meanwhile, it may sleep in a call of its program's that
 * must not be woken for nothing: it looks at `expired` when it comes back.
 */
static void wake_expired(struct ihk_twin *twin, struct task_struct *task)
{
	WRITE_ONCE(twin->expired, true);
	preempt_disable();
	/* Pairs with the fence between `waiting` and the look at `expired`. */
	smp_mb();
	if (READ_ONCE(twin->waiting))
		wake_up_process(task);
	preempt_enable();
}

/* Ticks until the next look at it. */
static unsigned long look(struct ihk_procs *procs, struct ihk_twin *twin)
{
	/* Pairs with the release in ihk_twin_bind(). */
	struct task_struct *task = smp_load_acquire(&twin->task);
	u64 left;

	if (!task)
		return LOOK_EVERY;
	/* Whoever changes it, on Linux, tells nobody. */
	ihk_twin_sched(task);
	if (fold_asleep(twin, task)) {
		left = time_left(task);
		if (!left)
			wake_expired(twin, task);
		return ticks_left(procs, left);
	}
	return ticks_left(procs, time_left(task));
}

static void fold_running(struct ihk_procs *procs)
{
	struct task_struct *task;
	struct ihk_twin *twin;
	int place;

	for (place = 0; place < procs->os->cpu_count; place++) {
		twin = running_twin(procs, place);
		task = twin ? smp_load_acquire(&twin->task) : NULL;
		if (task && task != current)
			fold_asleep(twin, task);
	}
}

/* Runs while there are twins: the next one that enters its wait starts it again. */
static void look_around(struct timer_list *timer)
{
	struct ihk_procs *procs = container_of(timer, struct ihk_procs, look);
	unsigned long next = LOOK_EVERY;
	struct ihk_twin *twin;
	int token = ihk_enter(procs);
	int place;

	if (token < 0)
		return;
	rcu_read_lock();
	for (place = 0; place < procs->os->cpu_count; place++) {
		twin = running_twin(procs, place);
		if (twin)
			next = min(next, look(procs, twin));
	}
	rcu_read_unlock();
	if (atomic_read(&procs->twin_count))
		/* Somebody may have started it for sooner since the look. */
		timer_reduce(timer, jiffies + next);
	ihk_leave(procs, token);
}

void ihk_cputime_go_on(struct ihk_procs *procs)
{
	u64 left = time_left(current);
	int token;

	if (left == ~0ULL && timer_pending(&procs->look))
		return;
	token = ihk_enter(procs);
	if (token < 0)
		return;
	timer_reduce(&procs->look, jiffies + ticks_left(procs, left));
	ihk_leave(procs, token);
}

void ihk_cputime_os_begin(struct ihk_procs *procs)
{
	timer_setup(&procs->look, look_around, 0);
}

void ihk_cputime_os_end(struct ihk_procs *procs)
{
	del_timer_sync(&procs->look);
}
