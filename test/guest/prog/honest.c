/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that minds its own business beside hostile ones, until SIGTERM:
 *
 *     honest FILE
 *
 * It looks again and again whether its memory, ids, limits, files, pipes and
 * children are what they were. Says "ready", and then only what is wrong, which
 * its exit status tells too; FILE grows by a byte each time round.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prog.h"

#define SIZE (4UL << 20)

static volatile sig_atomic_t over;

static void on_term(int signo)
{
	(void)signo;
	over = 1;
}

/* What must never change. */
struct self {
	uid_t uid[3];
	gid_t gid[3];
	pid_t parent;
	mode_t mask;
	struct rlimit limit[RLIM_NLIMITS];
	char directory[256];
};

static struct self look(void)
{
	struct self self;

	memset(&self, 0, sizeof(self));
	NEED(getresuid(&self.uid[0], &self.uid[1], &self.uid[2]) == 0);
	NEED(getresgid(&self.gid[0], &self.gid[1], &self.gid[2]) == 0);
	self.parent = getppid();
	self.mask = umask(077);
	umask(self.mask);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		NEED(getrlimit(i, &self.limit[i]) == 0);
	NEED(getcwd(self.directory, sizeof(self.directory)));
	return self;
}

static void pass_through_pipe(const unsigned char *from)
{
	unsigned char back[PAGE] = { 0 };
	int fd[2];

	NEED(pipe(fd) == 0);
	NEED(write(fd[1], from, PAGE) == (ssize_t)PAGE);
	NEED(read(fd[0], back, PAGE) == (ssize_t)PAGE);
	CHECK(memcmp(back, from, PAGE) == 0);
	close(fd[0]);
	close(fd[1]);
}

static void child(void *arg)
{
	unsigned char *memory = arg;

	CHECK(prog_filled(memory, SIZE, memory[0]));
	memset(memory, 0xee, SIZE / 4);
}

static void look_at_file(int fd)
{
	const unsigned char *p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	bool good = p != MAP_FAILED;

	for (size_t i = 0; good && i < 16 * PAGE; i += 61)
		good = p[i] == prog_file_byte(i);
	CHECK(good);
	munmap((void *)p, 16 * PAGE);
}

int main(int argc, char **argv)
{
	unsigned char *memory = prog_map(SIZE);
	int tally, file = prog_file(16 * PAGE);
	struct self before = look(), now;

	if (argc != 2)
		return 2;
	tally = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);
	NEED(tally >= 0);
	signal(SIGTERM, on_term);
	say("ready");
	for (unsigned int round = 0; !over; round++) {
		memset(memory, (unsigned char)round, SIZE);
		pass_through_pipe(memory);
		CHECK_EXIT(prog_fork(child, memory), 0);
		CHECK(prog_filled(memory, SIZE, (unsigned char)round));
		look_at_file(file);
		now = look();
		CHECK(memcmp(&now, &before, sizeof(now)) == 0);
		NEED(write(tally, ".", 1) == 1);
	}
	prog_exit();
}
