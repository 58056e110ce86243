/* SPDX-License-Identifier: GPL-2.0-only */
/* The side of a FUSE file server that all have in common. */
#include "fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "prog.h"

static int device;

void fuse_answer(uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header) + size,
					  .error = -error,
					  .unique = unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, size } };
	ssize_t n = writev(device, parts, size ? 2 : 1);

	/* Who asked may have been killed meanwhile. */
	NEED(n == (ssize_t)header.len || errno == ENOENT);
}

static struct fuse_attr attributes(const struct fuse_files *files, uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .blksize = PAGE };

	attr.uid = attr.gid = files->owner;
	attr.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0777;
	attr.size = node == FUSE_ROOT_ID ? 0 : files->size(node);
	return attr;
}

static void look_up(const struct fuse_files *files, uint64_t unique, const char *name)
{
	struct fuse_entry_out out = { .entry_valid = 3600, .attr_valid = 3600 };
	size_t i;

	for (i = 0; files->names[i]; i++) {
		if (strcmp(name, files->names[i]) != 0)
			continue;
		out.nodeid = FUSE_NODE_FIRST + i;
		out.attr = attributes(files, out.nodeid);
		fuse_answer(unique, 0, &out, sizeof(out));
		return;
	}
	fuse_answer(unique, ENOENT, NULL, 0);
}

static void get_attributes(const struct fuse_files *files, uint64_t unique, uint64_t node)
{
	struct fuse_attr_out out = { .attr_valid = 3600, .attr = attributes(files, node) };

	fuse_answer(unique, 0, &out, sizeof(out));
}

static void initialize(const struct fuse_files *files, uint64_t unique,
		       const struct fuse_init_in *in)
{
	struct fuse_init_out out = files->init;

	out.major = FUSE_KERNEL_VERSION;
	out.minor = in->minor < 31 ? in->minor : 31;
	out.max_write = PAGE;
	fuse_answer(unique, 0, &out, sizeof(out));
}

static void serve_one(const struct fuse_files *files, const struct fuse_in_header *in)
{
	const struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };
	const void *body = in + 1;

	switch (in->opcode) {
	case FUSE_INIT:
		initialize(files, in->unique, body);
		break;
	case FUSE_LOOKUP:
		look_up(files, in->unique, body);
		break;
	case FUSE_GETATTR:
		get_attributes(files, in->unique, in->nodeid);
		break;
	case FUSE_OPEN:
		fuse_answer(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		files->read(in->unique, in->nodeid, body);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		fuse_answer(in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		fuse_answer(in->unique, ENOSYS, NULL, 0);
	}
}

void fuse_mount(const struct fuse_files *files, const char *directory)
{
	const uid_t owner = files->owner;
	char options[128];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	NEED(device >= 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions",
		 device, owner, owner);
	NEED(mount("fuse", directory, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
	NEED(setresgid(owner, owner, owner) == 0 && setresuid(owner, owner, owner) == 0);
}

void fuse_serve(const struct fuse_files *files)
{
	static union {
		struct fuse_in_header header;
		char bytes[FUSE_REQUEST_MAX + PAGE];
	} request;
	struct pollfd wait = { .fd = device, .events = POLLIN };
	ssize_t n;

	for (;;) {
		if (poll(&wait, 1, files->due ? files->due() : -1) <= 0)
			continue;
		n = read(device, &request, sizeof(request));
		if (n >= (ssize_t)sizeof(request.header))
			serve_one(files, &request.header);
		/* ENOENT, EINTR: the request was taken back. */
		NEED(n > 0 || errno == ENOENT || errno == EINTR || errno == EAGAIN);
	}
}
