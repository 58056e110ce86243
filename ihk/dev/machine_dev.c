// SPDX-License-Identifier: GPL-2.0-only
/* /dev/mcd0: the ioctls that partition the machine. */
#include <linux/capability.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "abi/contract.h"
#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"
#include "dev/dev.h"

void *ihk_list_get(const struct ihk_list *list, size_t element, char *msg)
{
	void *copy;

	if (!list->count)
		return NULL;
	if (list->count > IHK_LIST_MAX)
		return ERR_PTR(ihk_refuse(msg, -E2BIG, "a list has at most %d elements, not %u",
					  IHK_LIST_MAX, list->count));
	copy = vmemdup_user(u64_to_user_ptr((u64)list->address), list->count * element);
	if (IS_ERR(copy))
		ihk_refuse(msg, PTR_ERR(copy), "the list cannot be read");
	return copy;
}

int ihk_list_put(struct ihk_list *list, const void *from, u32 count, size_t element)
{
	u32 room = min(list->count, count);

	list->count = count;
	return copy_to_user(u64_to_user_ptr((u64)list->address), from, room * element) ? -EFAULT
										       : 0;
}

typedef u32 (*query_fn)(void *list, u32 max);

/* Answer a query whose elements `query` can list. */
static int query_list(struct ihk_list *list, query_fn query, size_t element)
{
	void *copy = kvcalloc(IHK_LIST_MAX, element, GFP_KERNEL);
	int err;

	if (!copy)
		return -ENOMEM;
	err = ihk_list_put(list, copy, min_t(u32, query(copy, IHK_LIST_MAX), IHK_LIST_MAX),
			   element);
	kvfree(copy);
	return err;
}

static u32 query_cpu(void *list, u32 max)
{
	return ihk_cpu_query(list, max);
}

static u32 query_mem(void *list, u32 max)
{
	return ihk_mem_query(list, max);
}

static u32 query_instances(void *list, u32 max)
{
	return ihk_os_list(list, max);
}

static int list_verb(unsigned int cmd, struct ihk_list *list)
{
	bool is_mem = cmd == IHK_RESERVE_MEM || cmd == IHK_RELEASE_MEM;
	void *copy = ihk_list_get(list, is_mem ? sizeof(struct ihk_mem) : sizeof(u32), list->msg);
	int err;

	if (IS_ERR(copy))
		return PTR_ERR(copy);
	switch (cmd) {
	case IHK_RESERVE_CPU:
		err = ihk_cpu_reserve(copy, list->count, list->msg);
		break;
	case IHK_RELEASE_CPU:
		err = ihk_cpu_release(copy, list->count, list->msg);
		break;
	case IHK_RESERVE_MEM:
		err = ihk_mem_reserve(copy, list->count, list->msg);
		break;
	default:
		err = ihk_mem_release(copy, list->count, list->msg);
		break;
	}
	kvfree(copy);
	return err;
}

static void get_counters(struct ihk_machine_counters *counters)
{
	ihk_mem_counters(counters);
	counters->cpus_held = ihk_cpu_count();
	counters->instances = ihk_os_list(NULL, 0);
}

/* The argument of any ioctl here. */
union machine_arg {
	struct ihk_verb verb;
	struct ihk_list list;
	struct ihk_machine_counters counters;
	struct ihk_build_id build_id;
};

static long machine_do(unsigned int cmd, union machine_arg *arg)
{
	int ret;

	switch (cmd) {
	case IHK_CREATE:
		ret = ihk_os_create(arg->verb.msg);
		arg->verb.value = ret;
		return min(ret, 0);
	case IHK_DESTROY:
		return ihk_os_destroy(arg->verb.value, arg->verb.msg);
	case IHK_RESERVE_CPU:
	case IHK_RELEASE_CPU:
	case IHK_RESERVE_MEM:
	case IHK_RELEASE_MEM:
		return list_verb(cmd, &arg->list);
	case IHK_QUERY_CPU:
		return query_list(&arg->list, query_cpu, sizeof(u32));
	case IHK_QUERY_MEM:
		return query_list(&arg->list, query_mem, sizeof(struct ihk_mem));
	case IHK_GET_INSTANCES:
		return query_list(&arg->list, query_instances, sizeof(u32));
	case IHK_GET_COUNTERS:
		get_counters(&arg->counters);
		return 0;
	case IHK_GET_BUILD_ID:
		arg->build_id.abi_version = ABI_VERSION;
		arg->build_id.abi_hash = ABI_HASH;
		return 0;
	default:
		return -ENOTTY;
	}
}

static bool needs_admin(unsigned int cmd)
{
	switch (cmd) {
		ABI_MACHINE_IOCTLS(IHK_NEEDS_ADMIN)
	default:
		return false; /* -ENOTTY for everyone */
	}
}

/* Where the sentence stands in the argument: always at its end. */
static char *arg_msg(unsigned int cmd, void *arg)
{
	return (char *)arg + _IOC_SIZE(cmd) - IHK_MSG_SIZE;
}

static long machine_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	union machine_arg arg = {};
	long ret;

	if (_IOC_SIZE(cmd) > sizeof(arg) || _IOC_SIZE(cmd) < IHK_MSG_SIZE)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)user, _IOC_SIZE(cmd)))
		return -EFAULT;
	arg_msg(cmd, &arg)[0] = 0;
	if (needs_admin(cmd) && !capable(CAP_SYS_ADMIN))
		ret = ihk_refuse(arg_msg(cmd, &arg), -EPERM, "this needs CAP_SYS_ADMIN");
	else
		ret = machine_do(cmd, &arg);
	if (copy_to_user((void __user *)user, &arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static const struct file_operations machine_ops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = machine_ioctl,
	.llseek = noop_llseek,
};

/* Everybody may look; the verbs ask for the capability. */
static struct miscdevice machine_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mcd0",
	.fops = &machine_ops,
	.mode = 0644,
};

int ihk_machine_dev_init(void)
{
	return misc_register(&machine_device);
}

void ihk_machine_dev_exit(void)
{
	misc_deregister(&machine_device);
}
