/* SPDX-License-Identifier: GPL-2.0-only */
/* New program images: builds the space and the first thread of an execve. */
#include "mck/exec.h"
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/mman.h"
#include "mck/offload.h"
#include "mck/signal.h"
#include "mck/syscalls.h"
#include "mck/vdso.h"

#define ADDR_NO_RANDOMIZE 0x0040000U

#define PIE_BASE ALIGN_DOWN(0x7ffffffff000UL / 3 * 2, PAGE_SIZE) /* Linux's ELF_ET_DYN_BASE */
#define STACK_MIN (PAGE_SIZE * 34) /* and the strings */
#define STACK_MAX (8UL << 20) /* mapped at first; it grows, as far as the limit allows */
#define STACK_RANDOM_PAGES 0x3fffffUL
#define MMAP_RANDOM_PAGES 0xfffffffUL
#define BRK_RANDOM_PAGES 0x2000UL
#define GAP_MIN (128UL << 20) /* between the stack's start and the mappings */

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

/* From CALL_EXEC_PREPARE to the thread's first run. */
struct exec_start {
	struct thread_start head;
	u64 entry; /* where the program begins to run: the interpreter, if there is one */
	u64 program_entry, phdr, phnum, interp_base, vdso;
	u64 randomize;
	s32 lwk_cpu;
	char comm[16];
	u32 zero_count;
	struct {
		u64 start, end;
	} zero[]; /* ends of file pages, to be cleared by the thread, which can read them */
};

/* A CALL_EXEC_PREPARE under way, in a kernel thread. */
struct exec_job {
	u32 index;
	struct ikc_call call;
	struct process *process; /* of the thread that executes, or NULL; a reference */
	u64 affinity[ABI_MAX_CPUS / 64];
	bool inherit; /* affinity is filled */
	/* the message, copied: it is read more than once */
	u8 *bulk;
	struct exec_image image;
	/* being built */
	struct space *space;
	struct exec_start *start;
	struct file *program_file, *interp_file;
	struct exec_plan program, interp;
	u64 program_bias, interp_bias;
	u64 string_top, string_room;
};

static u64 random_pages(const struct exec_job *job, u64 mask)
{
	return job->image.personality & ADDR_NO_RANDOMIZE ? 0 : (arch_random() & mask) << PAGE_SHIFT;
}

/* ---- segments ---- */

static const struct elf_phdr *headers_of(const struct exec_job *job, const struct exec_elf *elf)
{
	u64 size = (u64)elf->phnum * sizeof(struct elf_phdr);

	if (elf->phdr_offset > IKC_BULK_SIZE || size > IKC_BULK_SIZE - elf->phdr_offset ||
	    elf->phdr_offset % sizeof(u64))
		return NULL;
	return (const struct elf_phdr *)(job->bulk + elf->phdr_offset);
}

static int plan(const struct exec_job *job, const struct exec_elf *elf, struct exec_plan *out)
{
	const struct elf_phdr *phdr = headers_of(job, elf);

	return phdr ? exec_plan(elf, phdr, SHADOW_END, out) : -ENOEXEC;
}

static int map_piece(struct space *space, u64 start, u64 end, u32 prot, struct file *file, u64 pgoff)
{
	struct map_args args = {
		.addr = start,
		.length = end - start,
		.prot = prot,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.fixed = true,
		.file = file,
		.pgoff = pgoff,
	};
	s64 at;

	if (start == end)
		return 0;
	if (file)
		file_get(file);
	at = space_map(space, &args);
	if (at < 0 && file)
		file_put(file);
	return at < 0 ? (int)at : 0;
}

static int map_segments(struct exec_job *job, struct file *file, const struct exec_plan *p, u64 bias)
{
	struct exec_start *start = job->start;
	int err = 0;

	for (u32 i = 0; i < p->count && !err; i++) {
		const struct exec_segment *s = &p->segment[i];

		err = map_piece(job->space, s->start + bias, s->file_end + bias, s->prot, file,
				s->pgoff);
		if (!err)
			err = map_piece(job->space, s->file_end + bias, s->end + bias, s->prot,
					NULL, 0);
		if (s->zero_start < s->zero_end) {
			start->zero[start->zero_count].start = s->zero_start + bias;
			start->zero[start->zero_count++].end = s->zero_end + bias;
		}
	}
	return err;
}

/* Room for all of a position-independent file, below the mmap base. */
static s64 find_room(struct space *space, const struct exec_plan *p)
{
	struct map_args args = {
		.length = p->end - p->start + p->align - PAGE_SIZE,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_NORESERVE,
	};
	s64 at = space_map(space, &args);
	int err;

	if (at < 0)
		return at;
	err = space_unmap(space, (u64)at, (u64)at + args.length);
	return err ? err : (s64)ALIGN_UP((u64)at, p->align);
}

static int place_program(struct exec_job *job)
{
	const struct exec_plan *p = &job->program;
	s64 at;

	if (job->image.program.type == ET_EXEC)
		return 0;
	if (job->image.interp.file_id) {
		job->program_bias = ALIGN_DOWN(PIE_BASE + random_pages(job, MMAP_RANDOM_PAGES), p->align);
		/* Linux's base counts from vaddr 0, whatever the first segment's is. */
		return p->end > SHADOW_END - job->program_bias ? -ENOMEM : 0;
	}
	/* A loader run by itself, or a static one: among the mappings, as Linux places it. */
	at = find_room(job->space, p);
	if (at < 0)
		return (int)at;
	job->program_bias = (u64)at - p->start;
	return 0;
}

static int load_interp(struct exec_job *job)
{
	const struct exec_elf *elf = &job->image.interp;
	s64 at;

	if (!elf->file_id)
		return 0;
	if (elf->type == ET_DYN) {
		at = find_room(job->space, &job->interp);
		if (at < 0)
			return (int)at;
		job->interp_bias = (u64)at - job->interp.start;
	}
	return map_segments(job, job->interp_file, &job->interp, job->interp_bias);
}

/* ---- the rest of the space ---- */

/* The pages of [start, end) are there when this returns: nobody can fault them in. */
static int populate(struct space *space, u64 start, u64 end)
{
	struct fill_wanted fill;

	for (u64 va = start; va < end; va += PAGE_SIZE)
		if (space_fault(space, va, ACCESS_WRITE, &fill) != FR_OK)
			return -ENOMEM;
	return 0;
}

static int make_stack(struct exec_job *job)
{
	const struct exec_image *image = &job->image;
	u64 top = SHADOW_END - random_pages(job, STACK_RANDOM_PAGES);
	u64 words = (image->argc + image->envc + 3 + 2 * EXEC_AUXV_MAX) * sizeof(u64);
	u64 need, size, gap;
	struct map_args args = {
		.prot = PROT_READ | PROT_WRITE | (image->exec_stack ? PROT_EXEC : 0),
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_STACK | REGION_GROWSDOWN,
		.fixed = true,
	};
	s64 at;

	if (image->argc > EXEC_STRINGS_MAX || image->envc > EXEC_STRINGS_MAX ||
	    image->string_size > GAP_MIN)
		return -EINVAL;
	need = ALIGN_UP(image->string_size + words + EXEC_STACK_SLACK + PAGE_SIZE, PAGE_SIZE);
	size = MIN(MAX(ALIGN_DOWN(image->stack_limit, PAGE_SIZE), STACK_MIN), STACK_MAX);
	size = MAX(size, need + STACK_MIN);
	args.addr = top - size;
	args.length = size;

	/* mmap's base leaves room for the stack to grow to its limit, within reason. */
	gap = MIN(MAX(image->stack_limit, GAP_MIN), SHADOW_END / 6 * 5);
	gap = MAX(gap, size) + ((STACK_RANDOM_PAGES + 1) << PAGE_SHIFT);
	gap = MIN(gap, SHADOW_END / 6 * 5);
	job->space->mmap_base =
		ALIGN_DOWN(SHADOW_END - gap - random_pages(job, MMAP_RANDOM_PAGES), PAGE_SIZE);
	job->space->stack_top = top;
	job->space->stack_limit = image->stack_limit;

	at = space_map(job->space, &args);
	if (at < 0)
		return (int)at;
	/* As Linux leaves a word free above the strings. */
	job->string_top = top - sizeof(u64);
	job->string_room = need - sizeof(u64);
	return populate(job->space, top - need, top);
}

static int make_vdso(struct exec_job *job)
{
	u64 size = ALIGN_UP((u64)(vdso_end - vdso_start), PAGE_SIZE);
	struct map_args args = {
		.length = size,
		.prot = PROT_READ | PROT_WRITE,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_VDSO,
	};
	s64 at = space_map(job->space, &args);
	u64 offset;
	int err;

	if (at < 0)
		return (int)at;
	err = populate(job->space, (u64)at, (u64)at + size);
	for (offset = 0; !err && offset < size; offset += PAGE_SIZE) {
		u64 left = (u64)(vdso_end - vdso_start) - offset;

		err = exec_write(job->space->root_pa, (u64)at + offset, vdso_start + offset,
				 MIN(left, PAGE_SIZE));
	}
	job->start->vdso = (u64)at;
	return err ? err : space_protect(job->space, (u64)at, (u64)at + size, PROT_READ | PROT_EXEC);
}

static void place_brk(struct exec_job *job)
{
	u64 end = job->program.end + job->program_bias;

	/* Out of the mappings' way. */
	if (job->image.program.type == ET_DYN && !job->image.interp.file_id)
		end = PIE_BASE;
	end += random_pages(job, BRK_RANDOM_PAGES - 1);
	job->space->brk_start = end;
	job->space->brk_end = end;
}

static int build_space(struct exec_job *job)
{
	const struct exec_image *image = &job->image;
	int err;

	err = plan(job, &image->program, &job->program);
	if (!err && image->interp.file_id)
		err = plan(job, &image->interp, &job->interp);
	/* The stack first: it sets the base of the mappings. */
	if (!err)
		err = make_stack(job);
	if (!err)
		err = place_program(job);
	if (!err)
		err = map_segments(job, job->program_file, &job->program, job->program_bias);
	if (!err)
		err = load_interp(job);
	if (!err)
		err = make_vdso(job);
	if (!err)
		place_brk(job);
	return err;
}

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

static void first_run(struct thread_start *start);

static void fill_start(struct exec_job *job)
{
	struct exec_start *s = job->start;
	const struct exec_image *image = &job->image;

	s->head.run = first_run;
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
	if (job->inherit)
		memcpy(t->affinity, job->affinity, sizeof(t->affinity));
	memset(t->regs, 0, sizeof(*t->regs));
	return t;
}

static int build(struct exec_job *job, u64 out[IKC_CALL_OUTS])
{
	size_t zeros = 2 * EXEC_SEGMENTS * sizeof(job->start->zero[0]);
	struct thread *t;
	int err = take_files(job);

	if (err)
		return err;
	job->space = space_create();
	job->start = kzalloc(sizeof(*job->start) + zeros);
	if (!job->space || !job->start)
		return -ENOMEM;
	job->space->linux_id = job->call.arg[2];
	err = build_space(job);
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

static void prepare(void *arg)
{
	struct exec_job *job = arg;
	u64 out[IKC_CALL_OUTS] = { 0 };
	int err = build(job, out);
	u32 index = job->index;

	if (job->space)
		space_put(job->space);
	if (job->process)
		process_put(job->process);
	put_files(job);
	kfree(job->start);
	kfree(job->bulk);
	kfree(job);
	ikc_answer(index, err, out, err ? 0 : IKC_CALL_OUTS);
}

/* Not even begun: the files' opens go back without a wait, or are lost to the instance. */
static void refuse(u32 index, const struct exec_image *image, int err)
{
	const u64 program[IKC_LCALL_ARGS] = { image->program.file_id, 1 };
	const u64 interp[IKC_LCALL_ARGS] = { image->interp.file_id, 1 };

	ikc_lcall_async(LCALL_FILE_IDLE, program);
	if (image->interp.file_id)
		ikc_lcall_async(LCALL_FILE_IDLE, interp);
	ikc_answer(index, err, NULL, 0);
}

/* Copies the message, since the work begins later. NULL without memory. */
static struct exec_job *job_create(u32 index, const struct ikc_call *call, const void *bulk)
{
	struct exec_job *job = kzalloc(sizeof(*job));

	if (!job)
		return NULL;
	job->bulk = kmalloc(IKC_BULK_SIZE);
	if (!job->bulk) {
		kfree(job);
		return NULL;
	}
	job->index = index;
	job->call = *call;
	memcpy(job->bulk, bulk, IKC_BULK_SIZE);
	memcpy(&job->image, job->bulk, sizeof(job->image));
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
		refuse(index, bulk, -ESRCH);
		return;
	}
	job = job_create(index, call, bulk);
	if (!job) {
		refuse(index, bulk, -ENOMEM);
		return;
	}
	if (old) {
		/* The same process in a new space. */
		process_get(old->process);
		job->process = old->process;
		memcpy(job->affinity, old->affinity, sizeof(job->affinity));
		job->inherit = true;
	}
	if (!ikc_defer(prepare, job)) {
		if (job->process)
			process_put(job->process);
		kfree(job->bulk);
		kfree(job);
		refuse(index, bulk, -ENOMEM);
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
	if (!bulk || !t || !t->start || t->start->run != first_run || t->regs->rip) {
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
	return space_fault_wait(current_thread()->space, start, ACCESS_WRITE) == FR_BUS ? 0 : -EFAULT;
}

/* In its own context, its twin waiting: what needs pages of files. */
static void first_run(struct thread_start *start)
{
	const struct exec_start *s = container_of(start, struct exec_start, head);
	int err = 0;

	for (u32 i = 0; i < s->zero_count && !err; i++)
		err = clear_tail(s->zero[i].start, s->zero[i].end);
	/* The point of no return is behind: as Linux, which cannot return an error either. */
	if (err && !thread_must_end(current_thread()))
		offload_fatal(SIGSEGV, SI_KERNEL, 0);
}

void exec_init(void)
{
	ikc_set_handler(CALL_EXEC_PREPARE, handle_prepare);
	ikc_set_handler(CALL_EXEC_COMMIT, handle_commit);
}
