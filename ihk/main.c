// SPDX-License-Identifier: GPL-2.0-only
/* ihk.ko: brings its parts up, and takes them down in reverse. */
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>

#include "partition.h"

/* Whoever comes after us (firmware, kexec) must find no CPU that writes to memory. */
static int machine_ends(struct notifier_block *block, unsigned long action, void *data)
{
	ihk_park_everything();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = machine_ends };
static struct notifier_block panic_block = { .notifier_call = machine_ends };

struct stage {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
};

static const struct stage stages[] = {
	{ "CPUs", ihk_cpu_init, ihk_cpu_exit },
	{ "doorbells", ihk_doorbell_init, ihk_doorbell_exit },
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
	register_reboot_notifier(&reboot_block);
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}

static void __exit ihk_module_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	unregister_reboot_notifier(&reboot_block);
	stages_exit(ARRAY_SIZE(stages));
}

module_init(ihk_module_init);
module_exit(ihk_module_exit);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Runs light-weight kernels beside Linux, on CPUs and memory taken from it");
