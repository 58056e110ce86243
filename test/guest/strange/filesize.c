/* SPDX-License-Identifier: GPL-2.0-only */
/* A private mapping of a file that grows, and is truncated, behind pages that nobody has touched. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "strange.h"

#define PAGES 64

static int fd;
static char *p;

/* Each page tells its number. */
static void grow(int from, int to)
{
	char page[PAGE];

	for (int i = from; i < to; i++) {
		memset(page, 'a' + i % 26, sizeof(page));
		NEED(pwrite(fd, page, sizeof(page), i * PAGE) == sizeof(page));
	}
}

static void look(int page)
{
	struct fault f = fault_read(p + page * PAGE);

	if (f.signo)
		say("page %d: signal %d, code %d", page, f.signo, f.code);
	else
		say("page %d: %c", page, p[page * PAGE]);
}

/* Linux looks at it for us. */
static void write_out(int page)
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

int main(void)
{
	char name[] = "filesize.XXXXXX";

	fd = mkstemp(name);
	NEED(fd >= 0 && unlink(name) == 0);
	grow(0, 2);
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	look(2);
	write_out(3);
	grow(2, 40);
	look(2);
	write_out(3);
	look(30);
	look(40);
	write_out(41);
	p[39 * PAGE] = '!';
	look(39);
	NEED(ftruncate(fd, 0) == 0);
	grow(0, 1);
	look(60);
	write_out(61);
	prog_exit();
}
