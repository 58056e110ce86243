// SPDX-License-Identifier: GPL-2.0-only
/* /dev/mcosN: the ioctls of one OS instance. */
#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "abi/contract.h"
#include "base/compat.h"
#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"
#include "proc/proc.h"
#include "dev/dev.h"

static dev_t first_device;
static struct cdev os_cdev;
static struct class *os_class;

union os_arg {
	struct ihk_verb verb;
	struct ihk_list list;
	struct ihk_text text;
	struct ihk_os_counters counters;
	struct ihk_launch launch;
	struct ihk_build_id build_id;
};

/*
 * What an ioctl reads and writes beside its argument: a list, a text, a file.
 * All of it comes in before os->lock is taken and goes out after it is free:
 * the caller's page, or the file, may be one that its server never brings, and
 * the lock is what everybody else waits for.
 */
struct cargo {
	void *in; /* the caller's list or text */
	struct ihk_image image; /* the file to load */
	void *out; /* the answer: a list's elements, or text */
	u32 count; /* of the answer, */
	size_t element; /* and the size of each */
};

/* ---- resources ---- */

static int list_verb(struct ihk_os *os, unsigned int cmd, struct ihk_list *list, const void *in)
{
	bool is_assign = cmd == IHK_OS_ASSIGN_CPU || cmd == IHK_OS_ASSIGN_MEM;
	int err;

	err = ihk_os_need_inactive(os, is_assign ? "assign" : "release", list->msg);
	if (err)
		return err;
	switch (cmd) {
	case IHK_OS_ASSIGN_CPU:
		return ihk_cpu_assign(os, in, list->count, list->msg);
	case IHK_OS_RELEASE_CPU:
		return ihk_cpu_unassign(os, in, list->count, list->msg);
	case IHK_OS_ASSIGN_MEM:
		return ihk_mem_assign(os, in, list->count, list->msg);
	default:
		return ihk_mem_unassign(os, in, list->count, list->msg);
	}
}

static int answer_room(struct cargo *cargo, u32 count, size_t element)
{
	cargo->out = kvcalloc(count, element, GFP_KERNEL);
	cargo->count = count;
	cargo->element = element;
	return cargo->out ? 0 : -ENOMEM;
}

static int query_cpu(struct ihk_os *os, struct cargo *cargo)
{
	int err = answer_room(cargo, os->cpu_count, sizeof(u32));

	BUILD_BUG_ON(sizeof(os->cpu[0]) != sizeof(u32));
	if (!err)
		memcpy(cargo->out, os->cpu, os->cpu_count * sizeof(u32));
	return err;
}

static int query_mem(struct ihk_os *os, struct cargo *cargo)
{
	int err = answer_room(cargo, IHK_LIST_MAX, sizeof(struct ihk_mem));

	if (!err)
		cargo->count =
			min_t(u32, ihk_mem_query_os(os, cargo->out, IHK_LIST_MAX), IHK_LIST_MAX);
	return err;
}

/* ---- IKC map ---- */

static int place_of(struct ihk_os *os, u32 cpu)
{
	int place;

	for (place = 0; place < os->cpu_count; place++)
		if (os->cpu[place] == cpu)
			return place;
	return -1;
}

static int map_check(struct ihk_os *os, const struct ihk_ikc_pair *pairs, u32 count, char *msg)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (place_of(os, pairs[i].lwk_cpu) < 0)
			return ihk_refuse(msg, -EINVAL, "CPU %u is not assigned to instance %d",
					  pairs[i].lwk_cpu, os->index);
		if (pairs[i].linux_cpu >= nr_cpu_ids || !cpu_online(pairs[i].linux_cpu))
			return ihk_refuse(msg, -EINVAL, "CPU %u is not an online CPU of Linux",
					  pairs[i].linux_cpu);
	}
	return 0;
}

static int set_map(struct ihk_os *os, struct ihk_list *list, const struct ihk_ikc_pair *pairs)
{
	int err;
	u32 i;

	err = ihk_os_need_inactive(os, "set ikc_map", list->msg);
	if (!err)
		err = map_check(os, pairs, list->count, list->msg);
	for (i = 0; i < list->count && !err; i++)
		os->ikc_cpu[place_of(os, pairs[i].lwk_cpu)] = pairs[i].linux_cpu;
	return err;
}

static int get_map(struct ihk_os *os, struct cargo *cargo)
{
	struct ihk_ikc_pair *pairs;
	int place, err;

	err = answer_room(cargo, os->cpu_count, sizeof(*pairs));
	if (err)
		return err;
	pairs = cargo->out;
	for (place = 0; place < os->cpu_count; place++)
		pairs[place] = (struct ihk_ikc_pair){ os->cpu[place], ihk_ikc_cpu(os, place) };
	return 0;
}

/* ---- kernel arguments, log, counters ---- */

static int set_kargs(struct ihk_os *os, struct ihk_text *text, const char *in)
{
	int err = ihk_os_need_inactive(os, "kargs", text->msg);

	if (!err)
		strscpy(os->kargs, in, sizeof(os->kargs));
	return err;
}

static int read_kmsg(struct ihk_os *os, struct ihk_text *text, struct cargo *cargo)
{
	ssize_t size = ihk_kmsg_read(os, text->size, &cargo->out);

	if (size < 0)
		return size;
	text->size = size;
	cargo->count = size;
	cargo->element = 1;
	return 0;
}

static void sum_cpus(struct ihk_os *os, struct ihk_os_counters *counters)
{
	int place;

	for (place = 0; place < os->cpu_count; place++) {
		const struct boot_cpu *cpu = &os->params->cpus[place];

		counters->calls_local += READ_ONCE(cpu->calls_local);
		counters->calls_offloaded += READ_ONCE(cpu->calls_offloaded);
		counters->faults += READ_ONCE(cpu->faults);
		counters->interrupts += READ_ONCE(cpu->interrupts);
		counters->doorbells_sent += READ_ONCE(cpu->doorbells_sent);
		counters->switches += READ_ONCE(cpu->switches);
	}
}

/* What the LWK last said stays readable after its end. */
static void get_counters(struct ihk_os *os, struct ihk_os_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	if (os->params) {
		counters->lwk = os->params->counters;
		sum_cpus(os, counters);
	}
	counters->pages_assigned = ihk_mem_size_os(os) >> PAGE_SHIFT;
	counters->pages_in_quarantine = ihk_quarantine_count(os);
	counters->proxies = ihk_proc_count(os);
	counters->refused_messages = ihk_ikc_bad(os);
	counters->boots = os->boot_gen;
}

/* An image is loaded only if it has the module's own ABI. */
static int get_build_id(struct ihk_os *os, struct ihk_build_id *id)
{
	if (!os->image.file)
		return ihk_refuse(id->msg, -ENOENT, "no image is loaded into instance %d",
				  os->index);
	id->abi_version = ABI_VERSION;
	id->abi_hash = ABI_HASH;
	return 0;
}

/* A later caller may know more ways than we do: none is taken for another. */
static int shut_down(struct ihk_os *os, struct ihk_verb *verb)
{
	if (verb->value != 0 && verb->value != IHK_SHUTDOWN_FORCE)
		return ihk_refuse(verb->msg, -EINVAL, "%d is no way to shut down", verb->value);
	return ihk_os_shutdown(os, verb->value == IHK_SHUTDOWN_FORCE, verb->msg);
}

/* ---- what goes in and out without a lock ---- */

static size_t element_in(unsigned int cmd)
{
	switch (cmd) {
	case IHK_OS_ASSIGN_CPU:
	case IHK_OS_RELEASE_CPU:
		return sizeof(u32);
	case IHK_OS_ASSIGN_MEM:
	case IHK_OS_RELEASE_MEM:
		return sizeof(struct ihk_mem);
	case IHK_OS_SET_IKC_MAP:
		return sizeof(struct ihk_ikc_pair);
	default:
		return 0;
	}
}

static void *get_kargs(struct ihk_text *text)
{
	const size_t max = sizeof_field(struct ihk_os, kargs) - 1;

	if (text->size > max)
		return ERR_PTR(ihk_refuse(text->msg, -E2BIG,
					  "kernel arguments have at most %zu bytes, not %llu", max,
					  (u64)text->size));
	return memdup_user_nul(u64_to_user_ptr((u64)text->address), text->size);
}

static int cargo_in(unsigned int cmd, union os_arg *arg, struct cargo *cargo)
{
	int err;

	if (cmd == IHK_OS_LOAD)
		return ihk_image_read(arg->verb.value, &cargo->image, arg->verb.msg);
	if (cmd == IHK_OS_KARGS)
		cargo->in = get_kargs(&arg->text);
	else if (element_in(cmd))
		cargo->in = ihk_list_get(&arg->list, element_in(cmd), arg->list.msg);
	if (!IS_ERR(cargo->in))
		return 0;
	err = PTR_ERR(cargo->in);
	cargo->in = NULL;
	return err;
}

static int cargo_out(unsigned int cmd, union os_arg *arg, const struct cargo *cargo)
{
	if (!cargo->element)
		return 0;
	if (cmd != IHK_OS_KMSG)
		return ihk_list_put(&arg->list, cargo->out, cargo->count, cargo->element);
	return copy_to_user(u64_to_user_ptr((u64)arg->text.address), cargo->out, cargo->count)
		       ? -EFAULT
		       : 0;
}

static void cargo_free(struct cargo *cargo)
{
	vfree(cargo->image.file);
	kvfree(cargo->in);
	kvfree(cargo->out);
}

/* ---- the file ---- */

/* Context: os->lock held. */
static long os_do(struct ihk_os *os, unsigned int cmd, union os_arg *arg, struct cargo *cargo)
{
	switch (cmd) {
	case IHK_OS_ASSIGN_CPU:
	case IHK_OS_RELEASE_CPU:
	case IHK_OS_ASSIGN_MEM:
	case IHK_OS_RELEASE_MEM:
		return list_verb(os, cmd, &arg->list, cargo->in);
	case IHK_OS_QUERY_CPU:
		return query_cpu(os, cargo);
	case IHK_OS_QUERY_MEM:
		return query_mem(os, cargo);
	case IHK_OS_SET_IKC_MAP:
		return set_map(os, &arg->list, cargo->in);
	case IHK_OS_GET_IKC_MAP:
		return get_map(os, cargo);
	case IHK_OS_LOAD:
		return ihk_os_load(os, &cargo->image, arg->verb.msg);
	case IHK_OS_KARGS:
		return set_kargs(os, &arg->text, cargo->in);
	case IHK_OS_BOOT:
		return ihk_os_boot(os, arg->verb.msg);
	case IHK_OS_SHUTDOWN:
		return shut_down(os, &arg->verb);
	case IHK_OS_KMSG:
		return read_kmsg(os, &arg->text, cargo);
	case IHK_OS_CLEAR_KMSG:
		ihk_kmsg_clear(os);
		return 0;
	case IHK_OS_COUNTERS:
		get_counters(os, &arg->counters);
		return 0;
	case IHK_OS_BUILD_ID:
		return get_build_id(os, &arg->build_id);
	default:
		return -ENOTTY;
	}
}

static long os_launch(struct ihk_os *os, struct file *file, struct ihk_launch *launch)
{
	enum os_status status = ihk_os_status(os);

	if (!(file->f_mode & FMODE_WRITE))
		return ihk_refuse(launch->msg, -EACCES,
				  "a launch needs write access to /dev/mcos%d", os->index);
	if (status != OS_RUNNING)
		return ihk_refuse(launch->msg, -ENODEV, "instance %d is %s, not RUNNING", os->index,
				  ihk_status_name(status));
	/* Fixed while the instance is RUNNING. */
	if (!os->image.programs)
		return ihk_refuse(launch->msg, -ENOEXEC,
				  "the image of instance %d runs no programs", os->index);
	if (launch->lwk_cpu < -1 || launch->lwk_cpu >= READ_ONCE(os->cpu_count))
		return ihk_refuse(launch->msg, -EINVAL,
				  "LWK CPU %d does not exist (there are 0-%d)", launch->lwk_cpu,
				  os->cpu_count - 1);
	return ihk_proc_launch(os, launch->lwk_cpu);
}

/* A launch looks at how the node was opened instead. */
static bool needs_admin(unsigned int cmd)
{
	switch (cmd) {
		ABI_OS_IOCTLS(IHK_NEEDS_ADMIN)
	default:
		return false; /* -ENOTTY for everyone */
	}
}

/* What reads much, or a file, and is refused anyhow unless the instance is INACTIVE. */
static const char *inactive_verb(unsigned int cmd)
{
	switch (cmd) {
	case IHK_OS_LOAD:
		return "load";
	case IHK_OS_KARGS:
		return "kargs";
	default:
		return NULL;
	}
}

static int os_lock(struct ihk_os *os, char *msg)
{
	if (mutex_lock_killable(&os->lock))
		return -EINTR;
	if (!os->destroyed)
		return 0;
	mutex_unlock(&os->lock);
	return ihk_refuse(msg, -ENODEV, "instance %d has been destroyed", os->index);
}

/* Before anything is read, which may take long; asked again when it is to be used. */
static int os_precheck(struct ihk_os *os, unsigned int cmd, char *msg)
{
	const char *verb = inactive_verb(cmd);
	int err;

	if (!verb)
		return 0;
	err = os_lock(os, msg);
	if (err)
		return err;
	err = ihk_os_need_inactive(os, verb, msg);
	mutex_unlock(&os->lock);
	return err;
}

static long os_do_locked(struct ihk_os *os, unsigned int cmd, union os_arg *arg, char *msg)
{
	struct cargo cargo = {};
	long ret;

	ret = os_precheck(os, cmd, msg);
	if (!ret)
		ret = cargo_in(cmd, arg, &cargo);
	if (!ret)
		ret = os_lock(os, msg);
	if (ret)
		goto out;
	ret = os_do(os, cmd, arg, &cargo);
	mutex_unlock(&os->lock);
	if (!ret)
		ret = cargo_out(cmd, arg, &cargo);
out:
	cargo_free(&cargo);
	return ret;
}

static long os_dispatch(struct ihk_os *os, struct file *file, unsigned int cmd, union os_arg *arg,
			char *msg)
{
	if (needs_admin(cmd) && !capable(CAP_SYS_ADMIN))
		return ihk_refuse(msg, -EPERM, "this needs CAP_SYS_ADMIN");
	/* These two wait for nothing, not even for a boot under way. */
	if (cmd == IHK_OS_STATUS && !READ_ONCE(os->destroyed)) {
		arg->verb.value = ihk_os_status(os);
		return 0;
	}
	if (cmd == IHK_OS_LAUNCH)
		return os_launch(os, file, &arg->launch);
	return os_do_locked(os, cmd, arg, msg);
}

static long os_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct ihk_os *os = file->private_data;
	union os_arg arg = {};
	char *msg;
	long ret;

	if (_IOC_SIZE(cmd) > sizeof(arg) || _IOC_SIZE(cmd) < IHK_MSG_SIZE)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)user, _IOC_SIZE(cmd)))
		return -EFAULT;
	/* The sentence always stands at the end of the argument. */
	msg = (char *)&arg + _IOC_SIZE(cmd) - IHK_MSG_SIZE;
	msg[0] = 0;
	ret = os_dispatch(os, file, cmd, &arg, msg);
	if (copy_to_user((void __user *)user, &arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static int os_open(struct inode *inode, struct file *file)
{
	struct ihk_os *os = ihk_os_get(iminor(inode));

	if (!os)
		return -ENODEV;
	file->private_data = os;
	return nonseekable_open(inode, file);
}

static int os_release(struct inode *inode, struct file *file)
{
	ihk_os_put(file->private_data);
	return 0;
}

static const struct file_operations os_ops = {
	.owner = THIS_MODULE,
	.open = os_open,
	.release = os_release,
	.unlocked_ioctl = os_ioctl,
};

struct device *ihk_os_dev_add(struct ihk_os *os)
{
	return device_create(os_class, NULL, first_device + os->index, NULL, "mcos%d", os->index);
}

void ihk_os_dev_remove(struct ihk_os *os)
{
	device_destroy(os_class, first_device + os->index);
}

/* Everybody may look; mcreboot.sh -o gives the right to run programs. */
static char *os_devnode(COMPAT_DEVNODE_CONST struct device *device, umode_t *mode)
{
	if (mode)
		*mode = 0644;
	return NULL;
}

int ihk_os_dev_init(void)
{
	int err;

	err = alloc_chrdev_region(&first_device, 0, ABI_MAX_OS, "mcos");
	if (err)
		return err;
	os_class = compat_class_create("mcos");
	if (IS_ERR(os_class)) {
		err = PTR_ERR(os_class);
		goto err_region;
	}
	os_class->devnode = os_devnode;
	cdev_init(&os_cdev, &os_ops);
	os_cdev.owner = THIS_MODULE;
	err = cdev_add(&os_cdev, first_device, ABI_MAX_OS);
	if (err)
		goto err_class;
	return 0;
err_class:
	class_destroy(os_class);
err_region:
	unregister_chrdev_region(first_device, ABI_MAX_OS);
	return err;
}

void ihk_os_dev_exit(void)
{
	cdev_del(&os_cdev);
	class_destroy(os_class);
	unregister_chrdev_region(first_device, ABI_MAX_OS);
}
