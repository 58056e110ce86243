/* SPDX-License-Identifier: GPL-2.0-only */
/* Copying between the kernel and the memory of the current program. */
#include "mck/errno.h"
#include "x86.h"

extern const struct extable_entry extable_start[], extable_end[]; /* mckernel.lds */
extern u8 smap_on;

u64 extable_find(u64 rip)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
		if (e->from == rip)
			return e->to;
	}
	return 0;
}

static void user_begin(void)
{
	if (smap_on)
		__asm__ volatile("stac" : : : "memory", "cc");
}

static void user_end(void)
{
	if (smap_on)
		__asm__ volatile("clac" : : : "memory", "cc");
}

static bool user_range(u64 start, size_t size)
{
	return size <= USER_END && start <= USER_END - size;
}

/* What is left of size at the fault that was not served. */
static size_t usercopy_try(void *dst, const void *src, size_t size)
{
	size_t words = size / 8, rest = size % 8;

	user_begin();
	__asm__ volatile("1: rep movsq\n"
			 "	mov %3, %2\n"
			 "2: rep movsb\n"
			 "	jmp 4f\n"
			 "3:	lea (%3, %2, 8), %2\n"
			 "4:\n" EXTABLE("1b", "3b") EXTABLE("2b", "4b")
			 : "+D"(dst), "+S"(src), "+c"(words)
			 : "r"(rest)
			 : "memory");
	user_end();
	return words;
}

int copy_from_user(void *dst, u64 src, size_t size)
{
	assert_no_lock();
	if (!user_range(src, size))
		return -EFAULT;
	return usercopy_try(dst, (const void *)src, size) ? -EFAULT : 0;
}

int copy_to_user(u64 dst, const void *src, size_t size)
{
	assert_no_lock();
	if (!user_range(dst, size))
		return -EFAULT;
	return usercopy_try((void *)dst, src, size) ? -EFAULT : 0;
}

int clear_user(u64 dst, size_t size)
{
	assert_no_lock();
	if (!user_range(dst, size))
		return -EFAULT;
	user_begin();
	__asm__ volatile("1: rep stosb\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+D"(dst), "+c"(size)
			 : "a"(0)
			 : "memory");
	user_end();
	return size ? -EFAULT : 0;
}

int arch_user_load(u64 addr, u32 *value)
{
	int err = -EFAULT;
	u32 loaded = 0;

	if (!user_range(addr, sizeof(*value)))
		return -EFAULT;
	user_begin();
	__asm__ volatile("1: mov (%2), %1\n"
			 "	xor %0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err), "+r"(loaded)
			 : "r"(addr)
			 : "memory", "cc");
	user_end();
	*value = loaded;
	return err;
}

int arch_user_exchange(u64 addr, u32 *old, u32 new)
{
	int err = -EFAULT;
	u32 found = *old;

	if (!user_range(addr, sizeof(*old)))
		return -EFAULT;
	user_begin();
	__asm__ volatile("1: lock cmpxchg %2, (%3)\n"
			 "	mov $0, %0\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : "+r"(err), "+a"(found)
			 : "r"(new), "r"(addr)
			 : "memory", "cc");
	user_end();
	*old = found;
	return err;
}

long strncpy_from_user(char *dst, u64 src, size_t size)
{
	size_t done = 0;

	assert_no_lock();
	/* Page by page: what lies behind the end of the string need not exist. */
	while (done < size) {
		size_t part = MIN(size - done, PAGE_SIZE - (src + done) % PAGE_SIZE);
		size_t length;

		if (copy_from_user(dst + done, src + done, part))
			return -EFAULT;
		length = strnlen(dst + done, part);
		done += length;
		if (length < part)
			return (long)done;
	}
	return -ENAMETOOLONG;
}
