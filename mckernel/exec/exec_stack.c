/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds what a program finds on its stack: argc, argv, envp, auxv, below the strings. */
#include "mck/errno.h"
#include "mck/exec.h"

#define AT_NULL 0
#define AT_PLATFORM 15
#define AT_RANDOM 25
#define AT_EXECFN 31

/* The program's pages, through its tables: nobody else has them yet. */
static u8 *page_of(u64 root_pa, u64 va)
{
	int level;
	const u64 *entry = pt_leaf(root_pa, va, &level);
	u64 offset;

	if (!entry || !(*entry & PTE_PRESENT))
		return NULL;
	offset = va & (pt_span(level) - 1);
	return (u8 *)pa_to_va(*entry & PTE_ADDR_MASK & ~(pt_span(level) - 1)) + offset;
}

int exec_write(u64 root_pa, u64 va, const void *src, size_t size)
{
	const u8 *from = src;

	while (size) {
		size_t piece = MIN(size, PAGE_SIZE - (va & ~PAGE_MASK));
		u8 *to = page_of(root_pa, va);

		if (!to)
			return -EFAULT;
		memcpy(to, from, piece);
		va += piece;
		from += piece;
		size -= piece;
	}
	return 0;
}

/* The address behind the string at va, 0 if it does not end below `end`. */
static u64 string_next(u64 root_pa, u64 va, u64 end)
{
	while (va < end) {
		size_t piece = MIN(end - va, PAGE_SIZE - (va & ~PAGE_MASK));
		const char *s = (const char *)page_of(root_pa, va);
		size_t length;

		if (!s)
			return 0;
		length = strnlen(s, piece);
		va += length;
		if (length < piece)
			return va + 1;
	}
	return 0;
}

/* Writes words upwards. */
struct words {
	u64 root_pa, at;
	int err;
};

static void put(struct words *w, u64 value)
{
	if (!w->err)
		w->err = exec_write(w->root_pa, w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

/* The addresses of `count` strings from *string on, and a NULL. */
static void put_strings(struct words *w, u64 *string, u64 end, u64 count)
{
	for (u64 i = 0; i < count && !w->err; i++) {
		u64 next = string_next(w->root_pa, *string, end);

		put(w, *string);
		if (!next)
			w->err = -EFAULT;
		*string = next;
	}
	put(w, 0);
}

static void auxv_add(struct exec_stack *stack, u64 type, u64 value)
{
	kassert(stack->auxv_count < EXEC_AUXV_MAX);
	stack->auxv[stack->auxv_count][0] = type;
	stack->auxv[stack->auxv_count++][1] = value;
}

int exec_stack_build(u64 root_pa, struct exec_stack *stack, u64 *sp)
{
	static const char platform[] = ARCH_PLATFORM;
	struct words w = { .root_pa = root_pa };
	u64 string = stack->string_start;
	u64 words, at;

	if (stack->argc > EXEC_STRINGS_MAX || stack->envc > EXEC_STRINGS_MAX)
		return -EFAULT;
	at = ALIGN_DOWN(stack->string_start - stack->gap, 16UL);
	at -= sizeof(platform);
	w.err = exec_write(root_pa, at, platform, sizeof(platform));
	auxv_add(stack, AT_PLATFORM, at);
	at -= sizeof(stack->random);
	if (!w.err)
		w.err = exec_write(root_pa, at, stack->random, sizeof(stack->random));
	auxv_add(stack, AT_RANDOM, at);
	auxv_add(stack, AT_EXECFN, stack->execfn);
	auxv_add(stack, AT_NULL, 0);

	words = 1 + stack->argc + 1 + stack->envc + 1 + 2 * stack->auxv_count;
	w.at = ALIGN_DOWN(at - words * sizeof(u64), 16UL);
	*sp = w.at;
	put(&w, stack->argc);
	put_strings(&w, &string, stack->string_end, stack->argc);
	put_strings(&w, &string, stack->string_end, stack->envc);
	for (u32 i = 0; i < stack->auxv_count; i++) {
		put(&w, stack->auxv[i][0]);
		put(&w, stack->auxv[i][1]);
	}
	return w.err;
}
