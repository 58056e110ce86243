/* SPDX-License-Identifier: GPL-2.0-only */
/* What the strange programs say of their calls, so that two runs can be compared byte for byte. */
#ifndef STRANGE_H
#define STRANGE_H

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

/* "what: ok" or "what: EINVAL". The result itself is not shown: it may be an address. */
static inline long try_result(const char *what, long result)
{
	int error = errno;

	say("%s: %s", what, result == -1 ? strerrorname_np(error) : "ok");
	errno = error;
	return result;
}
#define TRY(call) try_result(#call, (long)(call))
/* The same under a name that tells more than the call's text. */
#define TRY_AS(name, call) try_result(name, (long)(call))

/* The same, and where the result lies from `base` on, in pages. */
static inline void *try_place(const char *what, void *result, const void *base)
{
	int error = errno;

	if (result == (void *)-1)
		say("%s: %s", what, strerrorname_np(error));
	else
		say("%s: at %ld", what, ((long)result - (long)base) / (long)PAGE);
	return result;
}
#define TRY_AT(base, call) try_place(#call, call, base)

/* In a child, whose end is told. */
static inline void apart(const char *name, void (*body)(void))
{
	pid_t pid = fork();
	int status;

	NEED(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	status = prog_wait(pid);
	if (WIFSIGNALED(status))
		say("%s: killed by SIG%s", name, sigabbrev_np(WTERMSIG(status)));
	else
		say("%s: exit %d", name, WEXITSTATUS(status));
}

#endif
