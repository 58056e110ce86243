// SPDX-License-Identifier: GPL-2.0-only
/* Opens the module's devices, makes the ioctls, and keeps the sentence of a refusal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"

static __thread char refusal[IHK_MSG_SIZE + 64];

const char *ihk_refusal(void)
{
	return refusal;
}

int refuse_errno(const char *what)
{
	int err = errno;

	snprintf(refusal, sizeof(refusal), "%s%s%s", what, *what ? ": " : "", strerror(err));
	return -err;
}

int device_check_list(const void *list, int count)
{
	if (count >= 0 && (list || !count))
		return 0;
	snprintf(refusal, sizeof(refusal), "%d elements at %p are no list", count, list);
	return -EINVAL;
}

int device_call(enum device device, int index, unsigned int cmd, void *arg, char *msg)
{
	char path[32];
	int fd, err;

	if (!arg) {
		snprintf(refusal, sizeof(refusal), "there is no room for the answer");
		return -EINVAL;
	}
	snprintf(path, sizeof(path), device == DEVICE_OS ? "/dev/mcos%d" : "/dev/mcd%d", index);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse_errno(path);
	err = ioctl(fd, cmd, arg) < 0 ? -errno : 0;
	close(fd);
	if (!err)
		return 0;
	msg[IHK_MSG_SIZE - 1] = 0;
	if (*msg) {
		snprintf(refusal, sizeof(refusal), "%s", msg);
		return err;
	}
	errno = -err;
	return refuse_errno("");
}

int device_list(enum device device, int index, unsigned int cmd, const void *list, int count)
{
	struct ihk_list arg = { .address = (abi_u64)(unsigned long)list, .count = count };
	int err = device_check_list(list, count);

	return err ? err : device_call(device, index, cmd, &arg, arg.msg);
}

int device_query(enum device device, int index, unsigned int cmd, void *list, int count)
{
	struct ihk_list arg = { .address = (abi_u64)(unsigned long)list, .count = count };
	int err = device_check_list(list, count);

	if (!err)
		err = device_call(device, index, cmd, &arg, arg.msg);
	return err ? err : (int)arg.count;
}

int device_int_query(enum device device, int index, unsigned int cmd, int *list, int count)
{
	if (list && count > 0)
		memset(list, 0xff, count * sizeof(*list));
	return device_query(device, index, cmd, list, count);
}

int device_mem_list(enum device device, int index, unsigned int cmd,
		    const struct ihk_mem_chunk *chunks, int count)
{
	struct ihk_mem *list;
	int i, err = device_check_list(chunks, count);

	if (err)
		return err;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return refuse_errno("");
	for (i = 0; i < count; i++) {
		list[i].size = chunks[i].size;
		list[i].node = chunks[i].numa_node_number;
	}
	err = device_list(device, index, cmd, list, count);
	free(list);
	return err;
}

int device_mem_query(enum device device, int index, unsigned int cmd, struct ihk_mem_chunk *chunks,
		     int count)
{
	struct ihk_mem *list;
	int i, found = device_check_list(chunks, count);

	if (found)
		return found;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return refuse_errno("");
	found = device_query(device, index, cmd, list, count);
	for (i = 0; i < count && found >= 0; i++) {
		chunks[i].size = list[i].size;
		chunks[i].numa_node_number = i < found ? (int)list[i].node : -1;
	}
	free(list);
	return found;
}
