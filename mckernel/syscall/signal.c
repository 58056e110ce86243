/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal calls, and the way from a caught signal to its handler. */
#include "mck/signal.h"
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/restart.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* The action of signo in Linux becomes what `action` of the application needs there. */
static s64 tell_linux(int signo, const struct ksigaction *action, u64 mask)
{
	struct ksigaction real;
	struct offload_result res;
	u64 arg[6] = { (u64)signo, 0, 0, sizeof(u64) };

	signal_mirror(action, boot_params->proxy_catcher, boot_params->proxy_restorer, &real);
	arg[1] = offload_data(0, &real, sizeof(real));
	offload_call(NR_rt_sigaction, arg, mask, &res);
	return res.ended ? -EINTR : restart_value(res.outcome, res.value, NR_rt_sigaction, arg);
}

/* Set the action in both kernels. Context: the claim on signo. */
static s64 change_action(int signo, const struct ksigaction *new, struct ksigaction *old)
{
	struct thread *t = current_thread();
	s64 err;

	sighand_get_action(t->sighand, signo, old);
	if (signal_mirror_differs(signo, old, new)) {
		/* Interrupted before its start: the old handler runs first, then all this again. */
		err = tell_linux(signo, new, t->mask);
		if (err)
			return err;
	}
	sighand_set_action(t->sighand, signo, new, NULL);
	return 0;
}

s64 sys_rt_sigaction(const u64 arg[6])
{
	struct sighand *s = current_thread()->sighand;
	struct ksigaction new, old;
	int signo = (int)arg[0];
	s64 err;

	if (arg[3] != sizeof(u64) || signo < 1 || signo > NSIG)
		return -EINVAL;
	if (arg[1]) {
		if (copy_from_user(&new, arg[1], sizeof(new)))
			return -EFAULT;
		if (SIGBIT(signo) & UNBLOCKABLE)
			return -EINVAL;
		new.flags &= SA_KNOWN;
		new.mask &= ~UNBLOCKABLE;
		if (sighand_claim(s, SIGBIT(signo)))
			return -EINTR;
		err = change_action(signo, &new, &old);
		sighand_unclaim(s, SIGBIT(signo));
		if (err)
			return err;
	} else {
		sighand_get_action(s, signo, &old);
	}
	if (arg[2] && copy_to_user(arg[2], &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

void signal_set_mask(u64 mask)
{
	/*
	 * Linux may block less than the thread: a signal that comes is asked
	 * for by the exact mask. It may not block more while the program runs:
	 * up_return() looks at kpage->linux_mask.
	 */
	struct thread *t = current_thread();

	t->mask = mask & ~UNBLOCKABLE;
	if (signal_wanted(t))
		t->look = true;
}

s64 sys_rt_sigprocmask(const u64 arg[6])
{
	u64 old = current_thread()->mask;
	u64 set;

	if (arg[3] != sizeof(u64))
		return -EINVAL;
	if (arg[1]) {
		if (copy_from_user(&set, arg[1], sizeof(set)))
			return -EFAULT;
		switch ((u32)arg[0]) {
		case SIG_BLOCK:
			signal_set_mask(old | set);
			break;
		case SIG_UNBLOCK:
			signal_set_mask(old & ~set);
			break;
		case SIG_SETMASK:
			signal_set_mask(set);
			break;
		default:
			return -EINVAL;
		}
	}
	if (arg[2] && copy_to_user(arg[2], &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

/* What sigaltstack() exchanges with user space: stack_t. */
struct user_stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

s64 sys_sigaltstack(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 sp = arch_regs_sp(t->regs);
	struct user_stack new, old = {
		.sp = t->altstack_sp,
		.flags = altstack_state(t, sp) | (t->altstack_flags & SS_AUTODISARM),
		.size = t->altstack_size,
	};
	int err;

	if (arg[0]) {
		if (copy_from_user(&new, arg[0], sizeof(new)))
			return -EFAULT;
		err = altstack_set(t, sp, new.sp, new.flags, new.size);
		if (err)
			return err;
	}
	if (arg[1] && copy_to_user(arg[1], &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

s64 sys_rt_sigreturn(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 mask, ss_sp, ss_size;
	u32 ss_flags;

	(void)arg;
	if (arch_sigframe_pop(t, &mask, &ss_sp, &ss_flags, &ss_size)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return (s64)arch_call_result(t->regs);
	}
	signal_set_mask(mask);
	/* As Linux: a stack that sigaltstack() would refuse is left alone. */
	altstack_set(t, arch_regs_sp(t->regs), ss_sp, ss_flags, ss_size);
	return (s64)arch_call_result(t->regs);
}

static void signal_die(int signo, int code, u64 addr) __attribute__((noreturn));

static void signal_die(int signo, int code, u64 addr)
{
	leave_memory();
	offload_fatal(signo, code, addr);
}

/* SA_RESETHAND of a signal that has not come through Linux, whose action has to follow ours. */
static void follow_reset(int signo)
{
	struct sighand *s = current_thread()->sighand;
	struct ksigaction action;

	if (sighand_claim(s, SIGBIT(signo)))
		return;
	/* Unless a sibling has set another since. */
	sighand_get_action(s, signo, &action);
	if (action.handler == SIG_DFL)
		signal_default_in_linux(SIGBIT(signo));
	sighand_unclaim(s, SIGBIT(signo));
}

/*
 * Enter the handler of signo, or find that it has none. Dies if the stack cannot
 * take the frame. `caught`: by Linux.
 */
static bool signal_deliver(int signo, const u8 *info, u64 base, u64 old, bool caught)
{
	bool reset;

	/* The frame keeps where it begins again. */
	if (!rseq_abort(current_thread())) {
		switch (signal_enter(signo, info, base, old, caught, &reset)) {
		case SIGNAL_ENTERED:
			if (reset && !caught)
				follow_reset(signo);
			return true;
		case SIGNAL_NO_HANDLER:
			return false;
		case SIGNAL_BAD_STACK:
			break;
		}
	}
	/* Linux's rule: SIGSEGV then, unless it is SIGSEGV itself that cannot be delivered. */
	if (signo == SIGSEGV)
		signal_die(SIGSEGV, SI_KERNEL, 0);
	signal_force(SIGSEGV, SI_KERNEL, 0);
	return true;
}

/* What Linux has caught for this thread, whose handler's mask comes on top of `base`. */
static void deliver_caught(u64 base)
{
	struct thread *t = current_thread();
	int signo = (int)t->caught;

	t->caught = 0;
	signal_deliver(signo, t->caught_info, base, t->mask, true);
}

/*
 * A tracer sees the signal first, lets it through, changes it or takes it away. Then
 * the program does again what it must not do, as on Linux.
 */
static void force_by_linux(int signo, int code, u64 addr)
{
	const u64 karg[6] = { (u64)signo, (u64)(s64)code, addr };
	struct thread *t = current_thread();
	struct offload_result res;

	offload_kernel(REQ_FAULT, karg, &res);
	if (!res.ended && res.signo)
		deliver_caught(t->mask);
}

void signal_force(int signo, int code, u64 addr)
{
	struct thread *t = current_thread();
	struct ksigaction action;
	u8 info[SLOT_SIGINFO_SIZE];

	sighand_get_action(t->sighand, signo, &action);
	if (action.handler <= SIG_IGN || (t->mask & SIGBIT(signo)))
		signal_die(signo, code, addr);
	if (READ_ONCE(t->kpage->traced) && !t->caught) {
		force_by_linux(signo, code, addr);
		return;
	}
	siginfo_fault(info, signo, code, addr);
	if (!signal_deliver(signo, info, t->mask, t->mask, false))
		signal_die(signo, code, addr);
}

/* ---- a thread's signals to itself ---- */

#define SI_TKILL -6

/* These stop or continue the whole process, or take what is pending of each other away. */
#define JOB_SIGNALS \
	(SIGBIT(SIGCONT) | SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/*
 * Would Linux run a handler in this thread before the call returns, and would
 * nobody else notice? Then it is the LWK's. With anything pending, the order is
 * Linux's.
 */
static bool stays_here(const struct thread *t, u64 signo)
{
	struct ksigaction action;

	if (signo < 1 || signo > NSIG)
		return false;
	if (((t->mask | JOB_SIGNALS) & SIGBIT(signo)) || t->caught || signal_wanted(t) ||
	    READ_ONCE(t->kpage->traced))
		return false;
	sighand_get_action(t->sighand, (int)signo, &action);
	/* One that is gone with the first signal has to go in both kernels at once: siblings send it too. */
	return action.handler > SIG_IGN && !(action.flags & SA_RESETHAND);
}

/* False: a sibling has taken the handler away meanwhile. */
static bool signal_self(int signo)
{
	struct thread *t = current_thread();
	const s32 head[] = { signo, 0, SI_TKILL, 0, (s32)t->kpage->pid, (s32)t->kpage->uid };
	u8 info[SLOT_SIGINFO_SIZE] = { 0 };

	memcpy(info, head, sizeof(head));
	/* What the call returns when the handler has. */
	arch_call_set_result(t->regs, 0);
	if (!signal_deliver(signo, info, t->mask, t->mask, false))
		return false;
	this_cpu()->boot->calls_local++;
	return true;
}

s64 sys_tkill(const u64 arg[6])
{
	struct thread *t = current_thread();

	if ((u32)arg[0] == t->kpage->tid && stays_here(t, (u32)arg[1]) && signal_self((int)arg[1]))
		return (s64)arch_call_result(t->regs);
	return offload_syscall(NR_tkill, arg);
}

s64 sys_tgkill(const u64 arg[6])
{
	struct thread *t = current_thread();

	if ((u32)arg[0] == t->kpage->pid && (u32)arg[1] == t->kpage->tid &&
	    stays_here(t, (u32)arg[2]) && signal_self((int)arg[2]))
		return (s64)arch_call_result(t->regs);
	return offload_syscall(NR_tgkill, arg);
}

/* ---- what Linux has caught ---- */

void signal_default_in_linux(u64 signals)
{
	const struct ksigaction none = { .handler = SIG_DFL };

	for (int signo = 1; signo <= NSIG; signo++)
		if (signals & SIGBIT(signo))
			tell_linux(signo, &none, ~0UL);
}

/*
 * The mask that a call of the sigsuspend kind has set for its duration, if it
 * was interrupted by a signal; else the thread's own. A mask that cannot be
 * read now is one that Linux has read a moment ago: then the thread's own.
 */
static u64 base_mask(struct thread *t, u64 nr, const u64 arg[6], s64 value)
{
	bool indirect;
	int index = restart_mask_arg(nr, arg, &indirect);
	u64 addr, mask;

	if (value != -EINTR || index < 0)
		return t->mask;
	addr = arg[index];
	if (addr && indirect && copy_from_user(&addr, addr, sizeof(addr)))
		return t->mask;
	if (!addr || copy_from_user(&mask, addr, sizeof(mask)))
		return t->mask;
	return mask & ~UNBLOCKABLE;
}

/* Set the registers to what the program sees, or does again, when it goes on. */
static void signal_resume(struct user_regs *regs, u64 nr, s64 value, enum resume how)
{
	switch (how) {
	case RESUME_VALUE:
		arch_call_set_result(regs, (u64)value);
		break;
	case RESUME_EINTR:
		arch_call_set_result(regs, (u64)-EINTR);
		break;
	case RESUME_REPEAT:
		arch_call_repeat(regs, nr);
		break;
	}
}

void signal_finish_call(struct user_regs *regs, u64 nr, const u64 arg[6], s64 value)
{
	struct thread *t = current_thread();
	struct ksigaction action = { 0 };
	bool handler;
	int signo = (int)t->caught;

	if (signo)
		sighand_caught_action(t->sighand, signo, &action);
	handler = action.handler > SIG_IGN;
	signal_resume(regs, nr, value,
		      restart_decide(value, handler, handler && (action.flags & SA_RESTART)));
	if (!signo)
		return;
	deliver_caught(base_mask(t, nr, arg, value));
}

bool signal_wanted(const struct thread *t)
{
	const struct kpage *k = t->kpage;

	return READ_ONCE(k->sigpend) || (READ_ONCE(k->linux_mask) & ~t->mask & ~UNBLOCKABLE);
}

bool signal_ask(void)
{
	static const u64 none[6];
	struct offload_result res;

	offload_kernel(REQ_NULL, none, &res);
	return !res.ended && res.signo;
}

void signal_poll(void)
{
	struct thread *t = current_thread();

	if (t->caught || signal_ask())
		deliver_caught(t->mask);
}
