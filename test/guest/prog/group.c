/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A signal to a process group that is forking: fork is atomic towards it, so that
 * it reaches each of them: group [ROUNDS].
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

static void grow(void *arg)
{
	struct gate g = *(struct gate *)arg;

	NEED(setpgid(0, 0) == 0);
	gate_open(g);
	for (int i = 0; i < 4; i++) {
		pid_t pid = i % 2 ? vfork() : fork();

		NEED(pid >= 0);
		if (pid == 0) {
			char *args[] = { "sleep", "1000", NULL };

			if (i % 2)
				execv("/bin/sleep", args);
			pause();
			_exit(1);
		}
	}
	for (;;)
		pause();
}

/* Whoever is left of the group is a child of ours by now, and nothing will end it. */
static void one_round(unsigned int turns)
{
	struct gate g = gate_make();
	pid_t pid = prog_fork(grow, &g);
	int status;

	gate_await(g);
	for (volatile unsigned int i = turns; i > 0; i--)
		;
	CHECK(kill(-pid, SIGINT) == 0);
	CHECK_KILLED(pid, SIGINT);
	while (waitpid(-pid, &status, 0) > 0)
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	CHECK(errno == ECHILD);
	close(g.fd[0]);
	close(g.fd[1]);
}

static void missed(int signo)
{
	static const char text[] = "a process of the group has missed the signal\n";

	(void)signo;
	_exit(write(1, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	signal(SIGALRM, missed);
	srand(1);
	for (int i = 0; i < rounds; i++) {
		alarm(120);
		one_round(rand() % 3000000);
	}
	say("group: good");
	prog_exit();
}
