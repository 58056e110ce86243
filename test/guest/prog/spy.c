/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads or writes another process's memory: spy read|watch|write PID ADDRESS [TEXT]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "prog.h"

int main(int argc, char **argv)
{
	char text[64] = { 0 };
	struct iovec here = { text, 9 }, there = { NULL, 9 };
	ssize_t n;

	if (argc < 4)
		return 2;
	there.iov_base = (void *)strtoul(argv[3], NULL, 16);
	if (strcmp(argv[1], "write") == 0) {
		snprintf(text, sizeof(text), "%s", argc > 4 ? argv[4] : "overwrite");
		n = process_vm_writev(atoi(argv[2]), &here, 1, &there, 1, 0);
		say(n < 0 ? "%s" : "%s%zd", n < 0 ? strerror(errno) : "wrote ", n);
	} else if (strcmp(argv[1], "watch") == 0) {
		/* Until it has ended, whatever is there meanwhile. */
		do {
			n = process_vm_readv(atoi(argv[2]), &here, 1, &there, 1, 0);
		} while (n >= 0 || errno != ESRCH);
		return 0;
	} else {
		n = process_vm_readv(atoi(argv[2]), &here, 1, &there, 1, 0);
		say("%s", n < 0 ? strerror(errno) : text);
	}
	return n < 0;
}
