/* SPDX-License-Identifier: GPL-2.0-only */
/* The mailbox of one thread: a page that the proxy sees, and one that only the kernels map. */
#ifndef ABI_SLOT_H
#define ABI_SLOT_H

#include "abi.h"

/*
 * A thread has at most one request in flight. The LWK writes the request,
 * then raises kpage.req_seq (release); the module takes it (kpage.taken_seq),
 * serves it in the wait or lets the proxy carry it out, and publishes
 * kpage.done_seq (release) when the twin is back in its wait.
 */

enum request_kind {
	/* Carried out by the proxy from the slot. */
	REQ_CALL = 1, /* a Linux system call: nr, arg */
	REQ_CLONE = 2, /* clone for a prepared child: arg[0] = flags; see struct slot */

	/* Served inside the wait by the module, from kpage.karg; result in kpage.kresult. */
	REQ_NULL = 16, /* apply the mask; deliver what is unblocked and pending */
	REQ_FILE_OPEN =
		17, /* karg: [0] fd, [1] PROT_*, [2] 1 for MAP_SHARED, [3] MAP_*; see below */
	REQ_FILE_READ = 18, /* karg: [0] file id, [1] page index, [2] count; kpage.list: frames */
	REQ_FATAL = 19, /* karg: [0] signal, [1] si_code, [2] address: the twin dies of it */
	REQ_THREAD_FIND = 20, /* karg: [0] tid, [1] 1 to change its scheduling; see below */
	REQ_MIRROR_OPEN = 21, /* karg: [0] start, [1] end: Linux may map there; see below */
	REQ_MIRROR_CLOSE = 22, /* karg: [0] start, [1] end: the shadow covers it again */
	REQ_MIRROR_FAULT = 23, /* karg: [0] address, [1] enum fault_access, [2] 1 to execute */
	/* karg as REQ_FATAL's: a caught signal, so that a tracer sees it; else as REQ_NULL */
	REQ_FAULT = 24,
};
#define REQ_SERVED_IN_WAIT(kind) ((kind) >= REQ_NULL)

/*
 * REQ_THREAD_FIND looks for a task in the caller's pid namespace: -ESRCH; -EPERM
 * if the caller may not do what it asks for; or 0 and
 * kout: [0] the LWK's id of the thread whose twin it is, 0: none of this instance
 *
 * REQ_FILE_OPEN answers with Linux's own refusal for a mapping of this file
 * (EBADF, EACCES, ENODEV, EPERM, ...), or 0 and
 * kout: [0] file id, or 0: it is anonymous memory (/dev/zero), [1] size in bytes,
 *       [2] PROT_* that the mapping can never get, [3] 0, or, for a mapping that is
 *       to be Linux's own: the size of page that its address and length fit
 * Each success with an id is one open that the LWK gives back by LCALL_FILE_IDLE.
 *
 * REQ_MIRROR_*: ranges below SHADOW_END, page-aligned. OPEN takes the shadow out
 * of a range, so that a system call of the twin can map there by MAP_FIXED; a
 * fault of Linux's there finds nothing. CLOSE takes out whatever is mapped there,
 * and all mirrored entries, and puts the shadow in. Both: 0, -EINVAL, -ENOMEM,
 * -EINTR; after an error of CLOSE there may be nothing at all. FAULT enters the page,
 * and some around it, into the tables: 0, -EFAULT (not mapped), -EACCES (not so), -EIO (SIGBUS), -ENOMEM, -EINTR (the
 * twin has to end), -EAGAIN (the table of level 1 is not there).
 *
 * REQ_CLONE: arg[2] is clone's parent_tid. A negative kresult of REQ_CLONE:
 * refused before the proxy saw it; no CALL_THREAD_END follows for the child.
 * The clone runs under kpage.mask of this request, and may be stopped by a
 * signal as any call: outcome tells. The child's twin begins with all signals
 * blocked, and has that mask from its first wait on.
 *
 * REQ_FILE_READ fills whole frames (zero beyond the end of the file). kresult:
 * pages filled, fewer than asked at the end of the file or before an error;
 * 0 beyond the end; -errno if the first page cannot be read.
 */

#define SLOT_DATA_SIZE 1904
#define SLOT_SIGINFO_SIZE 128

/* How the catcher found the request that it interrupted. */
enum call_outcome {
	CALL_COMPLETE = 0, /* result is the call's result */
	CALL_NOT_STARTED = 1, /* always issue it again */
	CALL_RESTARTABLE = 2, /* repeat it if the handler has SA_RESTART, else EINTR */
	CALL_RESTART_BLOCK = 3, /* EINTR, never a full repeat */
};

struct slot {
	/* --- written by the LWK while no request is in flight, but where the module is named --- */
	abi_u32 seq; /* low 32 bits of the number of this request */
	abi_u32 kind; /* enum request_kind */
	abi_u64 nr;
	abi_u64 arg[6];
	abi_u64 child_slot; /* REQ_CLONE with CLONE_VM: the child's slot number in this space, by the module */
	abi_u64 self; /* this slot's address in the proxy, written once by the module */
	abi_u64 index; /* this slot's number, written once by the module */
	abi_u64 pad0[5];
	abi_u8 data[SLOT_DATA_SIZE +
		    16]; /* structures that arg points to: at self + offset of data */
	/* --- written by the proxy; the module clears signo and outcome when it takes a request --- */
	abi_s64 result; /* of request `seq`, valid if outcome is CALL_COMPLETE */
	abi_u32 outcome; /* enum call_outcome */
	abi_u32 signo; /* the catcher caught this signal during request aborted_seq, or 0 */
	abi_u32 aborted_seq; /* slot.seq as the catcher found it: valid if still equal */
	abi_u32 pad1;
	abi_u64 saved_mask; /* uc_sigmask that the catcher found */
	abi_u8 siginfo[SLOT_SIGINFO_SIZE];
	abi_u8 pad2[2048 - 160];
};

/* Where the twin is, for a sender that wants to know whether to ring. */
enum twin_state {
	TWIN_AWAY = 0, /* not in its wait: carrying out a request, or stopped */
	TWIN_POLLING = 1, /* looks at req_seq by itself: ring nothing */
	TWIN_SLEEPING = 2, /* ring */
};

/* Capabilities that what the LWK does itself depends on. */
#define KPAGE_CAP_IPC_LOCK 1U /* locks memory beyond RLIMIT_MEMLOCK */
#define KPAGE_CAP_SYS_RAWIO 2U /* maps below the lowest address that others may */
#define KPAGE_CAP_SYS_ADMIN 8U /* gets of the last memory that may be promised */
#define KPAGE_CAP_SYS_NICE 4U /* moves pages that others use too, and to nodes of others */

/* Scheduling of a thread as Linux has it: policy (SCHED_*), real-time priority, nice value. 0: as all are at first. */
#define KPAGE_SCHED(policy, priority, nice) \
	((abi_u32)(policy) << 16 | (abi_u32)(priority) << 8 | ((abi_u32)(nice)&0xff))
#define KPAGE_SCHED_POLICY(word) ((word) >> 16)
#define KPAGE_SCHED_PRIORITY(word) ((word) >> 8 & 0xff)
#define KPAGE_SCHED_NICE(word) ((abi_s32)((word) << 24) >> 24)

/*
 * What a thread has run, in cycles of the counter that both kernels read. It
 * lies in the LWK's memory, is written by the CPU that the thread is on, and read
 * by Linux at any time, to have it in its own accounts (ihk/twin/cputime.c).
 *
 * What has passed since `stamp` stands in neither count yet. The writer moves the
 * stamp first and then adds to a count (release); the reader looks at the counts
 * first (acquire), and then at the stamp. So it may see too little for a moment,
 * and never too much.
 */
struct thread_times {
	abi_u64 user_cycles, system_cycles;
	abi_u64 stamp; /* and TIMES_IN_USER: it has run its program since */
};
#define TIMES_IN_USER 1UL

#define KPAGE_LIST 128 /* frames of one REQ_FILE_READ */

/*
 * What the proxy must not forge. Two halves, each written by one side only.
 *
 * Ordering: each side stores its own word, passes a full fence, and then
 * loads the other's: req_seq against twin_state, hold/dead/sigpend against
 * the LWK CPU's state word (boot.h), so one of the two always sees the other.
 * All states of it are walked in test/unit/test_model_hold.c.
 *
 * hold and held: the twin alone raises hold, to odd before it leaves its wait,
 * to even when it is back. The LWK alone stores held, the value of hold that it
 * has seen with the thread in the kernel, where the thread looks at hold again
 * before it runs its program. The twin is away only after it has seen its odd
 * value in held, or an untaken request, behind which the thread waits for it.
 */
struct kpage {
	/* --- written ONLY by the LWK --- */
	abi_u64 req_seq; /* number of the newest request; 0: none yet */
	abi_u64 seen_seq; /* the newest result that the LWK has taken */
	abi_u32 req_kind; /* enum request_kind: decided here, not by the slot's copy */
	abi_u32 cpu; /* LWK CPU place that runs this thread, or is to be rung for it */
	abi_u32 held; /* the value of `hold` that the LWK obeys */
	abi_u32 pad0;
	abi_u64 mask; /* the signal mask to apply when the request is taken */
	abi_u64 karg[6];
	abi_u64 child_thread; /* REQ_CLONE: id of the prepared thread */
	abi_u64 child_space; /* REQ_CLONE without CLONE_VM: id of the prepared space */
	abi_u64 child_root; /* and its root table, */
	abi_u64 child_epoch; /* and its struct space_epoch */
	abi_u64 times; /* physical address of its struct thread_times, set when it is attached; good until it ends */
	abi_u64 user_ns; /* its CPU time in the end, before CALL_THREAD_END is answered */
	abi_u64 system_ns;
	abi_u64 list[KPAGE_LIST];
	abi_u64 note; /* what notes name this page by, for the LWK to find it (note.h); 0: nobody to be told */
	abi_u64 thread; /* likewise: whose it is */
	abi_u64 robust_list; /* of its futexes, as the program has registered it, or 0 */
	abi_u8 pad1[2048 - 168 - 8 * KPAGE_LIST];
	/* --- written ONLY by Linux --- */
	abi_u64 taken_seq;
	abi_u64 done_seq;
	abi_u32 twin_state; /* enum twin_state */
	abi_u32 hold; /* odd: run no user code; even: run. Changed by the twin alone */
	abi_u32 dead; /* enum thread_end: the thread must end (CALL_THREAD_END follows) */
	abi_u32 sigpend; /* unblocked in Linux and pending: send a request with the exact mask */
	abi_u32 in_wait; /* 1 from the twin's first wait on: the thread may start */
	abi_u32 pid; /* in the process's own pid namespace, as are all below */
	abi_u32 tid;
	abi_u32 uid, euid, gid, egid;
	abi_u32 caps; /* KPAGE_CAP_* that the twin has, in the initial user namespace */
	abi_u64 linux_mask; /* the mask that Linux has for the twin now */
	abi_s64 kresult;
	abi_u64 kout[4];
	abi_u64 rlimit_as, rlimit_data, rlimit_stack, rlimit_memlock; /* soft limits, ~0: none */
	abi_u32 sched; /* KPAGE_SCHED() of the twin, as of its last wait, or of a change that is known since */
	/* A note about what stands above: by who adds it, Linux, and by the LWK that takes it. */
	abi_u32 note_queued;
	abi_u64 note_next;
	abi_u32 traced; /* 1: a tracer has to see each signal, as of the twin's last wait */
	abi_u32 pad4;
	abi_u8 pad3[2048 - 168];
};

#endif
