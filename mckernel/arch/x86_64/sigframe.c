/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal frames in Linux's x86-64 layout, which unwinders and programs read. */
#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/objects.h"
#include "mck/signo.h"
#include "x86.h"

#define RED_ZONE 128

/* struct sigcontext */
struct frame_context {
	u64 r8, r9, r10, r11, r12, r13, r14, r15;
	u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp;
	u64 rip, rflags;
	u16 cs, gs, fs, ss;
	u64 error, trap, oldmask, cr2;
	u64 fpstate; /* address, 64-byte aligned, or 0 */
	u64 reserved[8];
};
_Static_assert(sizeof(struct frame_context) == 256, "sigcontext");

struct frame_stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

struct frame_ucontext {
	u64 flags;
	u64 link;
	struct frame_stack stack;
	struct frame_context context;
	u64 mask;
};

struct sigframe {
	u64 restorer;
	struct frame_ucontext uc;
	u8 info[SLOT_SIGINFO_SIZE];
};
_Static_assert(sizeof(struct sigframe) == 440, "rt_sigframe");
_Static_assert(offsetof(struct sigframe, uc.context) == 48, "uc_mcontext");
_Static_assert(offsetof(struct sigframe, uc.mask) == 304, "uc_sigmask");

#define UC_FP_XSTATE 1UL
#define UC_SIGCONTEXT_SS 2UL
#define UC_STRICT_RESTORE_SS 4UL

/* AC OF DF TF SF ZF AF PF CF RF: what sigreturn takes from the frame */
#define FLAGS_USER 0x50dd5UL

/* ---- the extended state ---- */

#define XSAVE_HEADER 64
#define XSAVE_FPSSE 3UL
#define XSTATE_MAGIC1 0x46505853U
#define XSTATE_MAGIC2 0x46505845U

/* Tells user space, and sigreturn, what the area holds. */
struct sw_bytes {
	u32 magic1;
	u32 extended_size; /* with the second magic number */
	u64 features;
	u32 state_size;
	u32 pad[7];
};
_Static_assert(sizeof(struct sw_bytes) == 48, "_fpx_sw_bytes");

/* Not XSAVEOPT, which leaves out what is in its initial state: the frame's reader may not know that. */
static void xstate_save(void *area)
{
	if (x86.xsave)
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0U), "d"(~0U) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/* A zeroed area, 64-byte aligned; *memory is to be freed. */
static u8 *xstate_area(void **memory)
{
	*memory = up_kzalloc(x86.fpu_size + 64);
	return (u8 *)ALIGN_UP((u64)*memory, 64UL);
}

/* Save the registers to fpstate in user memory and leave them as a new program finds them. */
static int fpstate_push(u64 fpstate)
{
	const u32 magic2 = XSTATE_MAGIC2;
	void *memory;
	u8 *area = xstate_area(&memory);
	int err;

	if (!memory)
		return -EFAULT;
	xstate_save(area);
	if (x86.xsave) {
		struct sw_bytes sw = {
			.magic1 = XSTATE_MAGIC1,
			.extended_size = x86.fpu_size + sizeof(magic2),
			.features = x86.xcr0,
			.state_size = x86.fpu_size,
		};
		u64 *header = (u64 *)(area + FXSAVE_SIZE);

		memcpy(area + FXSAVE_SOFTWARE, &sw, sizeof(sw));
		/* A component in its initial state is not marked; these two are always read. */
		header[0] |= XSAVE_FPSSE;
	}
	err = copy_to_user(fpstate, area, x86.fpu_size);
	if (!err && x86.xsave)
		err = copy_to_user(fpstate + x86.fpu_size, &magic2, sizeof(magic2));
	if (!err)
		arch_fpu_reset(current_thread());
	up_kfree(memory);
	return err;
}

/* Is the extended part of the frame as a kernel left it? Else only the legacy part counts. */
static bool extended_valid(const u8 *area, u64 fpstate)
{
	struct sw_bytes sw;
	u32 magic2;

	memcpy(&sw, area + FXSAVE_SOFTWARE, sizeof(sw));
	if (!x86.xsave || sw.magic1 != XSTATE_MAGIC1)
		return false;
	if (sw.state_size < FXSAVE_SIZE + XSAVE_HEADER || sw.state_size > x86.fpu_size ||
	    sw.state_size > sw.extended_size)
		return false;
	return !copy_from_user(&magic2, fpstate + sw.state_size, sizeof(magic2)) &&
	       magic2 == XSTATE_MAGIC2;
}

/* Registers from fpstate in user memory (0: initial state). What XRSTOR does not take is refused. */
static int fpstate_pop(u64 fpstate)
{
	void *memory;
	u8 *area = xstate_area(&memory);
	int err = 0;

	if (!memory)
		return -EFAULT;
	fpu_area_init(area);
	if (fpstate) {
		u64 *header = (u64 *)(area + FXSAVE_SIZE);

		err = copy_from_user(area, fpstate, FXSAVE_SIZE);
		if (!err && extended_valid(area, fpstate)) {
			struct sw_bytes sw;

			memcpy(&sw, area + FXSAVE_SOFTWARE, sizeof(sw));
			err = copy_from_user(area + FXSAVE_SIZE, fpstate + FXSAVE_SIZE,
					     sw.state_size - FXSAVE_SIZE);
			/* The compacted form, which no kernel puts into a frame. XRSTOR judges the rest. */
			if (header[1])
				err = -EFAULT;
			header[0] &= sw.features | ~x86.xcr0;
		} else if (!err && x86.xsave) {
			header[0] = XSAVE_FPSSE;
		}
	}
	if (!err)
		err = fpu_restore_checked(area);
	up_kfree(memory);
	return err;
}

/* ---- the frame ---- */

/*
 * Where the frame goes: below the red zone, or on the alternate stack if the
 * handler asks for it and the thread is not there yet. 0: no room there.
 */
static u64 frame_place(const struct thread *t, const struct sigframe_args *args, u64 *fpstate)
{
	u32 fp_size = x86.fpu_size + (x86.xsave ? 4 : 0);
	u64 sp = t->regs->rsp - RED_ZONE;
	bool nested = up_altstack_state(t, t->regs->rsp) == SS_ONSTACK;
	bool entering = false;

	if ((args->flags & SA_ONSTACK) && up_altstack_state(t, t->regs->rsp) == 0) {
		sp = args->altstack_sp + args->altstack_size;
		entering = true;
	}
	sp = ALIGN_DOWN(sp - fp_size, 64UL);
	*fpstate = sp;
	sp = ALIGN_DOWN(sp - sizeof(struct sigframe), 16UL) - 8;
	/* An overflow of the alternate stack must not be written below it. */
	if ((nested || entering) &&
	    !(sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size))
		return 0;
	return sp > USER_END ? 0 : sp;
}

static void context_fill(struct frame_context *c, const struct thread *t)
{
	const struct user_regs *r = t->regs;

	*c = (struct frame_context){
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.rdi = r->rdi,
		.rsi = r->rsi,
		.rbp = r->rbp,
		.rbx = r->rbx,
		.rdx = r->rdx,
		.rax = r->rax,
		.rcx = r->rcx,
		.rsp = r->rsp,
		.rip = r->rip,
		.rflags = r->rflags,
		.cs = (u16)r->cs,
		.ss = (u16)r->ss,
		.error = t->arch.fault_error,
		.trap = t->arch.fault_trap,
		.cr2 = t->arch.fault_addr,
	};
}

u64 arch_sigframe_size(void)
{
	/* As Linux counts: the frame, the state with its magic, both alignments. */
	return ALIGN_UP(sizeof(struct sigframe) + 15 + 63 + x86.fpu_size + 4, 16UL);
}

int arch_sigframe_push(struct thread *t, const struct sigframe_args *args)
{
	struct user_regs *r = t->regs;
	struct sigframe f;
	u64 fpstate, sp = frame_place(t, args, &fpstate);

	/* x86-64 has no return trampoline but the program's. */
	if (!sp || !(args->flags & SA_RESTORER))
		return -EFAULT;
	memset(&f, 0, sizeof(f));
	f.restorer = args->restorer;
	f.uc.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	if (x86.xsave)
		f.uc.flags |= UC_FP_XSTATE;
	f.uc.stack.sp = args->altstack_sp;
	f.uc.stack.flags = args->altstack_flags;
	f.uc.stack.size = args->altstack_size;
	context_fill(&f.uc.context, t);
	f.uc.context.oldmask = args->old_mask;
	f.uc.context.fpstate = fpstate;
	f.uc.mask = args->old_mask;
	memcpy(f.info, args->siginfo, sizeof(f.info));
	if (copy_to_user(sp, &f, sizeof(f)) || fpstate_push(fpstate))
		return -EFAULT;
	r->rdi = (u64)args->signo;
	r->rsi = sp + offsetof(struct sigframe, info);
	r->rdx = sp + offsetof(struct sigframe, uc);
	r->rax = 0;
	r->rsp = sp;
	r->rip = args->handler;
	r->cs = USER_CS;
	r->ss = USER_DS;
	r->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	r->orig_rax = ~0UL;
	/* Any address may be a handler's. */
	t->look = true;
	return 0;
}

int arch_sigframe_pop(struct thread *t, u64 *mask, u64 *ss_sp, u32 *ss_flags, u64 *ss_size)
{
	struct user_regs *r = t->regs;
	struct frame_ucontext uc;
	const struct frame_context *c = &uc.context;
	u64 ss;

	/* The handler's return has popped the restorer's address. */
	if (copy_from_user(&uc, r->rsp - 8 + offsetof(struct sigframe, uc), sizeof(uc)))
		return -EFAULT;
	if (fpstate_pop(c->fpstate))
		return -EFAULT;
	/* As Linux: a frame without the flag may hold no stack segment worth the name. */
	ss = uc.flags & UC_STRICT_RESTORE_SS ? c->ss | 3U : USER_DS;
	*r = (struct user_regs){
		.r8 = c->r8,
		.r9 = c->r9,
		.r10 = c->r10,
		.r11 = c->r11,
		.r12 = c->r12,
		.r13 = c->r13,
		.r14 = c->r14,
		.r15 = c->r15,
		.rdi = c->rdi,
		.rsi = c->rsi,
		.rbp = c->rbp,
		.rbx = c->rbx,
		.rdx = c->rdx,
		.rax = c->rax,
		.rcx = c->rcx,
		.rsp = c->rsp,
		.orig_rax = ~0UL,
		.rip = c->rip,
		.cs = c->cs | 3U,
		.ss = ss,
		.rflags = (r->rflags & ~FLAGS_USER) | (c->rflags & FLAGS_USER),
	};
	/* What is no address or selector dies on the way out. */
	t->look = true;
	*mask = uc.mask;
	*ss_sp = uc.stack.sp;
	*ss_flags = uc.stack.flags;
	*ss_size = uc.stack.size;
	return 0;
}
