/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file system that is served by an ordinary user who means ill:
 *
 *     fileserver DIRECTORY UID PROGRAM
 *
 * mounts it as root, becomes that user, says "ready" and serves until it is
 * killed, which ends all that waits for it:
 *
 *     fast     is there at once
 *     late     comes after some milliseconds
 *     broken   fails, after some milliseconds
 *     never    is never answered
 *     program  is PROGRAM, late
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define LATE_NS_MAX 20000000
#define DATA_SIZE (4UL << 20)
#define REQUEST_MAX (128UL << 10)
#define LATE_MAX 256

enum node { NODE_ROOT = FUSE_ROOT_ID, NODE_FAST, NODE_LATE, NODE_BROKEN, NODE_NEVER, NODE_PROGRAM };
static const char *const names[] = { "fast", "late", "broken", "never", "program" };

/* A read that is answered at its time. */
struct late {
	uint64_t unique, node;
	size_t offset, size;
	int64_t when;
};
static struct late lates[LATE_MAX];
static unsigned int late_count;

static int device;
static uid_t owner;
static const char *program;
static size_t program_size;
static char data[DATA_SIZE];

static void answer(uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header) + size,
					  .error = -error,
					  .unique = unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, size } };
	ssize_t n = writev(device, parts, size ? 2 : 1);

	/* Who asked may have been killed meanwhile. */
	NEED(n == (ssize_t)header.len || errno == ENOENT);
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .uid = owner, .gid = owner };

	attr.blksize = PAGE;
	attr.mode = node == NODE_ROOT ? S_IFDIR | 0755 : S_IFREG | 0777;
	if (node != NODE_ROOT)
		attr.size = node == NODE_PROGRAM ? program_size : DATA_SIZE;
	return attr;
}

static void look_up(uint64_t unique, const char *name)
{
	struct fuse_entry_out out = { .entry_valid = 3600, .attr_valid = 3600 };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		out.nodeid = NODE_FAST + i;
		out.attr = attributes(out.nodeid);
		answer(unique, 0, &out, sizeof(out));
		return;
	}
	answer(unique, ENOENT, NULL, 0);
}

static void get_attributes(uint64_t unique, uint64_t node)
{
	struct fuse_attr_out out = { .attr_valid = 3600, .attr = attributes(node) };

	answer(unique, 0, &out, sizeof(out));
}

static void initialize(uint64_t unique, const struct fuse_init_in *in)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
				     .minor = in->minor < 31 ? in->minor : 31,
				     .max_readahead = REQUEST_MAX,
				     /* Whoever waits for a page can be killed. */
				     .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES,
				     .max_background = LATE_MAX,
				     .congestion_threshold = LATE_MAX,
				     .max_write = PAGE };

	answer(unique, 0, &out, sizeof(out));
}

static void answer_read(const struct late *r)
{
	const char *from = r->node == NODE_PROGRAM ? program : data;
	size_t end = r->node == NODE_PROGRAM ? program_size : DATA_SIZE, size = r->size;

	if (r->node == NODE_BROKEN) {
		answer(r->unique, EIO, NULL, 0);
		return;
	}
	if (r->offset >= end)
		size = 0;
	else if (size > end - r->offset)
		size = end - r->offset;
	answer(r->unique, 0, from + r->offset, size);
}

static void read_file(uint64_t unique, uint64_t node, const struct fuse_read_in *in)
{
	struct late r = { unique, node, in->offset, in->size, 0 };

	if (node == NODE_NEVER)
		return;
	if (node == NODE_FAST || late_count == LATE_MAX) {
		answer_read(&r);
		return;
	}
	r.when = now_ns(CLOCK_MONOTONIC) + random() % LATE_NS_MAX;
	lates[late_count++] = r;
}

/* Milliseconds until the next answer that is due, -1: none. */
static int answer_due(void)
{
	int64_t now = now_ns(CLOCK_MONOTONIC), next = INT64_MAX;
	unsigned int i = 0;

	while (i < late_count) {
		if (lates[i].when <= now) {
			answer_read(&lates[i]);
			lates[i] = lates[--late_count];
			continue;
		}
		if (lates[i].when < next)
			next = lates[i].when;
		i++;
	}
	return next == INT64_MAX ? -1 : (int)((next - now) / 1000000 + 1);
}

static void serve(const struct fuse_in_header *in)
{
	const struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };
	const void *body = in + 1;

	switch (in->opcode) {
	case FUSE_INIT:
		initialize(in->unique, body);
		break;
	case FUSE_LOOKUP:
		look_up(in->unique, body);
		break;
	case FUSE_GETATTR:
		get_attributes(in->unique, in->nodeid);
		break;
	case FUSE_OPEN:
		answer(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		read_file(in->unique, in->nodeid, body);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		answer(in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in->unique, ENOSYS, NULL, 0);
	}
}

static void load_program(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	NEED(fd >= 0);
	program_size = lseek(fd, 0, SEEK_END);
	program = mmap(NULL, program_size, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(program != MAP_FAILED);
	close(fd);
	for (size_t i = 0; i < DATA_SIZE; i++)
		data[i] = prog_file_byte(i);
}

static void mount_it(const char *directory)
{
	char options[128];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	NEED(device >= 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions",
		 device, owner, owner);
	NEED(mount("fileserver", directory, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
	NEED(setresgid(owner, owner, owner) == 0 && setresuid(owner, owner, owner) == 0);
}

int main(int argc, char **argv)
{
	static union {
		struct fuse_in_header header;
		char bytes[REQUEST_MAX + PAGE];
	} request;
	struct pollfd wait = { .events = POLLIN };
	ssize_t n;

	if (argc != 4)
		return 2;
	owner = atoi(argv[2]);
	load_program(argv[3]);
	mount_it(argv[1]);
	say("ready");
	wait.fd = device;
	for (;;) {
		if (poll(&wait, 1, answer_due()) <= 0)
			continue;
		n = read(device, &request, sizeof(request));
		if (n >= (ssize_t)sizeof(request.header))
			serve(&request.header);
		/* ENOENT, EINTR: the request was taken back. */
		NEED(n > 0 || errno == ENOENT || errno == EINTR || errno == EAGAIN);
	}
}
