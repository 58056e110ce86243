/* SPDX-License-Identifier: GPL-2.0-only */
/* New program images: the two calls of an execve, and the new thread's first steps. */
#include "mck/exec.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/numa.h"
#include "mck/offload.h"
#include "mck/signal.h"
#include "mck/syscalls.h"

#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_BASE 7
#define AT_FLAGS 8
#define AT_ENTRY 9
#define AT_UID 11
#define AT_EUID 12
#define AT_GID 13
#define AT_EGID 14
#define AT_HWCAP 16
#define AT_CLKTCK 17
#define AT_SECURE 23
#define AT_HWCAP2 26
#define AT_SYSINFO_EHDR 33
#define AT_MINSIGSTKSZ 51

/* ---- the files ---- */

/*
 * The message hands over one open of each file. It is given back in any case,
 * failure included: by the last file_put(), or here.
 */
static struct file *take_file(const struct exec_elf *elf)
{
	const u64 arg[IKC_LCALL_ARGS] = { elf->file_id, 1 };
	/* Without the size, the reader of a page tells where the file ends. */
	struct file *file = file_open(elf->file_id, elf->size ? elf->size : 1UL << 62, 0);

	if (!file)
		ikc_lcall(LCALL_FILE_IDLE, arg);
	return file;
}

static int take_files(struct exec_job *job)
{
	job->program_file = take_file(&job->image.program);
	if (job->image.interp.file_id)
		job->interp_file = take_file(&job->image.interp);
	if (!job->program_file || (job->image.interp.file_id && !job->interp_file))
		return -ENOMEM;
	return 0;
}

static void put_files(struct exec_job *job)
{
	if (job->program_file)
		file_put(job->program_file);
	if (job->interp_file)
		file_put(job->interp_file);
}

/* ---- CALL_EXEC_PREPARE ---- */

static void exec_first_run(struct thread_start *start);

static void fill_start(struct exec_job *job)
{
	struct exec_start *s = job->start;
	const struct exec_image *image = &job->image;

	s->head.run = exec_first_run;
	s->program_entry = image->program.entry + job->program_bias;
	s->entry = s->program_entry;
	if (image->interp.file_id) {
		s->entry = image->interp.entry + job->interp_bias;
		s->interp_base = job->interp_bias;
	}
	s->phdr = job->program.phdr + job->program_bias;
	s->phnum = image->program.phnum;
	s->randomize = !(image->personality & ADDR_NO_RANDOMIZE);
	s->lwk_cpu = image->lwk_cpu;
	memcpy(s->comm, image->comm, sizeof(s->comm));
	s->comm[sizeof(s->comm) - 1] = 0;
}

/*
 * What the program's launcher had in Linux. Of nodes of which the instance has
 * no memory nothing can be kept: as if there were no policy.
 */
static struct policy policy_of(const struct exec_image *image)
{
	const struct user_nodes nodes = { { image->mpol_nodes } };
	const struct policy none = { 0 };
	struct policy p;
	u32 mode, flags;

	if (policy_mode(image->mpol_mode | image->mpol_flags, &mode, &flags) ||
	    policy_make(&p, mode, flags, &nodes, phys_nodes()))
		return none;
	return p;
}

static struct thread *make_thread(struct exec_job *job)
{
	struct process *process = job->process;
	struct sighand *sighand = sighand_create();
	struct thread *t = NULL;

	if (!process)
		process = process_create(job->start->comm);
	if (process && sighand)
		t = thread_create(job->space, process, sighand);
	if (!t) {
		if (process && process != job->process)
			process_put(process);
		if (sighand)
			sighand_put(sighand);
		return NULL;
	}
	/* The thread has taken these over. */
	job->process = NULL;
	job->space = NULL;
	t->start = &job->start->head;
	job->start = NULL;
	t->policy = job->policy;
	if (job->inherit)
		memcpy(t->affinity, job->affinity, sizeof(t->affinity));
	memset(t->regs, 0, sizeof(*t->regs));
	return t;
}

static int exec_build(struct exec_job *job, u64 out[IKC_CALL_OUTS])
{
	u32 headers = job->image.program.phnum + job->image.interp.phnum;
	size_t zeros = headers * sizeof(job->start->zero[0]);
	struct thread *t;
	int err = take_files(job);

	if (err)
		return err;
	job->space = space_create();
	job->start = kzalloc(sizeof(*job->start) + zeros);
	if (!job->space || !job->start)
		return -ENOMEM;
	job->space->linux_id = job->call.arg[2];
	job->space->no_huge = job->no_huge;
	job->space->admin = job->image.admin;
	if (!job->inherit)
		job->policy = policy_of(&job->image);
	/* What is made here is the program's memory, so it lies where that would. */
	current_thread()->policy = job->policy;
	err = exec_build_space(job);
	current_thread()->policy = (struct policy){ 0 };
	if (err)
		return err;
	fill_start(job);
	out[1] = job->space->id;
	out[2] = job->space->root_pa;
	out[3] = job->space->epoch_pa;
	out[4] = job->string_top;
	out[5] = job->string_room;
	t = make_thread(job);
	if (!t)
		return -ENOMEM;
	out[0] = t->id;
	return 0;
}

static void exec_prepare(void *arg)
{
	struct exec_job *job = arg;
	u64 out[IKC_CALL_OUTS] = { 0 };
	int err = exec_build(job, out);
	u32 index = job->index;

	if (job->space)
		space_put(job->space);
	if (job->process)
		process_put(job->process);
	put_files(job);
	kfree(job->start);
	kfree(job->program.segment);
	kfree(job->interp.segment);
	kfree(job->bulk);
	kfree(job);
	ikc_answer(index, err, out, err ? 0 : IKC_CALL_OUTS);
}

/* Not even begun: the files' opens go back without a wait, or are lost to the instance. */
static void exec_refuse(u32 index, const struct exec_image *image, int err)
{
	const u64 program[IKC_LCALL_ARGS] = { image->program.file_id, 1 };
	const u64 interp[IKC_LCALL_ARGS] = { image->interp.file_id, 1 };

	ikc_lcall_async(LCALL_FILE_IDLE, program);
	if (image->interp.file_id)
		ikc_lcall_async(LCALL_FILE_IDLE, interp);
	ikc_answer(index, err, NULL, 0);
}

/* Bytes of the message up to the end of its headers. */
static u64 message_size(const struct exec_image *image)
{
	const struct exec_elf *elf[] = { &image->program, &image->interp };
	u64 size = sizeof(*image);

	for (u32 i = 0; i < ARRAY_SIZE(elf); i++)
		size = MAX(size, elf[i]->phdr_offset + elf[i]->phnum * sizeof(struct elf_phdr));
	return MIN(size, (u64)IKC_BULK_SIZE);
}

/* Copies the message, since the work begins later. NULL without memory. */
static struct exec_job *job_create(u32 index, const struct ikc_call *call, const void *bulk)
{
	struct exec_job *job = kzalloc(sizeof(*job));

	if (!job)
		return NULL;
	memcpy(&job->image, bulk, sizeof(job->image));
	job->bulk_size = message_size(&job->image);
	job->bulk = kmalloc(job->bulk_size);
	if (!job->bulk) {
		kfree(job);
		return NULL;
	}
	job->index = index;
	job->call = *call;
	memcpy(job->bulk, bulk, job->bulk_size);
	return job;
}

static void handle_prepare(u32 index, const struct ikc_call *call)
{
	const void *bulk = ikc_bulk(call->arg[0]);
	struct thread *old = call->arg[1] ? thread_find(call->arg[1]) : NULL;
	struct exec_job *job;

	if (!bulk) {
		ikc_answer(index, -EINVAL, NULL, 0);
		return;
	}
	if (call->arg[1] && !old) {
		exec_refuse(index, bulk, -ESRCH);
		return;
	}
	job = job_create(index, call, bulk);
	if (!job) {
		exec_refuse(index, bulk, -ENOMEM);
		return;
	}
	if (old) {
		/* The same process in a new space. */
		process_get(old->process);
		job->process = old->process;
		memcpy(job->affinity, old->affinity, sizeof(job->affinity));
		job->no_huge = READ_ONCE(old->space->no_huge);
		job->policy = old->policy;
		job->inherit = true;
	}
	if (!ikc_defer(exec_prepare, job)) {
		if (job->process)
			process_put(job->process);
		kfree(job->bulk);
		kfree(job);
		exec_refuse(index, bulk, -ENOMEM);
	}
}

/* ---- CALL_EXEC_COMMIT ---- */

static void auxv_put(struct exec_stack *stack, u64 type, u64 value)
{
	stack->auxv[stack->auxv_count][0] = type;
	stack->auxv[stack->auxv_count++][1] = value;
}

static void auxv_fill(struct exec_stack *stack, const struct exec_start *s,
		      const struct exec_commit *c)
{
	auxv_put(stack, AT_SYSINFO_EHDR, s->vdso);
	auxv_put(stack, AT_MINSIGSTKSZ, arch_sigframe_size());
	auxv_put(stack, AT_HWCAP, c->hwcap);
	auxv_put(stack, AT_PAGESZ, PAGE_SIZE);
	auxv_put(stack, AT_CLKTCK, c->clktck);
	auxv_put(stack, AT_PHDR, s->phdr);
	auxv_put(stack, AT_PHENT, sizeof(struct elf_phdr));
	auxv_put(stack, AT_PHNUM, s->phnum);
	auxv_put(stack, AT_BASE, s->interp_base);
	auxv_put(stack, AT_FLAGS, 0);
	auxv_put(stack, AT_ENTRY, s->program_entry);
	auxv_put(stack, AT_UID, c->uid);
	auxv_put(stack, AT_EUID, c->euid);
	auxv_put(stack, AT_GID, c->gid);
	auxv_put(stack, AT_EGID, c->egid);
	auxv_put(stack, AT_SECURE, c->secure);
	auxv_put(stack, AT_HWCAP2, c->hwcap2);
}

static int commit_stack(struct thread *t, const struct exec_start *s, const struct exec_commit *c,
			u64 *sp)
{
	struct exec_stack *stack = kzalloc(sizeof(*stack));
	u64 random[2] = { arch_random(), arch_random() };
	int err;

	if (!stack)
		return -ENOMEM;
	stack->string_start = c->string_start;
	stack->string_end = c->string_end;
	stack->execfn = c->execfn;
	stack->argc = c->argc;
	stack->envc = c->envc;
	/* As Linux: less of the caches' sets in common among processes. */
	stack->gap = s->randomize ? arch_random() % 8192 : 0;
	memcpy(stack->random, random, sizeof(stack->random));
	auxv_fill(stack, s, c);
	err = exec_stack_build(t->space->root_pa, stack, sp);
	kfree(stack);
	return err;
}

/* The mask and what is ignored survive an exec; handlers do not. */
static void commit_signals(struct thread *t, const struct exec_commit *c)
{
	static const struct ksigaction ignore = { .handler = SIG_IGN };

	t->mask = c->blocked & ~UNBLOCKABLE;
	for (int signo = 1; signo <= NSIG; signo++)
		if (c->ignored & SIGBIT(signo))
			sighand_set_action(t->sighand, signo, &ignore, NULL);
}

static void commit_process(struct thread *t, const struct exec_start *s)
{
	memcpy(t->process->comm, s->comm, sizeof(t->process->comm));
	__atomic_add_fetch(&boot_params->counters.execs, 1, __ATOMIC_RELAXED);
}

static void handle_commit(u32 index, const struct ikc_call *call)
{
	const void *bulk = ikc_bulk(call->arg[1]);
	struct thread *t = thread_find(call->arg[0]);
	struct exec_start *s;
	struct exec_commit commit;
	u64 out[3];
	int err;

	/* A thread of exec's making, not committed yet. */
	if (!bulk || !t || !t->start || t->start->run != exec_first_run || arch_regs_ip(t->regs)) {
		ikc_answer(index, -EINVAL, NULL, 0);
		return;
	}
	s = container_of(t->start, struct exec_start, head);
	memcpy(&commit, bulk, sizeof(commit));
	err = commit_stack(t, s, &commit, &out[0]);
	if (err) {
		ikc_answer(index, err, NULL, 0);
		return;
	}
	out[1] = s->entry;
	out[2] = t->space->brk_start;
	commit_signals(t, &commit);
	commit_process(t, s);
	arch_regs_exec(t->regs, s->entry, out[0]);
	sched_start(t, s->lwk_cpu);
	ikc_answer(index, 0, out, ARRAY_SIZE(out));
}

/* ---- the new thread ---- */

/*
 * 0, also where the file is too short to have the page: the program goes on,
 * as on Linux, and meets SIGBUS when it touches it.
 */
static int clear_tail(u64 start, u64 end)
{
	if (!clear_user(start, end - start))
		return 0;
	return space_fault_wait(current_thread()->space, start, ACCESS_WRITE) == FR_BUS ? 0
											: -EFAULT;
}

/* In its own context, its twin waiting: what needs pages of files. */
static void exec_first_run(struct thread_start *start)
{
	const struct exec_start *s = container_of(start, struct exec_start, head);
	int err = 0;

	numa_launched();
	for (u32 i = 0; i < s->zero_count && !err; i++)
		err = clear_tail(s->zero[i].start, s->zero[i].end);
	/* The point of no return is behind: as Linux, which cannot return an error either. */
	if (err && !thread_must_end(current_thread())) {
		leave_memory();
		offload_fatal(SIGSEGV, SI_KERNEL, 0);
	}
}

void exec_init(void)
{
	exec_space_init();
	ikc_set_handler(CALL_EXEC_PREPARE, handle_prepare);
	ikc_set_handler(CALL_EXEC_COMMIT, handle_commit);
}
