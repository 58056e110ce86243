/* SPDX-License-Identifier: GPL-2.0-only */
/* Copying and filling memory; the compiler calls these by itself. */
#include "mck/lib.h"

/* Words that may lie anywhere and alias anything. */
typedef u64 __attribute__((may_alias, aligned(1))) word;

#define LONG 128 /* bytes from which on the string instructions pay */

void *memcpy(void *dst, const void *src, size_t size)
{
	u8 *d = dst;
	const u8 *s = src;
	size_t words = size / sizeof(word);

	if (size >= LONG) {
		__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
		size %= sizeof(word);
	}
	for (; size >= sizeof(word); size -= sizeof(word)) {
		*(word *)d = *(const word *)s;
		d += sizeof(word);
		s += sizeof(word);
	}
	while (size--)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
	u8 *d = dst;
	const u8 *s = src;

	if (d <= s || d >= s + size)
		return memcpy(dst, src, size);
	for (; size >= sizeof(word); size -= sizeof(word))
		*(word *)(d + size - sizeof(word)) = *(const word *)(s + size - sizeof(word));
	while (size--)
		d[size] = s[size];
	return dst;
}

void *memset(void *dst, int c, size_t size)
{
	u8 *d = dst;
	u64 pattern = (u8)c * 0x0101010101010101UL;
	size_t words = size / sizeof(word);

	if (size >= LONG) {
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
		size %= sizeof(word);
	}
	for (; size >= sizeof(word); size -= sizeof(word)) {
		*(word *)d = pattern;
		d += sizeof(word);
	}
	while (size--)
		*d++ = (u8)c;
	return dst;
}
