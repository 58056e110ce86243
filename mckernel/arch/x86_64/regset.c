/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of a thread in the forms of Linux's ptrace() and core files. */
#include "mck/objects.h"
#include "mck/ptracenr.h"
#include "x86.h"

/* struct user_regs_struct of Linux's <sys/user.h>: what the entry saves comes first, in its order. */
struct general {
	struct user_regs regs;
	u64 fs_base, gs_base, ds, es, fs, gs;
};

#define PTRACE_ARCH_PRCTL 30

#define NT_PRSTATUS 1
#define NT_PRFPREG 2
#define NT_X86_XSTATE 0x202

/* Of struct user of <sys/user.h>: the debug register that turns breakpoints on. */
#define OFFSET_DR7 (848 + 7 * sizeof(u64))
#define DR7_ENABLE 0xffUL

static bool set_of_note(u32 type, enum regset *set)
{
	switch (type) {
	case NT_PRSTATUS:
		*set = REGSET_GENERAL;
		return true;
	case NT_PRFPREG:
		*set = REGSET_FP;
		return true;
	case NT_X86_XSTATE:
		*set = REGSET_EXTENDED;
		return true;
	}
	return false;
}

static bool a_word(struct regset_request *r, u64 to, u64 offset)
{
	r->to = to;
	r->size = sizeof(u64);
	r->offset = offset;
	return offset < sizeof(struct general);
}

/* Whatever else can be asked for would be set for the proxy. */
static bool prctl_request(u64 option, u64 to, struct regset_request *r)
{
	switch (option) {
	case ARCH_GET_FS:
		return a_word(r, to, offsetof(struct general, fs_base));
	case ARCH_GET_GS:
		return a_word(r, to, offsetof(struct general, gs_base));
	}
	r->write = true;
	return true;
}

/* Debug registers that turn nothing on are the proxy's, as a debugger that lets go writes them. */
static bool poke_request(u64 offset, u64 value, struct regset_request *r)
{
	r->write = offset < sizeof(struct general) ||
		   (offset == OFFSET_DR7 && (value & DR7_ENABLE));
	return r->write;
}

bool arch_regset_request(const u64 arg[6], struct regset_request *r)
{
	*r = (struct regset_request){ .set = REGSET_GENERAL, .to = arg[3] };
	switch (arg[0]) {
	case PTRACE_PEEKUSER:
		return a_word(r, arg[3], arg[2]);
	case PTRACE_ARCH_PRCTL:
		return prctl_request(arg[3], arg[2], r);
	case PTRACE_GETFPREGS:
		r->set = REGSET_FP;
		__attribute__((fallthrough));
	case PTRACE_GETREGS:
		r->size = arch_regset_size(r->set);
		return true;
	case PTRACE_GETREGSET:
		r->note = true;
		return set_of_note((u32)arg[2], &r->set);
	case PTRACE_SETREGSET:
		r->write = true;
		return set_of_note((u32)arg[2], &r->set);
	case PTRACE_POKEUSER:
		return poke_request(arg[2], arg[3], r);
	case PTRACE_SETREGS:
	case PTRACE_SETFPREGS:
		r->write = true;
		return true;
	}
	return false;
}

size_t arch_regset_size(enum regset set)
{
	switch (set) {
	case REGSET_GENERAL:
		return sizeof(struct general);
	case REGSET_FP:
		return FXSAVE_SIZE;
	case REGSET_EXTENDED:
		return x86.fpu_size;
	}
	return 0;
}

bool arch_regset_read(const struct thread *t, enum regset set, void *buf)
{
	if (__atomic_load_n(&cpu_of(t->cpu)->current, __ATOMIC_ACQUIRE) == t &&
	    !__atomic_load_n(&t->arch.parked, __ATOMIC_ACQUIRE))
		return false;
	if (set == REGSET_GENERAL) {
		*(struct general *)buf = (struct general){ .regs = *t->regs,
							   .fs_base = t->arch.fs_base,
							   .gs_base = t->arch.gs_base };
		return true;
	}
	fpu_image(t->arch.fpu, buf, arch_regset_size(set));
	if (set == REGSET_EXTENDED)
		*(u64 *)((u8 *)buf + FXSAVE_SOFTWARE) = x86.xcr0;
	return true;
}
