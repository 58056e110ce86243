/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal state of threads: what sigaction, sigaltstack and the masks mean, without Linux. */
#include "mck/signal.h"
#include "mck/errno.h"

bool signal_ignored_by_default(int signo)
{
	return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
}

u64 signal_handler_mask(u64 base, const struct ksigaction *action, int signo)
{
	u64 mask = base | action->mask;

	if (!(action->flags & SA_NODEFER))
		mask |= SIGBIT(signo);
	return mask & ~UNBLOCKABLE;
}

void signal_mirror(const struct ksigaction *app, u64 catcher, u64 restorer, struct ksigaction *real)
{
	u64 kept = SA_NOCLDSTOP | SA_NOCLDWAIT;

	if (app->handler == SIG_DFL || app->handler == SIG_IGN) {
		*real = (struct ksigaction){ .handler = app->handler, .flags = app->flags & kept };
		return;
	}
	/* Linux resets the action when the catcher is entered, and the LWK its own when it builds the frame. */
	kept |= SA_RESETHAND;
	*real = (struct ksigaction){
		.handler = catcher,
		.flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER | (app->flags & kept),
		.restorer = restorer,
		.mask = ~0UL,
	};
}

bool signal_mirror_differs(int signo, const struct ksigaction *old, const struct ksigaction *new)
{
	struct ksigaction a, b;

	/* Setting it again discards what is pending. */
	if (new->handler == SIG_IGN)
		return true;
	if (new->handler == SIG_DFL && signal_ignored_by_default(signo))
		return true;
	/* Linux resets it when a signal is caught, and that may be now: it may have another than `old`. */
	if ((old->flags | new->flags) & SA_RESETHAND)
		return true;
	signal_mirror(old, 2, 0, &a);
	signal_mirror(new, 2, 0, &b);
	return a.handler != b.handler || a.flags != b.flags;
}

void sighand_copy(struct sighand *to, struct sighand *from, bool clear)
{
	spin_lock(&from->lock);
	memcpy(to->action, from->action, sizeof(to->action));
	memcpy(to->handled, from->action, sizeof(to->handled));
	spin_unlock(&from->lock);
	for (int i = 0; clear && i < NSIG; i++) {
		u64 handler = to->action[i].handler;

		to->action[i] =
			(struct ksigaction){ .handler = handler == SIG_IGN ? SIG_IGN : SIG_DFL };
	}
}

void sighand_get_action(struct sighand *s, int signo, struct ksigaction *action)
{
	spin_lock(&s->lock);
	*action = s->action[signo - 1];
	spin_unlock(&s->lock);
}

void sighand_caught_action(struct sighand *s, int signo, struct ksigaction *action)
{
	spin_lock(&s->lock);
	*action = s->action[signo - 1];
	if (action->handler <= SIG_IGN)
		*action = s->handled[signo - 1];
	spin_unlock(&s->lock);
}

void sighand_set_action(struct sighand *s, int signo, const struct ksigaction *action,
			struct ksigaction *old)
{
	spin_lock(&s->lock);
	if (old)
		*old = s->action[signo - 1];
	s->action[signo - 1] = *action;
	if (action->handler > SIG_IGN)
		s->handled[signo - 1] = *action;
	spin_unlock(&s->lock);
}

bool altstack_contains(const struct thread *t, u64 sp)
{
	/* While a disarmed stack is in use, nobody knows of it. */
	if (t->altstack_flags & SS_AUTODISARM)
		return false;
	return sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

u32 altstack_state(const struct thread *t, u64 sp)
{
	if (!t->altstack_size)
		return SS_DISABLE;
	return altstack_contains(t, sp) ? SS_ONSTACK : 0;
}

int altstack_set(struct thread *t, u64 sp, u64 ss_sp, u32 ss_flags, u64 ss_size)
{
	u32 mode = ss_flags & ~SS_AUTODISARM;

	if (altstack_contains(t, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		ss_sp = 0;
		ss_size = 0;
	} else if (ss_size < MINSIGSTKSZ) {
		return -ENOMEM;
	}
	t->altstack_sp = ss_sp;
	t->altstack_size = ss_size;
	t->altstack_flags = ss_flags;
	return 0;
}

void siginfo_fault(u8 info[SLOT_SIGINFO_SIZE], int signo, int code, u64 addr)
{
	s32 head[3] = { signo, 0, code };

	memset(info, 0, SLOT_SIGINFO_SIZE);
	memcpy(info, head, sizeof(head));
	/* si_addr, after four bytes of padding */
	memcpy(info + 16, &addr, sizeof(addr));
}

/* Fetch the action of signo as the handler is entered: SA_RESETHAND takes it away at that moment. */
static bool take_handler(struct sighand *s, int signo, bool caught, struct ksigaction *action)
{
	struct ksigaction *kept = &s->action[signo - 1];

	spin_lock(&s->lock);
	*action = *kept;
	if (action->handler > SIG_IGN && (action->flags & SA_RESETHAND))
		kept->handler = SIG_DFL;
	if (action->handler <= SIG_IGN && caught)
		*action = s->handled[signo - 1];
	spin_unlock(&s->lock);
	return action->handler > SIG_IGN;
}

enum signal_effect signal_enter(int signo, const u8 info[SLOT_SIGINFO_SIZE], u64 base, u64 old,
				bool caught, bool *reset)
{
	struct thread *t = current_thread();
	struct ksigaction action;
	struct sigframe_args args;

	*reset = false;
	if (!take_handler(t->sighand, signo, caught, &action))
		return SIGNAL_NO_HANDLER;
	*reset = (action.flags & SA_RESETHAND) != 0;
	args = (struct sigframe_args){
		.signo = signo,
		.handler = action.handler,
		.flags = action.flags,
		.restorer = action.restorer,
		.old_mask = old,
		.altstack_sp = t->altstack_sp,
		.altstack_size = t->altstack_size,
		.altstack_flags = t->altstack_flags,
	};
	memcpy(args.siginfo, info, sizeof(args.siginfo));
	if (arch_sigframe_push(t, &args))
		return SIGNAL_BAD_STACK;
	/* The frame has kept it; a handler on it may leave by siglongjmp. */
	if (t->altstack_flags & SS_AUTODISARM) {
		t->altstack_sp = 0;
		t->altstack_size = 0;
		t->altstack_flags = SS_DISABLE;
	}
	t->mask = signal_handler_mask(base, &action, signo);
	__atomic_add_fetch(&boot_params->counters.signals, 1, __ATOMIC_RELAXED);
	return SIGNAL_ENTERED;
}
