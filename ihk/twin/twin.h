/* SPDX-License-Identifier: GPL-2.0-only */
/* Twins: Linux tasks that serve threads of the LWK. */
#ifndef IHK_TWIN_H
#define IHK_TWIN_H

#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/workqueue.h>

#include "abi/proxy.h"
#include "object/object.h"
#include "space/space.h"

/* ---- twin.c ---- */

/*
 * One Linux task that serves one LWK thread. Made by the task that prepares
 * it, bound to its own task (exec, fork tracepoint), ended by its own task or,
 * unbound, by its maker.
 */
struct ihk_twin {
	struct ihk_procs *procs;
	struct ihk_space *space;
	struct ihk_box *box;
	struct slot *slot; /* the two pages as the kernel sees them */
	struct kpage *k;
	u32 index, gen;
	unsigned int slot_number;
	u64 thread; /* the LWK's id */

	/* Set once when bound, read by the doorbell's interrupt under RCU; with a reference. */
	struct task_struct *task;
	struct hlist_node hash; /* by task; written under the hash's lock, read under RCU */

	/*
	 * The twin sleeps or is about to: stored with a full fence before it
	 * looks for a request, read by the doorbell, which may wake it then.
	 */
	bool waiting;

	/*
	 * The thread's CPU time: where the LWK counts it (set before the twin is bound,
	 * NULL: nowhere), since when, and how much of it is in the task's account: changed by
	 * the task, or under its pi_lock while it sleeps. cputime.c.
	 */
	const struct thread_times *times;
	unsigned long born; /* jiffies */
	u64 user_ns, system_ns;
	/* A timer on CPU time may have expired: set before the twin is woken, cleared by itself. */
	bool expired;

	/* The rest is its own task's alone. */
	struct ihk_twin *child; /* prepared and not yet bound */
	struct ihk_birth *birth; /* of a fork's child that may not have run yet; with a reference */
	u64 cur; /* request being carried out by the proxy, 0 for none */
	u32 cur_kind;
	bool entered; /* has been in its wait */
	bool leaving; /* left the wait for a signal, or was just born; saved_mask is to be restored */
	u64 saved_mask;
	u64 poll_ns; /* how long its next wait polls; 0: sleeps at once */
	unsigned long folded; /* jiffies when the thread's time was added last at a request */
	const struct cred *cred; /* of the ids published last, with a reference */
	/* Where the shadow has made room for a mapping of Linux's; for how many calls to come. */
	unsigned long open_start, open_len;
	unsigned int open_calls;

	struct callback_head exit_work;
	struct rcu_work free_work;
};

int ihk_twin_init(void);
void ihk_twin_exit(void);
/* slot_number < 0: any free one of the space. Takes a reference of the space. */
struct ihk_twin *ihk_twin_new(struct ihk_space *space, int slot_number);
/* CALL_THREAD_ATTACH for the LWK's thread `thread`. */
int ihk_twin_attach(struct ihk_twin *twin, u64 thread);
void ihk_twin_bind(struct ihk_twin *twin, struct task_struct *task);
/* The twin of a task, or NULL. Stable for current; else under RCU. */
struct ihk_twin *ihk_twin_of(struct task_struct *task);
/*
 * CALL_THREAD_END, then free the twin, and its space if it was the last.
 * A twin that has no thread yet (thread 0) is only freed.
 */
void ihk_twin_end(struct ihk_twin *twin, enum thread_end why);
/* CPU place to ask for what concerns the twin's thread, -1: any. */
int ihk_twin_place(struct ihk_twin *twin);
void ihk_twin_ring(struct ihk_twin *twin);
/* Tell the LWK of this task's scheduling, if it is a twin. Any context; RCU. */
void ihk_twin_sched(struct task_struct *task);

/* For the table of base/up.h. */
void ihk_twin_request(struct ihk_os *os, u32 index, u32 gen);
int ihk_place_of_current(struct ihk_os *os);
u64 ihk_thread_of_current(struct ihk_os *os);
unsigned long ihk_room_of_current(unsigned long len);

/* ---- life.c: birth and death, by tracepoints ---- */

int ihk_life_init(void);
void ihk_life_exit(void);
/* REQ_CLONE taken: prepare the child, so that the tracepoint finds it. 0 or -errno. */
int ihk_life_prepare(struct ihk_twin *twin);
/* The twin is back from its clone. */
void ihk_life_settle(struct ihk_twin *twin);
/* Forget a child that is not waited for any more. */
void ihk_life_forget(struct ihk_twin *twin);

/* ---- twin_wait.c ---- */

int ihk_twin_wait(struct file *file, loff_t start, loff_t end, int datasync);

/* ---- control.c ---- */

/* A new file to be mapped as a proxy's control mapping, or ERR_PTR. */
struct file *ihk_control_file(struct ihk_os *os);

/* ---- sched.c ---- */

/* What the LWK has to know of a task's scheduling. */
u32 ihk_sched_word(struct task_struct *task);
/* Tell it in the page of the task's twin, which stays. True: it is news. */
bool ihk_sched_publish(struct kpage *k, struct task_struct *task);
/* By a twin, behind a call of its program's: perhaps it has changed others. */
void ihk_sched_called(struct ihk_twin *twin);

/* ---- times.c, cputime.c ---- */

/* Cycles by now: perhaps too few for a moment, never too many. Context: inside. */
void ihk_times_read(const struct thread_times *t, u64 *user, u64 *system);

void ihk_cputime_os_begin(struct ihk_procs *procs);
void ihk_cputime_os_end(struct ihk_procs *procs); /* nobody is inside any more */
void ihk_cputime_attach(struct ihk_twin *twin);
/* By the twin that takes a request, which does not run yet: its thread's time counts now. */
void ihk_cputime_request(struct ihk_twin *twin);
/* By current, a twin whose thread is about to go on. */
void ihk_cputime_go_on(struct ihk_procs *procs);
/* Current's timers on CPU time: false: Linux does it when current goes to user mode. */
bool ihk_cputime_expire(void);
void ihk_cputime_end(struct ihk_twin *twin); /* the thread has ended */

/* ---- twin_signal.c ---- */

/* The current task's, which only its own end takes away. */
static inline struct sighand_struct *ihk_sighand(void)
{
	return rcu_dereference_protected(current->sighand, true);
}

static inline spinlock_t *ihk_siglock(void)
{
	return &ihk_sighand()->siglock;
}

/* A sigset_t as it travels to the LWK: the one word that it is on a 64-bit machine. */
#define ihk_sigset(set) ((u64)(set)->sig[0])

enum ihk_signal_verdict { SIGNAL_NONE, SIGNAL_DEFER, SIGNAL_LEAVE };
/* What to do about signal_pending() in the wait. */
enum ihk_signal_verdict ihk_signal_look(void);
void ihk_signal_recalc(void);
/* Make `mask` Linux's mask of the current task. */
void ihk_signal_mask(struct ihk_twin *twin, u64 mask);
/*
 * From the fork tracepoint: nothing is delivered to the child before its first
 * wait, for it has no slot and maybe no alternate stack yet. Without a lock: it
 * does not run yet, and looks again at what is pending before it goes to user
 * mode, whichever value a sender of a signal has seen meanwhile.
 */
void ihk_signal_block_child(struct task_struct *child);
/* Until the thread runs no user code. */
void ihk_signal_hold(struct ihk_twin *twin);
/* The thread is on hold: block what has a catcher, so that the others take effect on the way out. */
void ihk_signal_leave(struct ihk_twin *twin);
void ihk_signal_return(struct ihk_twin *twin);
/*
 * To the thread's own twin, as the kernel tells of a fault. What is no signal is SIGKILL.
 * fatal: the twin dies of it, whatever action it has.
 */
void ihk_signal_fault(int signo, int code, u64 addr);
void ihk_signal_fatal(int signo, int code, u64 addr);
void ihk_signal_kill_self(const char *why);

/* ---- twin_serve.c: requests that need no user code ---- */

void ihk_twin_publish(struct ihk_twin *twin);
/* kresult. */
s64 ihk_twin_serve(struct ihk_twin *twin, u32 kind);

#endif
