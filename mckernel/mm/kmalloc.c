/* SPDX-License-Identifier: GPL-2.0-only */
/* Small objects of the kernel: pages cut into pieces of one size; large ones are blocks of pages. */
#include "mck/mm.h"

#define SLAB_MAGIC 0x42414c53U /* "SLAB" */
#define MAX_SIZE (2UL << 20)

/* The sizes, so that 4096 - 64 is used up well; multiples of 16. */
static const u16 sizes[] = { 16, 32, 64, 96, 128, 144, 192, 256, 336, 496, 672, 1008, 2016 };
#define CLASSES ARRAY_SIZE(sizes)
#define STEP 16U
#define SMALL_MAX 2016U /* the largest of them */

/* The class for what takes so many steps. Constant after kmalloc_init(). */
static u8 class_by_steps[SMALL_MAX / STEP + 1];

/* The first 64 bytes of a page of pieces. Under the class's lock. */
struct slab {
	u32 magic;
	u16 class;
	u16 used; /* pieces given out */
	struct piece *free;
	struct list link; /* in the class's list while a piece is free */
	u64 pad[4];
};
_Static_assert(sizeof(struct slab) == 64, "the pieces begin behind it");

struct piece {
	struct piece *next;
};

/*
 * Pages with a free piece; one wholly free page is kept, so that a single
 * object made and freed again does not move pages. Under lock.
 */
static struct class
{
	struct spinlock lock;
	struct list partial;
	u32 empty; /* pages of `partial` without a used piece */
} classes[CLASSES];

void kmalloc_init(void)
{
	u32 steps = 0;

	for (u32 i = 0; i < CLASSES; i++) {
		spin_init(&classes[i].lock, RANK_KMALLOC);
		list_init(&classes[i].partial);
		while (steps * STEP <= sizes[i])
			class_by_steps[steps++] = (u8)i;
	}
	kassert(steps == ARRAY_SIZE(class_by_steps));
}

static struct slab *slab_new(u32 class)
{
	u64 pa = page_alloc(0, -1);
	struct slab *s;
	u32 count = (PAGE_SIZE - sizeof(*s)) / sizes[class];

	if (!pa)
		return NULL;
	s = pa_to_va(pa);
	s->magic = SLAB_MAGIC;
	s->class = (u16) class;
	s->used = 0;
	s->free = NULL;
	while (count--) {
		struct piece *p = (struct piece *)((u8 *)(s + 1) + count * sizes[class]);

		p->next = s->free;
		s->free = p;
	}
	return s;
}

static void *small_alloc(u32 class)
{
	struct class *c = &classes[class];
	struct piece *p;
	struct slab *s;

	spin_lock(&c->lock);
	if (list_empty(&c->partial)) {
		/* A new page without the lock: whose caller holds none either may have the file cache's. */
		spin_unlock(&c->lock);
		s = slab_new(class);
		if (!s)
			return NULL;
		spin_lock(&c->lock);
		list_add(&c->partial, &s->link);
		c->empty++;
	}
	s = list_entry(c->partial.next, struct slab, link);
	if (!s->used++)
		c->empty--;
	p = s->free;
	s->free = p->next;
	if (!s->free)
		list_del(&s->link);
	spin_unlock(&c->lock);
	return p;
}

static void small_free(struct slab *s, struct piece *p)
{
	struct class *c = &classes[s->class];
	bool drop = false;

	kassert(s->magic == SLAB_MAGIC);
	spin_lock(&c->lock);
	if (!s->free)
		list_add(&c->partial, &s->link);
	p->next = s->free;
	s->free = p;
	if (!--s->used) {
		drop = c->empty > 0;
		if (drop) {
			list_del(&s->link);
			s->magic = 0;
		} else {
			c->empty++;
		}
	}
	spin_unlock(&c->lock);
	if (drop)
		page_free(va_to_pa(s), 0);
}

/* A block of pages remembers its order in its first frame. */
static void *large_alloc(size_t size)
{
	unsigned int order = 0;
	u64 pa;

	while ((PAGE_SIZE << order) < size)
		order++;
	pa = page_alloc(order, -1);
	if (!pa)
		return NULL;
	frame_of(pa)->order = (u8)order;
	return pa_to_va(pa);
}

void *kmalloc(size_t size)
{
	if (size <= SMALL_MAX)
		return small_alloc(class_by_steps[(size + STEP - 1) / STEP]);
	return size <= MAX_SIZE ? large_alloc(size) : NULL;
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	if (!p)
		return;
	/* A piece never begins a page: the slab does. */
	if ((u64)p % PAGE_SIZE)
		small_free((struct slab *)((u64)p & PAGE_MASK), p);
	else
		page_free(va_to_pa(p), frame_of(va_to_pa(p))->order);
}
