// SPDX-License-Identifier: GPL-2.0-only
/* New images: plans of ELF files, good and bad, and the initial stack read as a program reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/layout.h"
#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/exec.h"
#include "mck/mman.h"

/* ---- plans ---- */

#define SEGMENTS 2000
static struct exec_segment segments[SEGMENTS];
static struct exec_plan plan = { .segment = segments };
static struct exec_elf elf = { .file_id = 1, .type = ET_DYN, .phnum = 1, .phoff = 64 };

static struct elf_phdr load(u64 vaddr, u64 offset, u64 filesz, u64 memsz, u32 flags)
{
	return (struct elf_phdr){ .type = PT_LOAD,
				  .flags = flags,
				  .offset = offset,
				  .vaddr = vaddr,
				  .filesz = filesz,
				  .memsz = memsz,
				  .align = 0x1000 };
}

static int try(struct elf_phdr p)
{
	elf.phnum = 1;
	return exec_plan(&elf, &p, SHADOW_END, &plan);
}

static void test_plan(void **state)
{
	struct elf_phdr p[] = {
		{ .type = 6, .vaddr = 64, .offset = 64, .filesz = 99, .memsz = 99 },
		load(0, 0, 0x740, 0x740, PF_R),
		load(0x1000, 0x1000, 0x1234, 0x1234, PF_R | PF_X),
		load(0x4df0, 0x3df0, 0x220, 0x3000, PF_R | PF_W),
	};
	const struct exec_segment *s = plan.segment;

	(void)state;
	p[3].align = 0x200000;
	elf.phnum = 4;
	assert_int_equal(exec_plan(&elf, p, SHADOW_END, &plan), 0);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan.start, 0);
	assert_int_equal(plan.end, 0x8000);
	assert_int_equal(plan.align, 0x200000);
	assert_int_equal(plan.phdr, 64);
	assert_int_equal(s[1].file_end, 0x3000);
	assert_int_equal(s[1].end, 0x3000);
	assert_int_equal(s[1].pgoff, 1);
	assert_int_equal(s[1].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(s[1].zero_start, s[1].zero_end);
	assert_int_equal(s[2].start, 0x4000);
	assert_int_equal(s[2].pgoff, 3);
	assert_int_equal(s[2].file_end, 0x6000);
	assert_int_equal(s[2].end, 0x8000);
	assert_int_equal(s[2].zero_start, 0x5010);
	assert_int_equal(s[2].zero_end, 0x6000);
}

static void test_plan_bss_only(void **state)
{
	(void)state;
	assert_int_equal(try(load(0x2000, 0x999, 0, 0x100, PF_R | PF_W)), 0);
	assert_int_equal(plan.segment[0].start, 0x2000);
	assert_int_equal(plan.segment[0].file_end, 0x2000);
	assert_int_equal(plan.segment[0].end, 0x3000);
	assert_int_equal(plan.segment[0].zero_start, plan.segment[0].zero_end);
	/* Inside of a page: what the file has before it is seen, so the places have to agree. */
	assert_int_equal(try(load(0x2345, 0x999, 0, 0x100, PF_R | PF_W)), -EINVAL);
	assert_int_equal(try(load(0x2345, 0x1345, 0, 0x1100, PF_R | PF_W)), 0);
	assert_int_equal(plan.segment[0].start, 0x2000);
	assert_int_equal(plan.segment[0].pgoff, 1);
	assert_int_equal(plan.segment[0].file_end, 0x3000);
	assert_int_equal(plan.segment[0].end, 0x4000);
	assert_int_equal(plan.segment[0].zero_start, 0x2345);
	assert_int_equal(plan.segment[0].zero_end, 0x3000);
}

/* A later segment in the page that an earlier one's zeroes would go to. */
static void test_plan_covered_zeroes(void **state)
{
	const struct elf_phdr p[] = {
		load(0x1000, 0x1000, 0x1100, 0x1200, PF_R | PF_W),
		load(0x2800, 0x3800, 0x100, 0x100, PF_R | PF_W),
		load(0x4000, 0x4000, 0x100, 0x200, PF_R | PF_W),
	};

	(void)state;
	elf.phnum = ARRAY_SIZE(p);
	assert_int_equal(exec_plan(&elf, p, SHADOW_END, &plan), 0);
	assert_int_equal(plan.segment[0].zero_start, plan.segment[0].zero_end);
	assert_int_equal(plan.segment[2].zero_start, 0x4100);
	assert_int_equal(plan.segment[2].zero_end, 0x5000);
}

static void test_plan_refused(void **state)
{
	(void)state;
	assert_int_equal(try(load(0x1000, 0x1000, 2, 1, PF_R)), -EINVAL);
	assert_int_equal(try(load(0x1010, 0x1000, 1, 1, PF_R)), -EINVAL);
	assert_int_equal(try(load(SHADOW_END, 0, 1, 1, PF_R)), -ENOMEM); /* the window */
	assert_int_equal(try(load(SHADOW_END - 1, 0xfff, 1, 2, PF_R)), -ENOMEM);
	assert_int_equal(try(load(USER_END, 0, 1, 1, PF_R)), -EINVAL);
	assert_int_equal(try(load(0x1000, 0, 0, ~0UL - 5, PF_R)), -EINVAL);
	assert_int_equal(try(load(~0UL - 0xfff, 0, 0x1000, 0x1000, PF_R)), -EINVAL);
	assert_int_equal(try(load(0x1000, ~0UL - 0xfff, 0x2000, 0x2000, PF_R)), -EINVAL);
	assert_int_equal(try((struct elf_phdr){ .type = 6 }), -EINVAL);
	elf.type = 1;
	assert_int_equal(try(load(0x1000, 0x1000, 1, 1, PF_R)), -EINVAL);
	elf.type = ET_EXEC;
	assert_int_equal(try(load(0x1000, 0x1000, 1, 1, PF_R)), 0); /* Linux asks who may */
	assert_int_equal(try(load(0x400000, 0, 1, 1, PF_R)), 0);
	elf.type = ET_DYN;
}

/* As many as Linux reads, and more. */
static void test_plan_many(void **state)
{
	static struct elf_phdr p[SEGMENTS];

	(void)state;
	for (u32 i = 0; i < SEGMENTS; i++)
		p[i] = load(i * 0x2000UL, i * 0x2000UL, 1, i % 2 ? 1 : 0x1800, PF_R | PF_W);
	elf.phnum = SEGMENTS;
	assert_int_equal(exec_plan(&elf, p, SHADOW_END, &plan), 0);
	assert_int_equal(plan.count, SEGMENTS);
	assert_int_equal(plan.end, (SEGMENTS - 1) * 0x2000UL + 0x1000);
	assert_int_equal(
		plan.segment[SEGMENTS - 2].zero_end - plan.segment[SEGMENTS - 2].zero_start, 0xfff);
}

/* ---- the stack ---- */

#define PAGES 8
#define BASE 0x7e0000000000UL
#define TOP (BASE + PAGES * PAGE_SIZE)

/* Pages that do not lie in order, nor next to each other. */
static u8 *page[PAGES];
static u64 entry[PAGES];

u64 *pt_leaf(u64 root_pa, u64 va, int *level)
{
	assert_int_equal(root_pa, 42);
	*level = 1;
	if (va < BASE || va >= TOP)
		return NULL;
	return &entry[(va - BASE) / PAGE_SIZE];
}

void *pa_to_va(u64 pa)
{
	return (void *)pa;
}

static int make_pages(void **state)
{
	(void)state;
	for (int i = 0; i < PAGES; i++) {
		page[i] = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
		memset(page[i], 0xee, PAGE_SIZE);
		entry[i] = (u64)page[i] | PTE_PRESENT | PTE_USER | PTE_WRITE;
	}
	return 0;
}

static int free_pages(void **state)
{
	(void)state;
	for (int i = 0; i < PAGES; i++)
		free(page[i]);
	return 0;
}

static u8 *at(u64 va)
{
	return page[(va - BASE) / PAGE_SIZE] + va % PAGE_SIZE;
}

static u64 word(u64 va)
{
	u64 w;

	memcpy(&w, at(va), sizeof(w));
	return w;
}

static void string_is(u64 va, const char *expected)
{
	for (; *expected; expected++, va++)
		assert_int_equal(*at(va), *expected);
	assert_int_equal(*at(va), 0);
}

static struct exec_stack strings(void)
{
	/* The third lies over a page's end. */
	static const char text[] = "prog\0-x\0across\0A=1\0/bin/prog";
	struct exec_stack s = { .argc = 3, .envc = 1 };

	s.string_start = BASE + 6 * PAGE_SIZE - 10;
	s.string_end = s.string_start + sizeof(text);
	s.execfn = s.string_end - sizeof("/bin/prog");
	s.random[0] = 0x5a;
	s.auxv[0][0] = 6;
	s.auxv[0][1] = PAGE_SIZE;
	s.auxv_count = 1;
	assert_int_equal(exec_write(42, s.string_start, text, sizeof(text)), 0);
	return s;
}

static u64 auxv(u64 va, u64 type)
{
	for (; word(va); va += 16)
		if (word(va) == type)
			return word(va + 8);
	return 0;
}

static void check_stack(u64 gap)
{
	struct exec_stack s = strings();
	u64 sp;

	s.gap = gap;
	assert_int_equal(exec_stack_build(42, &s, &sp), 0);
	assert_int_equal(sp % 16, 0);
	assert_true(sp < s.string_start - gap);
	assert_int_equal(word(sp), 3);
	string_is(word(sp + 8), "prog");
	string_is(word(sp + 16), "-x");
	string_is(word(sp + 24), "across");
	assert_int_equal(word(sp + 32), 0);
	string_is(word(sp + 40), "A=1");
	assert_int_equal(word(sp + 48), 0);
	assert_int_equal(auxv(sp + 56, 6), PAGE_SIZE);
	string_is(auxv(sp + 56, 15), "x86_64");
	string_is(auxv(sp + 56, 31), "/bin/prog");
	assert_int_equal(*at(auxv(sp + 56, 25)), 0x5a);
	/* Nothing but the strings themselves stands above. */
	assert_true(auxv(sp + 56, 15) + 7 <= s.string_start - gap);
}

static void test_stack(void **state)
{
	(void)state;
	check_stack(0);
	check_stack(8191);
	check_stack(4000);
}

static void test_stack_refused(void **state)
{
	struct exec_stack s = strings();
	u64 sp;

	(void)state;
	s.argc = 6; /* more than there are strings */
	assert_int_equal(exec_stack_build(42, &s, &sp), -EFAULT);
	s = strings();
	s.argc = ~0UL;
	assert_int_equal(exec_stack_build(42, &s, &sp), -EFAULT);
	s = strings();
	s.string_end = TOP + 5; /* beyond what is mapped */
	s.envc = 40;
	assert_int_equal(exec_stack_build(42, &s, &sp), -EFAULT);
	s = strings();
	entry[5] = 0;
	assert_int_equal(exec_stack_build(42, &s, &sp), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_bss_only),
		cmocka_unit_test(test_plan_covered_zeroes),
		cmocka_unit_test(test_plan_refused),
		cmocka_unit_test(test_plan_many),
		cmocka_unit_test_setup_teardown(test_stack, make_pages, free_pages),
		cmocka_unit_test_setup_teardown(test_stack_refused, make_pages, free_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
