/* SPDX-License-Identifier: GPL-2.0-only */
/* A mapping of a file: pages of it are written through the file, and looked at. */
#ifndef PAGES_H
#define PAGES_H

#include "strange.h"

static int fd; /* of the file */
static char *p; /* where it is mapped */

static inline void put(int page, char c)
{
	char bytes[PAGE];

	memset(bytes, c, sizeof(bytes));
	NEED(pwrite(fd, bytes, sizeof(bytes), page * PAGE) == sizeof(bytes));
}

static inline void look_at(long offset)
{
	struct fault f = fault_read(p + offset);

	if (f.signo)
		say("byte %ld: signal %d, code %d", offset, f.signo, f.code);
	else
		say("byte %ld: %d", offset, p[offset]);
}

static inline void look(int page)
{
	look_at(page * PAGE);
}

/* Linux looks at it for us. */
static inline void write_out(int page)
{
	int out[2];
	char c = '-';

	NEED(pipe(out) == 0);
	TRY_AS("write from the page", write(out[1], p + page * PAGE, 1));
	close(out[1]);
	CHECK(read(out[0], &c, 1) >= 0);
	say("page %d: %c", page, c);
	close(out[0]);
}

#endif
