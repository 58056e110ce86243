/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of page tables: finding, making, splitting them, and freeing tables under walkers. */
#include "mck/errno.h"
#include "internal.h"

bool pte_lent(u64 e, int level)
{
	const struct frame *f;

	if (pte_is_mirror(e))
		return false;
	if (e & PTE_LENT)
		return true;
	f = frame_of(pte_pa(e));
	for (u32 i = 0; i < (level == 2 ? HUGE_PAGES : 1); i++)
		if (frame_is_marked(&f[i]))
			return true;
	return false;
}

/*
 * Accessed and dirty are set from the start, so that the hardware never
 * writes an entry and a compare-and-swap fails only because of the mark.
 */
u64 pte_make(const struct region *r, u64 pa, int level, bool own)
{
	u64 e = pa | (own ? PTE_OWN : 0) | (level == 2 ? PTE_HUGE : 0);

	if (!r || !(r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		return e | PTE_HELD;
	e |= PTE_PRESENT | PTE_USER | PTE_ACCESSED;
	if ((r->prot & PROT_WRITE) && (own || (r->flags & REGION_SHARED)))
		e |= PTE_WRITE | PTE_DIRTY;
	if (!(r->prot & PROT_EXEC))
		e |= PTE_NX;
	return e;
}

u64 pte_remake(const struct region *r, u64 old, int level)
{
	return pte_make(r, pte_pa(old), level, old & PTE_OWN) | (old & PTE_LENT);
}

/* The entry for va in the table of level 1 that was used last, or NULL. */
static inline u64 *low_entry(const struct space *s, u64 va)
{
	if (!s->low_table || s->low_va != ALIGN_DOWN(va, HUGE_SIZE))
		return NULL;
	return &s->low_table[pt_index(va, 1)];
}

u64 *entry_at(struct space *s, u64 va, int *level)
{
	u64 *low = low_entry(s, va);
	u64 *table = pa_to_va(s->root_pa);

	if (low) {
		*level = 1;
		return low;
	}
	for (int l = PT_LEVELS;; l--) {
		u64 *pte = &table[pt_index(va, l)];
		u64 e = pte_load(pte);

		if (!pte_is_table(e, l)) {
			*level = l;
			return pte;
		}
		table = pa_to_va(pte_pa(e));
		if (l == 2) {
			s->low_table = table;
			s->low_va = ALIGN_DOWN(va, HUGE_SIZE);
		}
	}
}

static u64 word_at(const u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static u64 any_of_eight(const u64 *w)
{
	return word_at(w) | word_at(w + 1) | word_at(w + 2) | word_at(w + 3) | word_at(w + 4) |
	       word_at(w + 5) | word_at(w + 6) | word_at(w + 7);
}

/* The first entry from `i` on that is not empty, or PT_ENTRIES. Most are, in a sparse space. */
static u32 next_used(const u64 *table, u32 i)
{
	while (i < PT_ENTRIES) {
		if (!(i % 8) && !any_of_eight(&table[i]))
			i += 8;
		else if (word_at(&table[i]))
			break;
		else
			i++;
	}
	return i;
}

u64 *entry_next(struct space *s, u64 *va, u64 end, int *level)
{
	u64 *low = *va < end ? low_entry(s, *va) : NULL;

	/* Most come one behind the other. */
	if (low && word_at(low)) {
		*level = 1;
		return low;
	}
	for (u32 steps = 0; *va < end && steps < 2 * LOOP_TURN; steps++) {
		u64 *pte = entry_at(s, *va, level);
		u64 span = pt_span(*level);
		u32 first = pt_index(*va, *level);
		u32 used = next_used(pte - first, first);

		if (used > first)
			*va = ALIGN_DOWN(*va, span) + (used - first) * span;
		pte += used - first;
		if (used < PT_ENTRIES && *va < end && !pte_is_table(pte_load(pte), *level))
			return pte;
	}
	return NULL;
}

static bool table_is_empty(const u64 *table)
{
	return next_used(table, 0) == PT_ENTRIES;
}

/* The table is not in the space any more; who may still walk in it is minded by tables_release(). */
static void table_unlink(struct space *s, u64 *pte)
{
	u64 pa = pte_pa(pte_swap(pte, PTE_NONE));

	if (s->low_table == pa_to_va(pa))
		s->low_table = NULL;
	list_add(&s->dead_tables, &frame_of(pa)->link);
}

u64 *entry_make(struct space *s, u64 va, int level)
{
	int at;
	u64 *pte = entry_at(s, va, &at);

	assert_held(&s->lock);
	if (at == level)
		return pte;
	/* Below: the table that stands there. Above: nothing does, tables are made. */
	kassert(at < level || pte_load(pte) == 0);
	return pt_entry(s->root_pa, va, level, at > level);
}

u64 *entry_large(struct space *s, u64 va)
{
	u64 *pte = entry_make(s, va, 2);
	u64 e;

	if (!pte)
		return NULL;
	e = pte_load(pte);
	if (pte_is_table(e, 2) && table_is_empty(pa_to_va(pte_pa(e))))
		table_unlink(s, pte);
	return pte_load(pte) ? NULL : pte;
}

int entry_split(struct space *s, u64 *pte, u64 va)
{
	u64 table = page_alloc_zero(0, -1);
	u64 *child;
	u64 old;

	assert_held(&s->lock);
	if (!table)
		return -ENOMEM;
	old = pte_swap(pte, PTE_BUSY);
	/*
	 * Break before make: no CPU may hold the large translation when small
	 * ones appear. A walker of the module that comes now finds a miss; one
	 * that has set the mark before did so in `old`.
	 */
	va = ALIGN_DOWN(va, HUGE_SIZE);
	if (old & PTE_PRESENT)
		arch_flush_space(s, va, va + HUGE_SIZE);
	child = pa_to_va(table);
	for (u32 i = 0; i < HUGE_PAGES; i++)
		child[i] = (old & ~PTE_HUGE) + i * PAGE_SIZE;
	pte_swap(pte, table | PTE_PRESENT | PTE_WRITE | PTE_USER);
	return 0;
}

int entry_edge(struct space *s, u64 va)
{
	int level;
	u64 *pte;
	u64 e;

	if (!(va & (HUGE_SIZE - 1)))
		return 0;
	pte = entry_at(s, va, &level);
	e = pte_load(pte);
	if (level != 2 || !e)
		return 0;
	if (pte_is_busy(e))
		return -EBUSY;
	return entry_split(s, pte, va);
}

/* Claims do not overlap: the one that covers our range is ours. */
static bool others_claim(struct space *s, u64 start, u64 end, u64 own_start, u64 own_end)
{
	for (struct claim *c = s->claims; c; c = c->next)
		if (c->start < end && start < c->end &&
		    !(c->start <= own_start && own_end <= c->end))
			return true;
	return false;
}

/*
 * Tables of the higher levels stay until the space ends: they are few. The
 * page is chained by its frame, since a walker may still read its words.
 */
bool tables_prune(struct space *s, u64 *va, u64 end, u64 own_start, u64 own_end)
{
	assert_held(&s->lock);
	*va = ALIGN_UP(*va, HUGE_SIZE);
	for (u32 steps = 0; *va + HUGE_SIZE <= end; steps++) {
		int level;
		u64 *pte = entry_at(s, *va, &level);

		if (steps == LOOP_TURN)
			return false;
		if (level > 1) {
			*va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
			continue;
		}
		if (!others_claim(s, *va, *va + HUGE_SIZE, own_start, own_end) &&
		    table_is_empty(pte))
			table_unlink(s, pt_entry(s->root_pa, *va, 2, false));
		*va += HUGE_SIZE;
	}
	return true;
}

/*
 * Two flips, as abi/pte.h says: a walker that read the epoch before the first
 * flip may count itself in only after it, and is then seen by the second.
 * Spinning under the lock is short: walkers run with preemption off and take
 * no lock of ours.
 */
static void wait_for_walkers(struct space *s)
{
	struct space_epoch *e = s->epoch;

	for (int flip = 0; flip < 2; flip++) {
		u32 old = __atomic_fetch_add(&e->epoch, 1, __ATOMIC_SEQ_CST);

		while (__atomic_load_n(&e->walkers[old & 1], __ATOMIC_SEQ_CST))
			arch_relax();
	}
}

void tables_release(struct space *s)
{
	LIST_HEAD(dead);
	struct frame *f, *next;
	u32 n = 0;

	assert_no_lock();
	spin_lock(&s->lock);
	if (!list_empty(&s->dead_tables)) {
		/* CPUs cache upper levels too. */
		arch_flush_space(s, 0, SHADOW_END);
		wait_for_walkers(s);
		list_insert_before(s->dead_tables.next, &dead);
		list_del(&s->dead_tables);
	}
	spin_unlock(&s->lock);
	list_for_each_safe(f, next, &dead, link) {
		list_del(&f->link);
		page_free(frame_pa(f), 0);
		if (++n % LOOP_TURN == 0)
			mm_turn();
	}
}

static void table_free(u64 pa, int level, u32 *freed)
{
	u64 *table = pa_to_va(pa);
	/* The upper half of the root is the kernel's. */
	u32 count = level == PT_LEVELS ? PT_ENTRIES / 2 : PT_ENTRIES;

	if (level > 1)
		for (u32 i = next_used(table, 0); i < count; i = next_used(table, i + 1))
			if (pte_is_table(table[i], level))
				table_free(pte_pa(table[i]), level - 1, freed);
	page_free(pa, 0);
	if (++*freed % LOOP_TURN == 0)
		mm_turn();
}

void tables_free_all(struct space *s)
{
	u32 freed = 0;

	spin_lock(&s->lock);
	arch_flush_space(s, 0, SHADOW_END);
	wait_for_walkers(s);
	spin_unlock(&s->lock);
	tables_release(s);
	table_free(s->root_pa, PT_LEVELS, &freed);
}
