/* SPDX-License-Identifier: GPL-2.0-only */
/* The process part's inner interfaces: instances, spaces, twins, files of programs. */
#ifndef IHK_PROC_H
#define IHK_PROC_H

#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/srcu.h>
#include <linux/task_work.h>
#include <linux/xarray.h>

#include "abi/proxy.h"
#include "ihk.h"

/*
 * Lock order, outer first:
 *   ihk_space.lock
 *   mmap_lock of a proxy (may be held by whoever faults)
 *   ihk_space.insert
 *   ihk_procs.lock, the twin hash's lock: raw, innermost
 * ihk_procs.file_lock and box_lock nest with none of them; news_lock is held
 * around file_lock.
 * No call to the LWK is made with any of them held but mmap_lock and news_lock.
 */

/* The two pages of one thread; both are mapped in the LWK as long as the instance runs. */
struct ihk_box {
	struct list_head node; /* in ihk_procs.boxes while no twin has it */
	struct page *slot;
	struct page *kpage;
};

/*
 * All processes of one boot of an instance. Made before its first CPU starts;
 * after its stop it lives until the last twin, space and file of it are gone.
 */
struct ihk_procs {
	struct ihk_os *os; /* with a reference */
	u32 boot_gen; /* which boot of it; fixed */
	struct kref ref;

	/*
	 * Who touches memory of the instance, its page tables included, does so
	 * between ihk_enter() and ihk_leave(). `stopped` is set once, before the
	 * stop waits for all who are inside.
	 */
	struct srcu_struct inside;
	bool stopped;

	/*
	 * Twins by index. Written under `lock`, read under RCU (doorbell
	 * interrupt). An index passes on, so what the LWK sends names the
	 * generation too, which each owner gets before it is in the table.
	 */
	raw_spinlock_t lock;
	struct ihk_twin __rcu *twin[ABI_MAX_TWINS];
	u32 gen[ABI_MAX_TWINS]; /* under `lock` */
	unsigned int twins; /* written under `lock`, read anywhere */
	unsigned int next_twin; /* under `lock` */
	wait_queue_head_t gone; /* woken when `twins` becomes 0 */

	/* Mailboxes that no twin has; the pages are freed with this structure. */
	struct mutex box_lock;
	struct list_head boxes;

	/* Spaces by the low half of their id; xa_lock pairs a look-up with its reference. */
	struct xarray spaces;
	u32 space_next; /* under xa_lock */
	u32 space_gen; /* under xa_lock */

	/* Files that the LWK maps or may have pages of: filepages.c. */
	struct mutex file_lock;
	struct xarray files; /* struct ihk_file by id */
	DECLARE_HASHTABLE(file_hash, 8); /* those that may be handed out again, by inode number */
	struct list_head files_idle; /* of these, who has no opens; oldest first */
	unsigned int files_idle_count;
	struct list_head files_open; /* who has opens */
	u64 file_next;

	/*
	 * What has changed of them: filenews.c. `news_told`: news up to this
	 * number have reached the LWK; written under news_lock, read anywhere.
	 */
	struct mutex news_lock;
	u64 news_told;
	struct delayed_work news_work;
	struct list_head news_node;
};

/* ---- object/procs.c ---- */

/* Not known to anybody yet; keeps the instance. Or ERR_PTR. */
struct ihk_procs *ihk_procs_new(struct ihk_os *os);
struct ihk_procs *ihk_procs_get(struct ihk_os *os); /* NULL: none runs */
static inline struct ihk_procs *ihk_procs_ref(struct ihk_procs *procs)
{
	kref_get(&procs->ref);
	return procs;
}
void ihk_procs_put(struct ihk_procs *procs);

/*
 * A token of 0 or more, or -EIO: the instance has stopped, its memory must not be touched.
 * (Sparse knows no lock that is held on success only: to it, nobody ever is inside.)
 */
static inline int ihk_enter(struct ihk_procs *procs)
{
	int token = srcu_read_lock(&procs->inside);

	if (likely(!READ_ONCE(procs->stopped))) {
		__release(&procs->inside);
		return token;
	}
	srcu_read_unlock(&procs->inside, token);
	return -EIO;
}

static inline void ihk_leave(struct ihk_procs *procs, int token)
{
	__acquire(&procs->inside);
	srcu_read_unlock(&procs->inside, token);
}

/* This very boot of the instance runs: `running` alone may be that of a later one. */
static inline bool ihk_procs_alive(const struct ihk_procs *procs)
{
	return ihk_os_alive(procs->os) && !READ_ONCE(procs->stopped);
}

/*
 * Every call of the process part: ihk_call() from inside, so that it reaches
 * the boot that its ids are of, or none (-EIO). Not killable: the answers name
 * what has to be undone.
 */
int ihk_procs_call(struct ihk_procs *procs, int place, struct ihk_call *c);

/* ---- space.c ---- */

/*
 * One address space of a program, and the mm that shows it to Linux. Known to
 * the LWK by `id` from its making until the CALL_THREAD_END of its last
 * thread has been answered.
 */
struct ihk_space {
	struct kref ref; /* twins, the file, the table of spaces */
	struct ihk_procs *procs;
	u64 id;

	/* fixed before the first twin runs */
	u64 lwk_id;
	u64 root; /* physical address of the top table */
	struct space_epoch *epoch; /* in LWK memory */

	/*
	 * Late inserts: a zap raises `seq` with `insert` held for writing, then
	 * unmaps; an insert holds it for reading and compares `seq` with what it
	 * was before the translation was looked up.
	 */
	struct rw_semaphore insert;
	u64 seq; /* written under `insert` held for writing; read with acquire anywhere */
	bool dead; /* likewise: nothing is inserted any more */
	atomic_t shown; /* pages inserted since all were last taken away: shadow.c */

	/*
	 * The shadow and the slots are mappings of this file, offset = address.
	 * NULL once retired. Under `insert`, not `lock`: a zap needs it, and who
	 * holds `lock` may wait for mmap_lock, whose holder may wait for the zap.
	 */
	struct file *file;

	/*
	 * Slots: pages by slot number; a zero entry is a number that is not free
	 * again while its last page may still be shown. They come under `lock`,
	 * they go under it and `insert` (write); read under either.
	 */
	struct mutex lock;
	struct xarray slots;
	unsigned int twins; /* under `lock` */
	unsigned int living; /* of these, whose ends have not begun; under `lock` */
	bool mapped; /* slots and shadow are; under `lock` */

	struct mm_struct *mm; /* to compare with, no reference; set when mapped */
	struct file *program; /* write-denied for the life of the space; dropped under `insert` */
};

struct ihk_space *ihk_space_new(struct ihk_procs *procs);
/* What the LWK said of it; -EIO if the addresses are not the instance's. */
int ihk_space_set_lwk(struct ihk_space *space, u64 lwk_id, u64 root, u64 epoch);
int ihk_space_deny_write(struct ihk_space *space, struct file *program);
void ihk_space_put(struct ihk_space *space);
/* The space with this id and a reference, or NULL. */
struct ihk_space *ihk_space_find(struct ihk_procs *procs, u64 id);
/* Its file, and its program's, with a reference, or NULL: retired. */
struct file *ihk_space_file(struct ihk_space *space);
struct file *ihk_space_program(struct ihk_space *space);
/* Forget it: nothing is shown any more, the LWK will not name it again. */
void ihk_space_retire(struct ihk_space *space);
/* Raise the sequence number, so that what was looked up before is not inserted any more. */
void ihk_space_bump(struct ihk_space *space, bool dead);
/* Take a slot number for a page: `want`, or any if want < 0. The number, or -errno. */
int ihk_space_add_slot(struct ihk_space *space, int want, struct page *page);
/*
 * A twin is about to end. Behind the last one's CALL_THREAD_END the LWK has freed
 * the tables: before it the space is dead, so that no foreign reader walks them.
 */
void ihk_space_leave(struct ihk_space *space);
void ihk_space_drop_slot(struct ihk_space *space, unsigned int number);

/* ---- window.c: what is mapped into a proxy ---- */

/* Everything, into the new mm of an exec: the proxy's text, its control mapping, slots, shadow. */
int ihk_window_map_exec(struct ihk_space *space, struct file *text, struct file *control);
/* Slots and shadow, into the mm of a fork's child, unless they are there; by the child. */
int ihk_window_map_child(struct ihk_space *space);
unsigned long ihk_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
				    unsigned long pgoff, unsigned long flags);
extern const struct file_operations ihk_space_fops;

/* ---- shadow.c ---- */

extern const struct vm_operations_struct ihk_shadow_ops;
/* Insert pages into a mapping with VM_MIXEDMAP, all writable or all read-only; as vm_insert_pages(). */
int ihk_insert_pages(struct vm_area_struct *vma, unsigned long addr, struct page **pages,
		     unsigned long *count, bool write);

/* ---- lend.c: the LWK's page tables ---- */

/*
 * Translate va and what follows it, up to `max` pages that are present with
 * the same permission in the same table, and mark each as lent. Returns the
 * number, 0 for a miss (absent, read-only for FAULT_WRITE, not the program's
 * own for FAULT_FORCE). Context: inside.
 */
unsigned int ihk_lend(struct ihk_space *space, u64 va, enum fault_access access,
		      struct page **pages, unsigned int max, bool *writable);
/* The page at va, not marked: only while nothing of the space can run. Context: inside. */
struct page *ihk_translate(struct ihk_space *space, u64 va, bool write);

/* ---- fault.c: asking the LWK for pages ---- */

/* One question, as CALL_FAULT answers it, and the fill that FAULT_FILL asks for. */
struct ihk_fault {
	struct ihk_space *space;
	u64 va;
	enum fault_access access;
	/*
	 * Asked under a lock that others need: what a file server has to bring, which
	 * may be the program's own and never answer, is not waited for.
	 */
	bool briefly;
	abi_u64 fill[3]; /* of FAULT_FILL */
	unsigned int pause; /* us, before the next question; grows */
};
/* enum fault_answer, or -EIO when the instance is dead. */
int ihk_fault_ask(struct ihk_fault *fault);
/*
 * Do what FAULT_FILL, FAULT_FILLING or FAULT_WAIT ask the caller to do. False: it
 * cannot be done briefly. Context, from here on: not inside.
 */
bool ihk_fault_serve(struct ihk_fault *fault, int answer);
/* Ask and serve until there is an answer of another kind, a fatal signal, or -EAGAIN: not briefly. */
int ihk_fault_resolve(struct ihk_fault *fault);
/* Copy to or from a space in which nothing runs yet; breaks copy-on-write. */
int ihk_space_copy_from_user(struct ihk_space *space, u64 va, const void __user *from, size_t len);
int ihk_space_read(struct ihk_space *space, u64 va, void *to, size_t len);

/* ---- zap.c ---- */

s64 ihk_zap(struct ihk_procs *procs, const u64 *arg);
/* The instance is stopped: quarantine every page that Linux still references. */
void ihk_zap_instance(struct ihk_procs *procs);

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

	/* The rest is its own task's alone. */
	struct ihk_twin *child; /* prepared and not yet bound */
	struct ihk_birth *birth; /* of a fork's child that may not have run yet; with a reference */
	u64 cur; /* request being carried out by the proxy, 0 for none */
	u32 cur_kind;
	bool entered; /* has been in its wait */
	bool leaving; /* left the wait for a signal, or was just born; saved_mask is to be restored */
	u64 saved_mask;
	u64 poll_ns; /* how long its next wait polls; 0: sleeps at once */
	const struct cred *cred; /* of the ids published last, with a reference */

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
void ihk_signal_fatal(int signo, int code, u64 addr);
void ihk_signal_kill_self(const char *why);

/* ---- twin_serve.c: requests that need no user code ---- */

void ihk_twin_publish(struct ihk_twin *twin);
/* kresult. */
s64 ihk_twin_serve(struct ihk_twin *twin, u32 kind);

/* ---- binfmt.c, exec_image.c, exec_commit.c ---- */

extern struct linux_binfmt ihk_binfmt;

/* One execve on its way to the LWK. */
struct ihk_exec {
	struct linux_binprm *bprm;
	struct ihk_procs *procs;
	int lwk_cpu;
	struct ihk_twin *old; /* the twin that executes, or NULL: launched */
	struct ihk_space *space;
	struct ihk_twin *twin;

	struct elf64_phdr *phdrs; /* of the program */
	u64 phdrs_size;
	struct elf64_phdr *interp_phdrs;
	u64 interp_phdrs_size;
	struct elf64_hdr interp_hdr;
	struct file *interp; /* opened for exec, or NULL */
	u64 program_id, interp_id; /* opened files, 0: none */
	u64 program_size, interp_size;
	bool exec_stack;
	bool unmappable; /* the LWK says that its headers make no space */

	u64 string_size; /* bytes of argv, envp and the file's name */
	u64 string_top; /* where they have to end in the program */
	u64 entry, stack, brk; /* as CALL_EXEC_COMMIT answered */
};

/* Read the headers of program and interpreter; -ENOEXEC: not ours to run. */
int ihk_exec_read(struct ihk_exec *x);
/* Register the files and CALL_EXEC_PREPARE. */
int ihk_exec_prepare(struct ihk_exec *x);
void ihk_exec_release(struct ihk_exec *x);
/* After begin_new_exec and the mappings: strings, CALL_EXEC_COMMIT, what /proc shows. */
int ihk_exec_commit(struct ihk_exec *x);

/* ---- launch.c ---- */

struct ihk_procs *ihk_launch_find(struct mm_struct *mm, int *lwk_cpu);
void ihk_launch_drop(struct mm_struct *mm);

/* ---- proxy_image.c ---- */

int ihk_proxy_init(void);
void ihk_proxy_exit(void);
struct file *ihk_proxy_file(void);
const struct proxy_header *ihk_proxy_header(void);

/* ---- pseudofs.c ---- */

/*
 * A file of its own inode, for ->mmap. Its ->release must call
 * ihk_pseudo_release(). The module stays as long as the file.
 */
struct file *ihk_pseudo_file(const char *name, const struct file_operations *fops, void *private);
void ihk_pseudo_release(void);
int ihk_pseudo_pin(void); /* keep the file system itself; ihk_pseudo_release() lets go */

/* ---- filepages.c: the registry of files ---- */

struct ihk_file_info {
	u64 id; /* 0: the mapping is anonymous */
	u64 size;
};
bool ihk_file_noexec(const struct file *file);
/* As Linux's mmap would judge a private mapping of it. Context: current has an mm, mmap_lock free. */
int ihk_file_open(struct ihk_procs *procs, struct file *file, unsigned long prot,
		  struct ihk_file_info *info);
void ihk_file_idle(struct ihk_procs *procs, u64 id, u64 count);
void ihk_file_forget(struct ihk_procs *procs, u64 id);
void ihk_file_forget_all(struct ihk_procs *procs);
/* The file to read from, with a reference, or NULL. */
struct file *ihk_file_real(struct ihk_procs *procs, u64 id);

/*
 * Ids of open files that have changed since they were last told: up to `max`, each once
 * for the same `news`; their number.
 */
unsigned int ihk_files_changed(struct ihk_procs *procs, u64 news, u64 *id, unsigned int max);
/* The LWK has not heard of this change. */
void ihk_file_untold(struct ihk_procs *procs, u64 id);

/* ---- filenews.c: telling the LWK what has changed ---- */

void ihk_news_begin(struct ihk_procs *procs);
void ihk_news_end(struct ihk_procs *procs); /* the instance has stopped */
/* Some file that somebody maps has changed. Any context. */
void ihk_files_news(void);
/*
 * What has changed before this call, no thread of the instance sees as it was
 * before. May sleep. Costs a look at two numbers if nothing has.
 */
void ihk_news_tell(struct ihk_procs *procs);

/* ---- filever.c: may a copy serve again? ---- */

struct ihk_mark;
struct ihk_version {
	struct super_block *sb; /* to compare with, no reference */
	u64 ino;
	u32 generation;
	dev_t dev;
	u64 size;
	struct timespec64 ctime, mtime;
	u64 change; /* i_version, if it has one */
	bool has_change;
	bool young; /* the next change might not be seen in the times */
};

int ihk_version_init(void);
void ihk_version_exit(void);
int ihk_version_sample(struct file *real, struct ihk_version *version);
bool ihk_version_same(const struct ihk_version *a, const struct ihk_version *b);
bool ihk_version_writers(struct file *outer, struct file *real);
#define IHK_FILE_MARKS 3
/* Marks on the real inode, the outer inode, the file system's root. False: they cannot be had. */
bool ihk_marks_get(struct file *outer, struct file *real, struct ihk_mark *marks[IHK_FILE_MARKS]);
/* Grows with each change that the marks have seen. */
u64 ihk_marks_changes(struct ihk_mark *marks[IHK_FILE_MARKS]);
void ihk_marks_put(struct ihk_mark *marks[IHK_FILE_MARKS]);

/* ---- fileread.c ---- */

/*
 * What Linux's mmap of the file would map: NULL is anonymous memory. -EAGAIN:
 * other tasks of this mm do not leave the mapping alone.
 */
struct file *ihk_real_file(struct file *file, unsigned long prot);
/*
 * Whole pages, zero beyond the end: their number, 0 beyond the end, -errno if
 * the first fails. Briefly: -EAGAIN rather than wait for a file server.
 */
long ihk_file_read_pages(struct file *real, pgoff_t index, struct page **to, unsigned long count,
			 bool briefly);
/*
 * The same into frames of the instance. Context: not inside, for it may wait for
 * a file server: inside is only who copies to the frames.
 */
s64 ihk_file_read(struct ihk_procs *procs, u64 id, u64 index, const abi_u64 *frames, u64 count,
		  bool briefly);

/* ---- quarantine.c ---- */

int ihk_quarantine_init(void);
void ihk_quarantine_exit(void);

#endif
