/* SPDX-License-Identifier: GPL-2.0-only */
/* A private mapping of a file that grows, and is truncated, behind pages that nobody has touched. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pages.h"

#define PAGES 64

/* Each page tells its number. */
static void grow(int from, int to)
{
	for (int i = from; i < to; i++)
		put(i, 'a' + i % 26);
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
