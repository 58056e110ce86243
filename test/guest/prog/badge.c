/* SPDX-License-Identifier: GPL-2.0-only */
/* Says which file it is, and as whom it runs: for a set-uid copy, and for a forged one. */
#include <unistd.h>

#include "prog.h"

int main(void)
{
	say("the badge-of-honest is worn by %d", (int)geteuid());
	return 0;
}
