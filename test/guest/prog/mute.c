/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file server that never answers, and who waits for it:
 *
 *     mute serve DIRECTORY   mounts a file system there that has one file, "never",
 *                            which no read ever brings; says "ready"
 *     mute touch FILE        maps it, says "ready" and touches it
 *     mute write FILE        maps it, says "ready" and has Linux read it from there
 *
 * The reads are of the kind that cannot be killed: only the server's end ends
 * them.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "prog.h"

#define NODE_NEVER 2
#define FILE_SIZE (16 << 20)
#define ELSEWHERE (FILE_SIZE / 2) /* no page that the other one waits for is near */
#define PAGE_BYTES 4096

static int device;

static void answer(uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { sizeof(header) + size, -error, unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, size } };

	NEED(writev(device, parts, size ? 2 : 1) == (ssize_t)header.len);
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .blksize = PAGE_BYTES };

	attr.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr.size = node == FUSE_ROOT_ID ? 0 : FILE_SIZE;
	return attr;
}

static void look_up(uint64_t unique, const char *name)
{
	struct fuse_entry_out out = { .nodeid = NODE_NEVER, .attr = attributes(NODE_NEVER) };

	out.entry_valid = out.attr_valid = 3600;
	if (strcmp(name, "never") == 0)
		answer(unique, 0, &out, sizeof(out));
	else
		answer(unique, ENOENT, NULL, 0);
}

static void serve_one(const struct fuse_in_header *in)
{
	/* Without FUSE_ASYNC_READ: whoever reads waits for the answer itself. */
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = 31,
					    .max_write = PAGE_BYTES };
	const struct fuse_attr_out attr = { .attr_valid = 3600, .attr = attributes(in->nodeid) };
	const struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		look_up(in->unique, (const char *)(in + 1));
		break;
	case FUSE_GETATTR:
		answer(in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		answer(in->unique, 0, NULL, 0);
		break;
	case FUSE_READ:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in->unique, ENOSYS, NULL, 0);
	}
}

static void serve(const char *directory)
{
	static char request[FUSE_MIN_READ_BUFFER + PAGE_BYTES];
	char options[64];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	NEED(device >= 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 device);
	NEED(mount("mute", directory, "fuse", 0, options) == 0);
	say("ready");
	for (;;) {
		if (read(device, request, sizeof(request)) > 0)
			serve_one((const struct fuse_in_header *)request);
		else
			NEED(errno == ENOENT || errno == EINTR);
	}
}

int main(int argc, char **argv)
{
	volatile char *at;
	int fd, pipe_end[2];

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	fd = open(argv[2], O_RDONLY);
	NEED(fd >= 0 && pipe(pipe_end) == 0);
	at = mmap(NULL, FILE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(at != MAP_FAILED);
	say("ready");
	if (strcmp(argv[1], "touch") == 0)
		return at[0];
	return write(pipe_end[1], (const char *)at + ELSEWHERE, 1) != 1;
}
