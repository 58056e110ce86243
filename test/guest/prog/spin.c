/* SPDX-License-Identifier: GPL-2.0-only */
/* Says that it is ready, and computes until it is killed: spin [sleep|talk|wait|read]. */
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prog.h"

static void on_continue(int signo)
{
	(void)signo;
	say("continued");
}

int main(int argc, char **argv)
{
	static int word;
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "talk") == 0)
		signal(SIGCONT, on_continue);
	say("ready");
	if (strcmp(how, "sleep") == 0)
		pause();
	/* Where it needs nothing of Linux. */
	if (strcmp(how, "wait") == 0)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	/* Linux puts something where nothing has been yet. */
	if (strcmp(how, "read") == 0)
		NEED(read(open("/dev/zero", O_RDONLY), prog_map(PAGE), 1) == 1);
	for (;;)
		;
}
