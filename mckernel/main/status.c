/* SPDX-License-Identifier: GPL-2.0-only */
/* The instance's status as Linux sees it: running, shut down, or dead with its last words. */
#include "mck/status.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/mm.h"
#include "mck/task.h"

static u32 ready_cpus; /* atomic */
static u32 stopped_cpus; /* atomic */
static u32 shutdown_call; /* 1 + index; written once by the CPU that is asked, read by all */
static u32 panicking; /* atomic: 1 + place of the CPU that panicked first */

static void status_tell(enum os_status status)
{
	__atomic_store_n(&boot_params->status, status, __ATOMIC_RELEASE);
	ikc_send(IKC_WORD(IKC_STATUS, 0, 0), true);
}

void status_cpu_ready(void)
{
	struct boot_cpu *boot = this_cpu()->boot;

	boot->state = LWK_CPU_KERNEL;
	__atomic_store_n(&boot->ready, 2, __ATOMIC_RELEASE);
	if (__atomic_add_fetch(&ready_cpus, 1, __ATOMIC_ACQ_REL) < cpu_count)
		return;
	log_info("running on %u CPUs\n", cpu_count);
	status_tell(OS_RUNNING);
}

bool status_running(void)
{
	return __atomic_load_n(&ready_cpus, __ATOMIC_ACQUIRE) == cpu_count;
}

/* ---- shutdown ---- */

bool up_stopping(void)
{
	return __atomic_load_n(&shutdown_call, __ATOMIC_ACQUIRE) != 0;
}

void up_cpu_stop(void)
{
	arch_timer(0);
	if (__atomic_add_fetch(&stopped_cpus, 1, __ATOMIC_ACQ_REL) == cpu_count) {
		log_info("shut down\n");
		phys_publish();
		status_tell(OS_SHUTDOWN);
		ikc_answer(shutdown_call - 1, 0, NULL, 0);
	}
	arch_halt();
}

static void serve_shutdown(u32 index, const struct ikc_call *call)
{
	u64 processes = process_count();
	u32 none = 0;

	(void)call;
	if (processes)
		ikc_answer(index, -EBUSY, &processes, 1);
	else if (!__atomic_compare_exchange_n(&shutdown_call, &none, index + 1, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		ikc_answer(index, -EBUSY, &processes, 1); /* another is first */
	else
		wake_all_cpus();
}

static void serve_probe(u32 index, const struct ikc_call *call)
{
	(void)call;
	ikc_answer(index, 0, NULL, 0);
}

void status_init(void)
{
	ikc_set_handler(CALL_PROBE, serve_probe);
	ikc_set_handler(CALL_SHUTDOWN, serve_shutdown);
}

/* ---- death ---- */

bool panic_begun(void)
{
	return __atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0;
}

void panic(const char *fmt, ...)
{
	u32 self = this_cpu()->place + 1, first = 0;
	char text[256];
	va_list ap;

	/* Another CPU's last words come first; our own panic must not begin again. */
	if (!__atomic_compare_exchange_n(&panicking, &first, self, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		arch_halt();
	arch_stop_others();
	log_panic_mode();
	va_start(ap, fmt);
	vsnprintf_(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_printf("PANIC: %s\n", text);
	arch_backtrace();
	status_tell(OS_PANIC);
	arch_halt();
}
