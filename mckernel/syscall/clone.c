/* SPDX-License-Identifier: GPL-2.0-only */
/* fork, vfork, clone and clone3: the birth of threads and processes. */
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/signal.h"
#include "mck/syscalls.h"
#include "tid_store.h"

#define CSIGNAL 0x000000ffUL
#define CLONE_VM 0x00000100UL
#define CLONE_SIGHAND 0x00000800UL
#define CLONE_PIDFD 0x00001000UL
#define CLONE_VFORK 0x00004000UL
#define CLONE_PARENT 0x00008000UL
#define CLONE_THREAD 0x00010000UL
#define CLONE_SETTLS 0x00080000UL
#define CLONE_PARENT_SETTID 0x00100000UL
#define CLONE_CHILD_CLEARTID 0x00200000UL
#define CLONE_DETACHED 0x00400000UL
#define CLONE_CHILD_SETTID 0x01000000UL
#define CLONE_CLEAR_SIGHAND 0x100000000UL /* clone3 only */
#define CLONE_INTO_CGROUP 0x200000000UL

/* What is the LWK's alone: Linux would set the twin's registers and write to its window. */
#define CLONE_LWK                                                                         \
	(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | \
	 CLONE_CLEAR_SIGHAND)

/* clone's and clone3's arguments, as one. */
struct birth {
	u64 flags; /* the exit signal in the low byte */
	u64 stack; /* initial stack pointer, 0: the parent's */
	u64 parent_tid, child_tid, tls, pidfd;
	u64 set_tid, set_tid_size, cgroup; /* clone3's alone: Linux's affair */
};

/* What the child has to do before its program goes on. */
struct clone_start {
	struct thread_start head;
	u64 child_tid; /* where it writes its tid, 0: nowhere */
	struct tid_store *store; /* with CLONE_VM and CLONE_PARENT_SETTID: a reference */
	u64 caught; /* signals that Linux has to set to SIG_DFL */
	/*
	 * With CLONE_VFORK: a reference to the parent's dispositions, all claimed,
	 * which the child lets go of when it runs; the parent waits for its end.
	 */
	struct sighand *claimed;
};

static void clone_unclaim(struct clone_start *s)
{
	if (!s->claimed)
		return;
	sighand_unclaim(s->claimed, ~0UL);
	sighand_put(s->claimed);
	s->claimed = NULL;
}

static void clone_first_run(struct thread_start *start)
{
	struct clone_start *s = container_of(start, struct clone_start, head);
	u32 tid = current_thread()->kpage->tid;

	clone_unclaim(s);
	/* As Linux: an address that cannot be written is the program's own affair. */
	if (s->store)
		tid_store(s->store, tid);
	if (s->child_tid)
		copy_to_user(s->child_tid, &tid, sizeof(tid));
	signal_default_in_linux(s->caught);
}

static void clone_drop(struct thread_start *start)
{
	struct clone_start *s = container_of(start, struct clone_start, head);

	clone_unclaim(s);
	if (s->store)
		tid_store_put(s->store);
}

static u64 caught_signals(struct sighand *s)
{
	struct ksigaction action;
	u64 caught = 0;

	for (int signo = 1; signo <= NSIG; signo++) {
		sighand_get_action(s, signo, &action);
		if (action.handler > SIG_IGN)
			caught |= SIGBIT(signo);
	}
	return caught;
}

static struct space *child_space(struct thread *t, const struct birth *b)
{
	struct space *space;

	if (b->flags & CLONE_VM) {
		space_get(t->space);
		return t->space;
	}
	space = space_create();
	if (space && space_fork(t->space, space)) {
		space_put(space);
		space = NULL;
	}
	return space;
}

/* Linux has copied what is its own, or has refused to: now it may be changed again. */
static void fork_is_over(struct thread *t, const struct birth *b)
{
	if (!(b->flags & CLONE_VM))
		space_cloned(t->space);
}

static void child_space_undo(struct space *space, struct thread *t, const struct birth *b)
{
	fork_is_over(t, b);
	space_put(space);
}

static struct sighand *child_sighand(struct thread *t, const struct birth *b)
{
	struct sighand *sighand;

	if (b->flags & CLONE_SIGHAND) {
		sighand_get(t->sighand);
		return t->sighand;
	}
	sighand = sighand_create();
	if (sighand)
		sighand_copy(sighand, t->sighand, b->flags & CLONE_CLEAR_SIGHAND);
	return sighand;
}

static struct process *child_process(struct thread *t, const struct birth *b)
{
	if (!(b->flags & CLONE_THREAD))
		return process_create(t->process->comm);
	process_get(t->process);
	return t->process;
}

/* Both the parent and the child have it; NULL without memory. */
static struct clone_start *child_start(const struct birth *b)
{
	struct clone_start *start = kzalloc(sizeof(*start));

	if (!start)
		return NULL;
	start->head.run = clone_first_run;
	start->head.drop = clone_drop;
	if (!(b->flags & CLONE_PARENT_SETTID) || !(b->flags & CLONE_VM))
		return start;
	start->store = tid_store_new(b->parent_tid);
	if (start->store)
		return start;
	kfree(start);
	return NULL;
}

/* The parts of a child; what could not be made is NULL, and all is dropped again. */
static struct thread *child_create(struct thread *t, const struct birth *b)
{
	struct space *space = child_space(t, b);
	struct process *process = space ? child_process(t, b) : NULL;
	struct sighand *sighand = process ? child_sighand(t, b) : NULL;
	struct clone_start *start = sighand ? child_start(b) : NULL;
	struct thread *child = start ? thread_create(space, process, sighand) : NULL;

	if (child) {
		child->start = &start->head;
		return child;
	}
	if (start)
		thread_start_free(&start->head);
	if (sighand)
		sighand_put(sighand);
	if (process)
		process_put(process);
	if (space)
		child_space_undo(space, t, b);
	return NULL;
}

/* The child's state is the parent's, but for what clone was asked for. */
static void child_fill(struct thread *child, struct thread *t, const struct birth *b)
{
	struct clone_start *start = container_of(child->start, struct clone_start, head);

	arch_regs_child(child->regs, t->regs);
	if (b->stack)
		arch_regs_set_sp(child->regs, b->stack);
	arch_fpu_copy(child, t);
	arch_copy_tls(child, t);
	if (b->flags & CLONE_SETTLS)
		arch_set_tls(child, b->tls);

	child->mask = t->mask;
	child->policy = t->policy;
	child->read_implies_exec = t->read_implies_exec;
	if (!(b->flags & CLONE_VM)) {
		child->rseq = t->rseq;
		child->rseq_sig = t->rseq_sig;
	}
	/* As Linux: none in a thread, which must not run on its parent's. */
	if ((b->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM) {
		child->altstack_flags = SS_DISABLE;
	} else {
		child->altstack_sp = t->altstack_sp;
		child->altstack_size = t->altstack_size;
		child->altstack_flags = t->altstack_flags;
	}
	memcpy(child->affinity, t->affinity, sizeof(child->affinity));
	if (b->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = b->child_tid;
	if (b->flags & CLONE_CHILD_SETTID)
		start->child_tid = b->child_tid;
	if (b->flags & CLONE_CLEAR_SIGHAND)
		start->caught = caught_signals(t->sighand);
}

/* What no kernel does. The rest Linux judges. */
static s64 clone_check(const struct birth *b)
{
	u64 f = b->flags;

	if (((f & CLONE_THREAD) && !(f & CLONE_SIGHAND)) ||
	    ((f & CLONE_SIGHAND) && !(f & CLONE_VM)))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SETTLS) && b->tls >= 1UL << 47)
		return -EPERM;
	return 0;
}

/* Linux's clone, for a child that is prepared and may run and end at any time from here on. */
static s64 clone_in_linux(struct thread *t, const struct birth *b, u64 id)
{
	const struct clone_request request = {
		.flags = b->flags & ~CLONE_LWK,
		.pidfd = b->pidfd,
		.clone3 = b->set_tid_size || (b->flags & CLONE_INTO_CGROUP),
		.set_tid = b->set_tid,
		.set_tid_size = b->set_tid_size,
		.cgroup = b->cgroup,
	};
	struct offload_result res;

	/* The child gets this mask too, in its first wait. */
	offload_clone(&request, t->mask, &res);
	if (res.ended)
		res.value = -EINTR;
	else if (res.outcome != CALL_COMPLETE)
		res.value = -ERESTARTNOINTR;
	/*
	 * What was attached is the module's, which knows whether there is a
	 * child; the value is only what the proxy says.
	 */
	if (res.value < 0)
		thread_end_unattached(id);
	return res.value;
}

/* *claimed: the parent's dispositions are, by the caller; false when that is the child's then. */
static s64 make_child(const struct birth *b, bool *claimed)
{
	struct thread *t = current_thread(), *child;
	struct clone_start *start;
	struct tid_store *store;
	s64 ret;
	u64 id;
	u32 tid;

	child = child_create(t, b);
	if (!child)
		return -ENOMEM;
	child_fill(child, t, b);
	id = child->id;
	start = container_of(child->start, struct clone_start, head);
	store = start->store;
	if (store)
		tid_store_get(store);
	if (*claimed && (b->flags & CLONE_VFORK)) {
		sighand_get(t->sighand);
		start->claimed = t->sighand;
		*claimed = false;
	}
	t->kpage->child_thread = id;
	t->kpage->child_space = b->flags & CLONE_VM ? 0 : child->space->id;
	t->kpage->child_root = child->space->root_pa;
	t->kpage->child_epoch = child->space->epoch_pa;
	sched_start(child, -1);
	ret = clone_in_linux(t, b, id);
	fork_is_over(t, b);
	tid = (u32)ret;
	if (ret > 0 && store)
		tid_store(store, tid);
	else if (ret > 0 && (b->flags & CLONE_PARENT_SETTID))
		copy_to_user(b->parent_tid, &tid, sizeof(tid));
	if (store)
		tid_store_put(store);
	return ret;
}

static s64 give_birth(const struct birth *b)
{
	struct sighand *s = current_thread()->sighand;
	/* Both kernels copy the dispositions, which a sibling must not change between the two. */
	bool claimed = !(b->flags & CLONE_SIGHAND);
	s64 ret = clone_check(b);

	if (ret)
		return ret;
	if (claimed && sighand_claim(s, ~0UL))
		return -EINTR;
	ret = make_child(b, &claimed);
	if (claimed)
		sighand_unclaim(s, ~0UL);
	return ret;
}

s64 sys_clone(const u64 arg[6])
{
	struct birth b = {
		.flags = (u32)arg[0] & ~CLONE_DETACHED,
		.stack = arg[1],
		.parent_tid = arg[2],
		.child_tid = arg[3],
		.tls = arg[4],
	};

	if (b.flags & CLONE_PIDFD) {
		/* One argument for two purposes; and a flag that is ignored but for here. */
		if ((b.flags & CLONE_PARENT_SETTID) || (arg[0] & CLONE_DETACHED))
			return -EINVAL;
		b.pidfd = b.parent_tid;
	}
	return give_birth(&b);
}

s64 sys_fork(const u64 arg[6])
{
	const struct birth b = { .flags = SIGCHLD };

	(void)arg;
	return give_birth(&b);
}

s64 sys_vfork(const u64 arg[6])
{
	const struct birth b = { .flags = CLONE_VFORK | CLONE_VM | SIGCHLD };

	(void)arg;
	return give_birth(&b);
}

/* struct clone_args of the UAPI. */
struct user_clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	u64 set_tid, set_tid_size, cgroup;
};
#define CLONE_ARGS_SIZE_MIN 64
#define SET_TID_MAX 32 /* pid namespaces in each other */

/* A structure that may be longer or shorter than this kernel knows it. */
static s64 read_clone_args(struct user_clone_args *args, u64 addr, u64 size)
{
	u8 beyond[64];

	memset(args, 0, sizeof(*args));
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_MIN)
		return -EINVAL;
	if (copy_from_user(args, addr, MIN(size, sizeof(*args))))
		return -EFAULT;
	for (u64 at = sizeof(*args); at < size; at += sizeof(beyond)) {
		u64 piece = MIN(size - at, sizeof(beyond));

		if (copy_from_user(beyond, addr + at, piece))
			return -EFAULT;
		for (u64 i = 0; i < piece; i++)
			if (beyond[i])
				return -E2BIG;
	}
	return 0;
}

s64 sys_clone3(const u64 arg[6])
{
	const u64 size = arg[1];
	struct user_clone_args args;
	struct birth b;
	s64 err = read_clone_args(&args, arg[0], size);

	if (err)
		return err;
	if (!args.set_tid != !args.set_tid_size || args.set_tid_size > SET_TID_MAX)
		return -EINVAL;
	if ((args.flags & CLONE_INTO_CGROUP) && (args.cgroup > 0x7fffffff || size < sizeof(args)))
		return -EINVAL;
	if ((args.flags & (CSIGNAL | CLONE_DETACHED)) || args.exit_signal > NSIG ||
	    args.flags >> 34)
		return -EINVAL;
	/* The exit signal is the creator's, or there is none. */
	if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal)
		return -EINVAL;
	if (!args.stack != !args.stack_size)
		return -EINVAL;
	if (args.stack >= USER_END || args.stack_size > USER_END - args.stack)
		return -EINVAL;
	b = (struct birth){
		.flags = args.flags | args.exit_signal,
		.stack = args.stack + args.stack_size,
		.parent_tid = args.parent_tid,
		.child_tid = args.child_tid,
		.tls = args.tls,
		.pidfd = args.flags & CLONE_PIDFD ? args.pidfd : 0,
		.set_tid = args.set_tid,
		.set_tid_size = args.set_tid_size,
		.cgroup = args.cgroup,
	};
	return give_birth(&b);
}
