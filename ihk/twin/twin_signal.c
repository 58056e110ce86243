// SPDX-License-Identifier: GPL-2.0-only
/* Signals of a twin in its wait: deferred, or let through after its thread is on hold. */
#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>

#include "object/object.h"
#include "os/os.h"
#include "twin/twin.h"

static_assert(_NSIG_WORDS == 1); /* ihk_sigset() */

#define NEVER_BLOCKED (sigmask(SIGKILL) | sigmask(SIGSTOP))

/* Signals with a handler: the proxy's catcher. Context: siglock. */
static u64 caught(void)
{
	__sighandler_t handler;
	u64 set = 0;
	int i;

	for (i = 0; i < _NSIG; i++) {
		handler = ihk_sighand()->action[i].sa.sa_handler;
		if (handler != SIG_DFL && handler != SIG_IGN)
			set |= 1UL << i;
	}
	return set;
}

/*
 * Must Linux get the task now? Everything but a caught signal: death, stops,
 * tracers, the freezer, signals with a default action, work that io_uring and
 * the like queue. Context: siglock.
 */
static bool must_leave(void)
{
	struct signal_struct *signal = current->signal;
	u64 ready;

	recalc_sigpending();
	if (test_thread_flag(TIF_NOTIFY_SIGNAL))
		return true;
	if (!test_thread_flag(TIF_SIGPENDING))
		return false;
	if ((signal->flags & SIGNAL_GROUP_EXIT) || signal->group_exec_task)
		return true;
	if (current->jobctl & (JOBCTL_PENDING_MASK | JOBCTL_TRAP_FREEZE))
		return true;
	if (freezing(current))
		return true;
	ready = (ihk_sigset(&current->pending.signal) |
		 ihk_sigset(&signal->shared_pending.signal)) &
		~ihk_sigset(&current->blocked);
	/* The flag without a signal: live patching and its like want the task on its way out. */
	return !ready || (ready & ~caught());
}

enum ihk_signal_verdict ihk_signal_look(void)
{
	enum ihk_signal_verdict verdict;

	spin_lock_irq(ihk_siglock());
	if (must_leave()) {
		verdict = SIGNAL_LEAVE;
	} else if (test_thread_flag(TIF_SIGPENDING)) {
		/* It stays pending; the next recalc_sigpending() sets the flag again. */
		clear_thread_flag(TIF_SIGPENDING);
		verdict = SIGNAL_DEFER;
	} else {
		verdict = SIGNAL_NONE;
	}
	spin_unlock_irq(ihk_siglock());
	return verdict;
}

void ihk_signal_recalc(void)
{
	spin_lock_irq(ihk_siglock());
	recalc_sigpending();
	spin_unlock_irq(ihk_siglock());
}

void ihk_signal_mask(struct ihk_twin *twin, u64 mask)
{
	sigset_t set = { .sig = { mask & ~NEVER_BLOCKED } };

	if (ihk_sigset(&current->blocked) != ihk_sigset(&set))
		sigprocmask(SIG_SETMASK, &set, NULL);
	WRITE_ONCE(twin->k->linux_mask, ihk_sigset(&current->blocked));
}

#define HOLD_PAUSE_MAX 4000 /* us */

/*
 * An instance that answers nothing is found dead by a call that it does not
 * take; a ring alone would never tell.
 */
static void probe(struct ihk_twin *twin)
{
	struct ihk_call c = { .op = CALL_PROBE };

	ihk_procs_call(twin->procs, ihk_twin_place(twin), &c);
}

void ihk_signal_block_child(struct task_struct *child)
{
	WRITE_ONCE(child->blocked.sig[0], ~NEVER_BLOCKED);
}

/*
 * The CPU lives, but this thread is not brought to a halt: from inside, so that
 * it is the instance's boot of this twin that is condemned.
 */
static void condemn(struct ihk_twin *twin)
{
	struct ihk_os *os = twin->procs->os;
	int token = ihk_enter(twin->procs);

	if (token < 0)
		return;
	pr_err("ihk: instance %d: place %d has not obeyed the hold of %s (%d) for %lu s\n",
	       os->index, ihk_twin_place(twin), current->comm, task_pid_nr(current),
	       ihk_hang_ticks() / HZ);
	ihk_os_condemn(os, OS_HUNGUP);
	ihk_leave(twin->procs, token);
}

/*
 * The thread must not run user code while its twin is not in the wait. Ring
 * until the LWK obeys, or has died; it does so at its next scan, whatever the
 * thread waits for. A thread that has sent a request runs nothing anyway. An
 * odd hold stays until the next enter(). The steps of both sides are walked in
 * test/unit/test_model_hold.c.
 */
void ihk_signal_hold(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	struct ihk_patience patience;
	unsigned int pause = 0;

	ihk_patience_begin(&patience, jiffies);
	if (!(k->hold & 1))
		WRITE_ONCE(k->hold, k->hold + 1);
	/* Pairs with the LWK's store of the CPU's state before its look at hold. */
	smp_mb();
	while (READ_ONCE(k->held) != k->hold && READ_ONCE(k->req_seq) == k->taken_seq &&
	       ihk_procs_alive(twin->procs)) {
		ihk_twin_ring(twin);
		if (pause < 20) {
			udelay(2);
			pause++;
		} else {
			if (pause == HOLD_PAUSE_MAX)
				probe(twin);
			if (ihk_owed_too_long(&patience, true, ihk_hang_ticks())) {
				condemn(twin);
				break;
			}
			usleep_range(pause, 2 * pause);
			pause = min_t(unsigned int, pause * 2, HOLD_PAUSE_MAX);
		}
	}
}

void ihk_signal_leave(struct ihk_twin *twin)
{
	u64 handled;

	spin_lock_irq(ihk_siglock());
	handled = caught();
	spin_unlock_irq(ihk_siglock());
	twin->saved_mask = ihk_sigset(&current->blocked);
	twin->leaving = true;
	ihk_signal_mask(twin, twin->saved_mask | handled);
	/* Else, if the cause is gone by now, user space would see -ERESTARTSYS. */
	set_thread_flag(TIF_SIGPENDING);
}

void ihk_signal_return(struct ihk_twin *twin)
{
	twin->leaving = false;
	ihk_signal_mask(twin, twin->saved_mask);
}

void ihk_signal_fault(int signo, int code, u64 addr)
{
	struct kernel_siginfo info;

	if (!valid_signal(signo) || signo == 0 || signo == SIGKILL) {
		send_sig(SIGKILL, current, 1);
		return;
	}
	clear_siginfo(&info);
	info.si_signo = signo;
	info.si_code = code;
	info.si_addr = (void __user *)addr;
	/*
	 * With the code of a breakpoint, a debugger would look for one where the
	 * proxy is, take the trap for a stale one, and go on for ever.
	 */
	if (signo == SIGTRAP && current->ptrace)
		info.si_code = TRAP_BRKPT;
	send_sig_info(signo, &info, current);
}

/* As force_sig_fault() does, which is not exported. */
void ihk_signal_fatal(int signo, int code, u64 addr)
{
	if (!valid_signal(signo) || signo == 0)
		signo = SIGKILL;
	spin_lock_irq(ihk_siglock());
	if (signo != SIGKILL && signo != SIGSTOP)
		ihk_sighand()->action[signo - 1].sa.sa_handler = SIG_DFL;
	sigdelset(&current->blocked, signo);
	recalc_sigpending();
	/* The first process of a pid namespace dies of it too. */
	current->signal->flags &= ~SIGNAL_UNKILLABLE;
	spin_unlock_irq(ihk_siglock());
	ihk_signal_fault(signo, code, addr);
}

void ihk_signal_kill_self(const char *why)
{
	if (!fatal_signal_pending(current))
		pr_info_ratelimited("ihk: killing %s (%d): %s\n", current->comm,
				    task_tgid_nr(current), why);
	send_sig(SIGKILL, current, 1);
}
