// SPDX-License-Identifier: GPL-2.0-only
/* Refusals with a sentence: errno cannot name the CPU, or the rule. */
#include "base/base.h"

int ihk_refuse(char *msg, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(msg, IHK_MSG_SIZE, fmt, args);
	va_end(args);
	return err;
}
