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
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuse.h"
#include "prog.h"

#define FILE_SIZE (16 << 20)
#define ELSEWHERE (FILE_SIZE / 2) /* no page that the other one waits for is near */

static const char *const names[] = { "never", NULL };

static size_t size_of(uint64_t node)
{
	(void)node;
	return FILE_SIZE;
}

static void read_never(uint64_t unique, uint64_t node, const struct fuse_read_in *in)
{
	(void)unique;
	(void)node;
	(void)in;
}

static void serve(const char *directory)
{
	/* Without FUSE_ASYNC_READ: whoever reads waits for the answer itself. */
	static const struct fuse_files files = { .names = names,
						 .size = size_of,
						 .read = read_never };

	fuse_mount(&files, directory);
	say("ready");
	fuse_serve(&files);
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
