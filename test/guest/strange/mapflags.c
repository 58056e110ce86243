/* SPDX-License-Identifier: GPL-2.0-only */
/* What mmap and munmap refuse, and with which error. */
#include <sys/mman.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

int main(void)
{
	TRY(mmap(NULL, 0, RW, ANON, -1, 0));
	TRY(mmap(NULL, -1UL, RW, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, RW, ANON, -1, 1));
	TRY(mmap((void *)0x123, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	TRY(mmap((void *)0x7ffffffff000, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	TRY(mmap((void *)0x800000000000, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	TRY(mmap((void *)-PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	TRY(mmap((void *)-PAGE, PAGE, RW, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	TRY(munmap((void *)0x7ffffffff000, PAGE));
	TRY(munmap((void *)0x7fffffffe000, 2 * PAGE));
	TRY(munmap((void *)0x123, PAGE));
	TRY(munmap(NULL, 0));
	return 0;
}
