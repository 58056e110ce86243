/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers and call chain in the log, with the names of functions. */
#include "x86.h"

/*
 * Made from the image itself after its first link (ksyms.awk): number of
 * functions, then for each, by rising address, its distance from
 * LWK_LINK_BASE and the place of its name behind the list.
 */
extern const u32 ksyms[];

extern const char image_start[], text_end[]; /* mckernel.lds */

#define MAX_DEPTH 24
#define STACK_MAX 16384

/* The trap in kernel mode that led to a panic. Written by the CPU that takes it, for itself. */
static const struct user_regs *fault_regs[ABI_MAX_CPUS];

void fault_note(const struct user_regs *regs)
{
	fault_regs[this_cpu()->place] = regs;
}

/* The name and place in it of a code address, or false. */
static bool symbol(u64 address, const char **name, u64 *offset)
{
	u32 low = 0, high = ksyms[0];
	u32 where = (u32)(address - LWK_LINK_BASE);

	if (address < (u64)image_start || address >= (u64)text_end || !high)
		return false;
	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (ksyms[1 + 2 * middle] <= where)
			low = middle;
		else
			high = middle;
	}
	*name = (const char *)(ksyms + 1 + 2 * ksyms[0]) + ksyms[2 + 2 * low];
	*offset = where - ksyms[1 + 2 * low];
	return true;
}

static void show_address(const char *what, u64 address)
{
	const char *name;
	u64 offset;

	if (symbol(address, &name, &offset))
		log_printf("%s%016lx %s+0x%lx\n", what, address, name, offset);
	else
		log_printf("%s%016lx\n", what, address);
}

static void show_chain(u64 rbp)
{
	u64 bottom = rbp;

	for (int i = 0; i < MAX_DEPTH; i++) {
		const u64 *frame = (const u64 *)rbp;

		/* Frames rise on one kernel stack. */
		if (rbp % 8 || rbp < DMAP_BASE || rbp - bottom > STACK_MAX)
			return;
		if (!frame[1])
			return;
		show_address("    ", frame[1]);
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

static void show_control(void)
{
	log_printf("  cr0 %lx cr2 %016lx cr3 %016lx cr4 %lx\n", read_cr0(), read_cr2(), read_cr3(),
		   read_cr4());
}

static void show_registers(const struct user_regs *r)
{
	show_address("  rip ", r->rip);
	log_printf("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx,
		   r->rdx);
	log_printf("  rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", r->rsi, r->rdi, r->rbp,
		   r->rsp);
	log_printf("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", r->r8, r->r9, r->r10, r->r11);
	log_printf("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", r->r12, r->r13, r->r14,
		   r->r15);
	log_printf("  cs %lx ss %lx rflags %lx\n", r->cs, r->ss, r->rflags);
}

void arch_backtrace(void)
{
	const struct user_regs *regs = fault_regs[this_cpu()->place];
	u64 rbp = (u64)__builtin_frame_address(0);

	machine_check_show();
	if (regs) {
		show_registers(regs);
		show_control();
		show_chain(regs->rbp);
	} else {
		/* Whoever asks has used its registers since: only where it stands is worth a word. */
		show_address("  rip ", (u64)__builtin_return_address(0));
		log_printf("  rsp %016lx rbp %016lx\n", rbp, *(const u64 *)rbp);
		show_control();
		show_chain(rbp);
	}
}
