/* SPDX-License-Identifier: GPL-2.0-only */
/* As many mappings as there may be: what fails at the limit, and fork, mprotect, munmap and exit with all of them. */
#include <sys/mman.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define LIMIT 65530
#define PLACE ((char *)0x500000000000)

static char *page(long n)
{
	return PLACE + n * PAGE;
}

static void *map_at(char *p)
{
	return mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void child(void)
{
	int good = 0;

	for (long i = 0; i < 65000; i += 1000)
		good += *page(2 * i) == (char)i;
	say("the child sees %d", good);
	*page(0) = 99;
	TRY(munmap(page(0), PAGE));
	TRY(mprotect(page(2), PAGE, PROT_READ));
	TRY_AS("all of a child's away", munmap(PLACE, 200000 * PAGE));
}

int main(void)
{
	long n = 0;

	/* One of three pages, which can be split, and then each second page. */
	NEED(mmap(page(-4), 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	     page(-4));
	while (map_at(page(2 * n)) != MAP_FAILED)
		n++;
	/* How many a program has before differs a little. */
	say("full at some %s mappings, %s", n > LIMIT - 60 && n < LIMIT ? "65,500" : "other",
	    strerrorname_np(errno));
	TRY(mprotect(page(-3), PAGE, PROT_READ));
	TRY(munmap(page(-3), PAGE));
	TRY(madvise(page(-3), PAGE, MADV_DONTFORK));
	TRY(mremap(page(-4), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	TRY(mremap(page(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page(-9)));
	TRY(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	TRY_AS("brk", sbrk(PAGE));
	TRY(madvise(page(-3), PAGE, MADV_DONTNEED));
	TRY(mprotect(page(-4), 3 * PAGE, PROT_READ));
	TRY(munmap(page(-4), PAGE));
	TRY(munmap(page(-2), PAGE));
	TRY(munmap(page(-3), PAGE));
	/* Room again: what follows may need some. */
	TRY(munmap(page(2 * (n - 40)), 100 * PAGE));
	for (long i = 0; i < 65000; i += 1000)
		*page(2 * i) = (char)i;
	apart("a child", child);
	apart("another", child);
	say("the parent still has %d", *page(0));
	TRY(mprotect(PLACE, 200000 * PAGE, PROT_READ));
	TRY(munmap(PLACE, 200000 * PAGE));
	TRY((long)map_at(page(0)));
	return 0;
}
