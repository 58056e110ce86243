/* SPDX-License-Identifier: GPL-2.0-only */
/* Says that it is ready, and computes until it is killed: spin [sleep]. */
#include <string.h>
#include <unistd.h>

#include "prog.h"

int main(int argc, char **argv)
{
	say("ready");
	if (argc > 1 && strcmp(argv[1], "sleep") == 0)
		pause();
	for (;;)
		;
}
