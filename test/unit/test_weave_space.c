// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slot numbers and the end of a space, by ihk/space/space.c: a vfork's child
 * ends while its parent makes the next one, and an instance stops. Whoever has a
 * number sees the page of its own slot there, and none when the instance has gone.
 */
#include "linux_fake.h"

#include "base/base.h"
#include "object/object.h"
#include "space/space.h"

#define NUMBERS 4

static struct ihk_procs instance;
static struct ihk_space space;
static struct file file;
static struct page old, next;
static struct page *shown[NUMBERS]; /* the page table of the proxy, which both share */
static struct page fake_slots[1];

/* ---- the rest of the module and Linux ---- */

/* The steps of slot_fault() in ihk/space/window.c; vm_insert_page() leaves an entry that is there. */
static void fault(unsigned int number)
{
	struct page *page;

	down_read(&space.insert);
	page = xa_load(&space.slots, number);
	weave_step(&shown[number], true);
	if (page && !shown[number])
		shown[number] = page;
	up_read(&space.insert);
}

/* An access of the proxy: the page that it reaches, or NULL: it is killed. */
static struct page *touch(unsigned int number)
{
	weave_step(&shown[number], false);
	if (!shown[number])
		fault(number);
	weave_step(&shown[number], false);
	return shown[number];
}

void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t count, bool even)
{
	pgoff_t number = start ? start - (PROXY_SLOTS >> PAGE_SHIFT) : 0;
	pgoff_t end = count ? number + count : NUMBERS;

	(void)mapping, (void)even;
	for (; number < end; number++) {
		weave_step(&shown[number], true);
		shown[number] = NULL;
	}
}

/* Nothing of Linux's is mirrored here. */
void ihk_mirror_init(struct ihk_space *of)
{
	(void)of;
}

void ihk_mirror_close(struct ihk_space *of)
{
	(void)of;
}

void ihk_mirror_end(struct ihk_space *of)
{
	(void)of;
}

void ihk_ranges_init(struct ihk_space *of)
{
	(void)of;
}

void ihk_ranges_free(struct ihk_space *of)
{
	(void)of;
}

struct file *get_file(struct file *f)
{
	return f;
}

void fput(struct file *f)
{
	(void)f;
}

/* ---- the cases ---- */

static void setup(void)
{
	space.file = &file;
	space.procs = &instance;
	weave_assert(ihk_space_add_slot(&space, -1, fake_slots) == 0); /* the parent's own */
	weave_assert(ihk_space_add_slot(&space, -1, &old) == 1);
	weave_assert(touch(1) == &old);
}

/* The old child, whose slot the next twin of another program may get. */
static void end(void)
{
	ihk_space_drop_slot(&space, 1);
	weave_step(&shown[1], false);
	weave_assert(shown[1] != &old);
}

/* The parent: the next child takes its request from its slot. */
static void birth(void)
{
	int number = ihk_space_add_slot(&space, -1, &next);

	weave_assert(number == 1 || number == 2);
	weave_assert(touch(number) == &next);
	weave_assert(touch(number) == &next);
}

/* A third process on the same memory looks where it should not. */
static void stranger(void)
{
	touch(1);
}

static void check(void)
{
	weave_assert(shown[1] != &old && space.twins == 2);
}

/*
 * The instance stops while the last twin ends: behind it no page of the
 * instance is shown, whoever takes the space away, and it waits asleep.
 */
static void setup_stop(void)
{
	setup();
	ihk_space_drop_slot(&space, 0);
	space.id = 1;
	/* A page of the program, which a foreign reader's reference of the mm would keep. */
	shown[3] = &next;
	/* Ours, and the table's. */
	space.ref.refs = 2;
	weave_assert(xa_insert(&instance.spaces, 1, &space, GFP_KERNEL) == 0);
}

static void end_last(void)
{
	ihk_space_drop_slot(&space, 1);
}

static void stop(void)
{
	ihk_space_retire_all(&instance);
	for (unsigned int i = 0; i < NUMBERS; i++) {
		weave_step(&shown[i], false);
		weave_assert(!shown[i]);
	}
}

static void check_stop(void)
{
	weave_assert(!space.file && space.dead && xa_empty(&instance.spaces));
	weave_assert(space.ref.refs == 1);
}

static const struct weave_case cases[] = {
	{ "a number passes on", NULL, setup, { end, birth, stranger }, check, 3 },
	{ "a stop meets the last end", NULL, setup_stop, { end_last, stop }, check_stop, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}

/* ---- what space.c names, and this case does not reach ---- */

const struct file_operations ihk_space_fops;

void ihk_procs_put(struct ihk_procs *procs)
{
	(void)procs;
	weave_fail("the last space is freed");
}

struct file *ihk_pseudo_file(const char *name, const struct file_operations *fops, void *private)
{
	(void)name, (void)fops, (void)private;
	return ERR_PTR(-ENOMEM);
}

void *ihk_os_mem(struct ihk_os *os, u64 pa, u64 size)
{
	(void)os, (void)pa, (void)size;
	return NULL;
}

int deny_write_access(struct file *f)
{
	(void)f;
	return 0;
}

void allow_write_access(struct file *f)
{
	(void)f;
}
