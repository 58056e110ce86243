// SPDX-License-Identifier: GPL-2.0-only
/* /dev/mcosN: the file of one OS instance, who may use it, and what goes in and out by it. */
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
#include "os/os.h"
#include "proc/proc.h"
#include "dev/dev.h"
#include "dev/os_verbs.h"

static dev_t first_device;
static struct cdev os_cdev;
static struct class *os_class;

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
	if (cmd == IHK_OS_BOOT)
		ihk_overcommit_read(&cargo->linux_has);
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
	ret = ihk_os_do(os, cmd, arg, &cargo);
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
