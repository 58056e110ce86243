/* SPDX-License-Identifier: GPL-2.0-only */
/* Forks, maps, calls, computes and executes at random until it is killed: forker SEED [GENERATION]. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

static unsigned int seed;

static unsigned int chance(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return seed / 65536 % n;
}

static void map_and_touch(void)
{
	size_t size = (chance(64) + 1) * PAGE;
	char *p = prog_map(size);

	memset(p, 1, size);
	if (chance(2))
		munmap(p + size / 2 / PAGE * PAGE, PAGE);
	munmap(p, size);
}

static void call_linux(void)
{
	static char buffer[3 * PAGE];
	int fd[2];

	NEED(pipe(fd) == 0);
	NEED(write(fd[1], buffer, 2 * PAGE) == 2 * PAGE);
	NEED(read(fd[0], buffer + PAGE - 100, 2 * PAGE) == 2 * PAGE);
	close(fd[0]);
	close(fd[1]);
}

static void compute(void)
{
	for (volatile unsigned int i = chance(100000); i > 0; i--)
		;
}

static void execute(int generation)
{
	char path[4096], number[2][16], *args[] = { "forker", number[0], number[1], NULL };
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	NEED(n > 0);
	path[n] = '\0';
	snprintf(number[0], 16, "%u", chance(30000));
	snprintf(number[1], 16, "%d", generation + 1);
	execv(path, args);
}

/* Children of the last generation do a little and end; the others go on until they are killed. */
int main(int argc, char **argv)
{
	volatile int generation = argc > 2 ? atoi(argv[2]) : 0, children = 0;

	seed = argc > 1 ? atoi(argv[1]) : 1;
	if (generation == 0)
		say("ready");
	for (volatile unsigned int i = 0; generation < 2 || i < 10; i++) {
		unsigned int what = chance(6);
		pid_t pid;

		if (what == 0 && generation < 2 && children < 3) {
			pid = chance(3) ? fork() : vfork();
			if (pid == 0) {
				if (seed % 2)
					_exit(0);
				execute(generation);
				_exit(1);
			}
			children += pid > 0;
		} else if (what == 1) {
			map_and_touch();
		} else if (what == 2) {
			call_linux();
		} else if (what == 3) {
			compute();
		} else {
			while (children > 0 && waitpid(-1, NULL, children == 3 ? 0 : WNOHANG) > 0)
				children--;
		}
	}
	return 0;
}
