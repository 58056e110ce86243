// SPDX-License-Identifier: GPL-2.0-only
/* ihk.ko: brings its parts up, and takes them down in reverse. */
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "arch/arch.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"
#include "twin/twin.h"
#include "view/view.h"
#include "proc/proc.h"
#include "dev/dev.h"

const struct ihk_up ihk_up = {
	.os_free = ihk_os_free,
	.call = ihk_call,
	.processes_start = ihk_proc_os_init,
	.processes_stop = ihk_proc_os_stop,
	.processes_end = ihk_proc_end_all,
	.processes_count = ihk_proc_count,
	.boot_params = ihk_proc_boot_params,
	.device_add = ihk_os_dev_add,
	.device_remove = ihk_os_dev_remove,
	.lcall = ihk_lcall,
	.twin_request = ihk_twin_request,
	.place_of_current = ihk_place_of_current,
	.thread_of_current = ihk_thread_of_current,
	.file_opened = ihk_view_opened,
	.room_of_current = ihk_room_of_current,
};

/* Whoever comes after us (firmware, kexec) must find no CPU that writes to memory. */
static int machine_ends(struct notifier_block *block, unsigned long action, void *data)
{
	ihk_park_everything();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = machine_ends };
static struct notifier_block panic_block = { .notifier_call = machine_ends };

/*
 * Sleep would power off the LWK's CPUs, or save memory that they write to, and
 * wake up without them: refused while there is an instance, and no instance
 * comes while the machine goes to sleep.
 */
static int machine_sleeps(struct notifier_block *block, unsigned long action, void *data)
{
	int count;

	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		count = ihk_os_sleep_begin();
		if (!count)
			return NOTIFY_OK;
		pr_err("ihk: no %s: there %s %d OS instance%s, destroy %s first\n",
		       action == PM_SUSPEND_PREPARE ? "suspend" : "hibernation",
		       count == 1 ? "is" : "are", count, count == 1 ? "" : "s",
		       count == 1 ? "it" : "them");
		return NOTIFY_BAD;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		ihk_os_sleep_end();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block sleep_block = { .notifier_call = machine_sleeps };

struct stage {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
};

static const struct stage stages[] = {
	{ "CPUs", ihk_cpu_init, ihk_cpu_exit },
	{ "doorbells", ihk_lines_init, ihk_lines_exit },
	{ "clock", ihk_clock_init, ihk_clock_exit },
	{ "processes", ihk_proc_init, ihk_proc_exit },
	{ "instances", ihk_os_init, ihk_os_exit },
	{ "devices", ihk_os_dev_init, ihk_os_dev_exit },
	{ "machine", ihk_machine_dev_init, ihk_machine_dev_exit },
};

static void stages_exit(unsigned int count)
{
	while (count--)
		stages[count].exit();
}

static int __init ihk_module_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		err = stages[i].init();
		if (err) {
			pr_err("ihk: %s: error %d\n", stages[i].name, -err);
			stages_exit(i);
			return err;
		}
	}
	register_pm_notifier(&sleep_block);
	register_reboot_notifier(&reboot_block);
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}

static void __exit ihk_module_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	unregister_reboot_notifier(&reboot_block);
	unregister_pm_notifier(&sleep_block);
	stages_exit(ARRAY_SIZE(stages));
}

module_init(ihk_module_init);
module_exit(ihk_module_exit);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Runs light-weight kernels beside Linux, on CPUs and memory taken from it");
