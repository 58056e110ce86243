/* SPDX-License-Identifier: GPL-2.0-only */
/* The start of the kernel, CPU by CPU: its table of contents. */
#include "mck/calibrate.h"
#include "mck/clock.h"
#include "mck/exec.h"
#include "mck/futexq.h"
#include "mck/ikc.h"
#include "mck/mm.h"
#include "mck/status.h"
#include "mck/syscall.h"
#include "mck/task.h"
#include "mck/tasks.h"

void start_cpu(u64 boot_pa, u32 place);

static struct cpu first_cpu; /* every other one's is allocated by it */

/* Data, run queue and idle thread of each place, near it. */
static void make_cpu(u32 place)
{
	struct boot_cpu *boot = &boot_params->cpus[place];
	struct cpu *cpu = place == first_cpu.place ? &first_cpu : kzalloc(sizeof(*cpu));

	kassert(cpu);
	cpu->self = cpu;
	cpu->place = place;
	cpu->boot = boot;
	cpu_table[place] = cpu;
	kassert(sched_prepare_cpu(cpu, (int)boot->node));
}

static void start_first(u64 boot_pa, u32 place)
{
	boot_params = (struct lwk_boot_params *)boot_pa; /* still the module's tables */
	cpu_count = boot_params->cpu_count;
	boot_params->status = OS_BOOTING;
	first_cpu.place = place;
	first_cpu.boot = &boot_params->cpus[place];
	log_init((struct log_ring *)boot_params->log);
	arch_cpu_set(&first_cpu); /* from here on, a fault has last words */

	arch_memory_init(); /* our own page tables, log and parameters mapped for good */
	first_cpu.boot = &boot_params->cpus[place];
	log_info("mckernel, ABI version %u, %u CPUs, arguments: %s\n", boot_params->abi_version,
		 cpu_count, boot_params->kargs);
	kargs_init(boot_params->kargs);
	phys_init(); /* frames */
	kmalloc_init(); /* small objects */
	commit_init(); /* what may be promised to programs */
	arch_kstacks_init(); /* kernel stacks and their guards */
	for (u32 i = 0; i < cpu_count; i++)
		make_cpu(i);

	ikc_init(); /* rings and mailboxes */
	status_init(); /* probe, shutdown */
	tasks_init(); /* threads: attach, end */
	clock_init(); /* Linux's time */
	calibrate_cycles(); /* our own counter's rate */
	fault_service_init(); /* faults of Linux tasks, pages from the quarantine */
	futex_buckets_init(pages_free_now()); /* waiters for programs' words */
	syscall_init(); /* the table proves itself */
	exec_init(); /* programs */
}

/* On the stack of the idle thread. */
static void run_cpu(void)
{
	struct cpu *cpu = this_cpu();

	arch_cpu_init(cpu->place); /* segments, traps, FPU, APIC */
	/* The boot stack is the next CPU's from here on. */
	__atomic_store_n(&cpu->boot->ready, 1, __ATOMIC_RELEASE);
	status_cpu_ready();
	selftest();
	sched_idle_loop();
}

/* From boot/x86_64/head.S. */
void start_cpu(u64 boot_pa, u32 place)
{
	struct cpu *cpu;

	if (!boot_params) {
		start_first(boot_pa, place);
	} else {
		arch_memory_init();
		arch_cpu_set(cpu_table[place]);
	}
	cpu = this_cpu();
	arch_run_on((u64)cpu->current->kstack + KSTACK_SIZE, run_cpu);
}
