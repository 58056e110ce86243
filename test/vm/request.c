// SPDX-License-Identifier: GPL-2.0-only
/* What the host asks the agent to run, and how a child becomes that. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent.h"

static char **strings_until_empty(char **at, char *end)
{
	char **list = calloc(end - *at + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		die("calloc");
	while (*at < end && **at) {
		list[n++] = *at;
		*at += strlen(*at) + 1;
	}
	return list;
}

void parse_request(struct request *rq, char *data, size_t size)
{
	char *at = data, *end = data + size;
	size_t n = 0;

	rq->cwd = at;
	at += strlen(at) + 1;
	rq->term = at < end ? at : "";
	at += strlen(rq->term) + 1;
	rq->env = strings_until_empty(&at, end);
	at++;
	/* An argument may be empty, so count instead of looking for an end. */
	rq->argv = calloc(size + 1, sizeof(*rq->argv));
	if (!rq->argv)
		die("calloc");
	for (; at < end; at += strlen(at) + 1)
		rq->argv[n++] = at;
}

void set_environment(const struct request *rq)
{
	clearenv();
	setenv("TERM", *rq->term ? rq->term : "dumb", 1);
	for (char **e = rq->env; *e; e++)
		putenv(*e);
}

void become_command(const struct request *rq, const int fds[3], bool has_tty)
{
	int e;

	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (has_tty)
		ioctl(fds[0], TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
	if (chdir(rq->cwd)) {
		dprintf(2, "vm: no directory %s in the guest, using /\n", rq->cwd);
		if (chdir("/"))
			_exit(126);
	}
	execvp(rq->argv[0], rq->argv);
	e = errno;
	dprintf(2, "vm: %s: %s\n", rq->argv[0], strerror(e));
	_exit(e == ENOENT ? 127 : 126);
}
