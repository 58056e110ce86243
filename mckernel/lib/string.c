/* SPDX-License-Identifier: GPL-2.0-only */
/* String functions; memcpy, memmove and memset are the architecture's. */
#include "mck/lib.h"

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (; size && *x == *y; size--) {
		x++;
		y++;
	}
	return size ? *x - *y : 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max && *a && *a == *b; max--) {
		a++;
		b++;
	}
	return max ? (u8)*a - (u8)*b : 0;
}
