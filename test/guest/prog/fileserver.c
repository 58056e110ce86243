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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuse.h"
#include "prog.h"

#define LATE_NS_MAX 20000000
#define DATA_SIZE (4UL << 20)
#define LATE_MAX 256

enum node { NODE_FAST = FUSE_NODE_FIRST, NODE_LATE, NODE_BROKEN, NODE_NEVER, NODE_PROGRAM };
static const char *const names[] = { "fast", "late", "broken", "never", "program", NULL };

/* A read that is answered at its time. */
struct late {
	uint64_t unique, node;
	size_t offset, size;
	int64_t when;
};
static struct late lates[LATE_MAX];
static unsigned int late_count;

static const char *program;
static size_t program_size;
static char data[DATA_SIZE];

static void answer_read(const struct late *r)
{
	const char *from = r->node == NODE_PROGRAM ? program : data;
	size_t end = r->node == NODE_PROGRAM ? program_size : DATA_SIZE, size = r->size;

	if (r->node == NODE_BROKEN) {
		fuse_answer(r->unique, EIO, NULL, 0);
		return;
	}
	if (r->offset >= end)
		size = 0;
	else if (size > end - r->offset)
		size = end - r->offset;
	fuse_answer(r->unique, 0, from + r->offset, size);
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

static size_t size_of(uint64_t node)
{
	return node == NODE_PROGRAM ? program_size : DATA_SIZE;
}

int main(int argc, char **argv)
{
	struct fuse_files files = {
		.names = names,
		/* Whoever waits for a page can be killed. */
		.init = { .max_readahead = FUSE_REQUEST_MAX,
			  .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES,
			  .max_background = LATE_MAX,
			  .congestion_threshold = LATE_MAX },
		.size = size_of,
		.read = read_file,
		.due = answer_due,
	};

	if (argc != 4)
		return 2;
	files.owner = atoi(argv[2]);
	load_program(argv[3]);
	fuse_mount(&files, argv[1]);
	say("ready");
	fuse_serve(&files);
}
