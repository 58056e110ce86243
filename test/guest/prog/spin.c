/* SPDX-License-Identifier: GPL-2.0-only */
/* Says that it is ready, and computes until it is killed: spin [sleep|talk]. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "prog.h"

static void on_continue(int signo)
{
	(void)signo;
	say("continued");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "talk") == 0)
		signal(SIGCONT, on_continue);
	say("ready");
	if (strcmp(how, "sleep") == 0)
		pause();
	for (;;)
		;
}
