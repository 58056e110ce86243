// SPDX-License-Identifier: GPL-2.0-only
/* How much memory an instance promises to its programs: by its kernel arguments, else as Linux does. */
#include <linux/fs.h>
#include <linux/kernel.h>

#include "base/base.h"
#include "object/object.h"
#include "os/os.h"

static const struct setting {
	const char *name; /* of the kernel argument and of Linux's file in /proc/sys/vm */
	u64 max;
	const char *rule;
	u64 otherwise; /* what Linux begins with */
} settings[] = {
	{ "overcommit_memory", COMMIT_NEVER, "0, 1 or 2", COMMIT_GUESS },
	{ "overcommit_ratio", INT_MAX, "a number of percent", 50 },
	{ "overcommit_kbytes", ULONG_MAX >> 10, "a number of KiB", 0 },
	{ "admin_reserve_kbytes", ULONG_MAX >> 10, "a number of KiB", 8 << 10 },
	{ "user_reserve_kbytes", ULONG_MAX >> 10, "a number of KiB", 128 << 10 },
};
enum { MEMORY, RATIO, KBYTES, ADMIN, USER, SETTINGS = IHK_OVERCOMMIT_SETTINGS };

/* The mode's argument is the short one. */
static const char *argument_name(int which)
{
	return which == MEMORY ? "overcommit" : settings[which].name;
}

/* The value of the word NAME=VALUE, which the next blank ends; or NULL. The first one counts, as in the LWK. */
static const char *argument(const char *kargs, const char *name, size_t *length)
{
	size_t n = strlen(name);

	while (*kargs) {
		size_t word = strcspn(kargs, " ");

		if (word >= n && !strncmp(kargs, name, n) && (word == n || kargs[n] == '=')) {
			*length = word == n ? 0 : word - n - 1;
			return kargs + word - *length;
		}
		kargs += word;
		kargs += strspn(kargs, " ");
	}
	return NULL;
}

/* 1: it is there, 0: it is not, or -EINVAL. */
static int parse(const char *kargs, int which, u64 *value)
{
	const struct setting *s = &settings[which];
	size_t length;
	const char *text = argument(kargs, argument_name(which), &length);
	char digits[24];

	if (!text)
		return 0;
	if (!length || length >= sizeof(digits) || strspn(text, "0123456789") < length)
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return kstrtou64(digits, 10, value) || *value > s->max ? -EINVAL : 1;
}

int ihk_overcommit_check(const char *kargs, char *msg)
{
	int i;

	for (i = 0; i < SETTINGS; i++) {
		const char *name = argument_name(i), *text;
		size_t length = 0;
		u64 value;

		if (parse(kargs, i, &value) >= 0)
			continue;
		text = argument(kargs, name, &length);
		return ihk_refuse(msg, -EINVAL, "%s=%.*s: it must be %s", name,
				  (int)min(length, (size_t)32), text, settings[i].rule);
	}
	return 0;
}

/* The variables are not exported: read the way that everybody can. */
static u64 linux_value(const struct setting *s)
{
	char path[64], text[32];
	struct file *file;
	ssize_t size;
	loff_t at = 0;
	u64 value;

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", s->name);
	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return ~0ULL;
	size = kernel_read(file, text, sizeof(text) - 1, &at);
	filp_close(file, NULL);
	text[max(size, (ssize_t)0)] = '\0';
	return kstrtou64(strim(text), 10, &value) || value > s->max ? ~0ULL : value;
}

void ihk_overcommit_read(struct ihk_overcommit *linux_has)
{
	int i;

	for (i = 0; i < SETTINGS; i++)
		linux_has->value[i] = linux_value(&settings[i]);
}

static u64 setting(const char *kargs, int which, const struct ihk_overcommit *linux_has)
{
	u64 value;

	if (parse(kargs, which, &value) > 0)
		return value;
	value = linux_has->value[which];
	if (value != ~0ULL)
		return value;
	pr_warn("ihk: vm.%s cannot be read: an instance is booted with %llu\n",
		settings[which].name, settings[which].otherwise);
	return settings[which].otherwise;
}

void ihk_overcommit_fill(struct lwk_boot_params *params, const struct ihk_overcommit *linux_has)
{
	const char *kargs = params->kargs;
	u64 value;

	params->overcommit = setting(kargs, MEMORY, linux_has);
	params->overcommit_ratio = setting(kargs, RATIO, linux_has);
	/* KiB, where there are any, count instead of a ratio: none of Linux's, instead of one that is asked for. */
	if (parse(kargs, RATIO, &value) > 0 && parse(kargs, KBYTES, &value) == 0)
		params->overcommit_kbytes = 0;
	else
		params->overcommit_kbytes = setting(kargs, KBYTES, linux_has);
	params->admin_reserve_kbytes = setting(kargs, ADMIN, linux_has);
	params->user_reserve_kbytes = setting(kargs, USER, linux_has);
}
