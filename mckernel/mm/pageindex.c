/* SPDX-License-Identifier: GPL-2.0-only */
/* Sparse arrays of 64-bit words by page number, for file pages and shared memory. */
#include "internal.h"

/* Tables of 512 words, as many levels as the largest index needs. Under the owner's lock. */
#define INDEX_BITS 9
#define INDEX_WORDS (1U << INDEX_BITS)

static bool index_reaches(const struct page_index *x, u64 index)
{
	return x->height * INDEX_BITS >= 64 || !(index >> (x->height * INDEX_BITS));
}

static bool index_grow(struct page_index *x, u64 index)
{
	while (!x->height || !index_reaches(x, index)) {
		u64 table = page_alloc_zero(0, -1);

		if (!table)
			return false;
		if (x->height)
			*(u64 *)pa_to_va(table) = x->root_pa;
		x->root_pa = table;
		x->height++;
	}
	return true;
}

u64 *index_word(struct page_index *x, u64 index, bool create)
{
	u64 *table;

	if (!x->height || !index_reaches(x, index)) {
		if (!create || !index_grow(x, index))
			return NULL;
	}
	table = pa_to_va(x->root_pa);
	for (u32 l = x->height - 1; l > 0; l--) {
		u64 *word = &table[(index >> (l * INDEX_BITS)) & (INDEX_WORDS - 1)];

		if (!*word) {
			if (!create)
				return NULL;
			*word = page_alloc_zero(0, -1);
			if (!*word)
				return NULL;
		}
		table = pa_to_va(*word);
	}
	return &table[index & (INDEX_WORDS - 1)];
}

/* The first word at or after `*index` inside of the table, or NULL; steps over absent tables. */
static u64 *next_in(u64 pa, u32 level, u64 base, u64 *index)
{
	u64 *table = pa_to_va(pa);
	u64 span = 1UL << (level * INDEX_BITS);
	u64 first = *index > base ? (*index - base) / span : 0;

	for (u64 i = first; i < INDEX_WORDS; i++) {
		u64 at = base + i * span;
		u64 *found = &table[i];

		if (!table[i])
			continue;
		if (*index < at)
			*index = at;
		if (level)
			found = next_in(table[i], level - 1, at, index);
		if (found)
			return found;
	}
	return NULL;
}

u64 *index_next(struct page_index *x, u64 *index)
{
	if (!x->height || !index_reaches(x, *index))
		return NULL;
	return next_in(x->root_pa, x->height - 1, 0, index);
}

static bool is_empty(const u64 *table)
{
	u32 i = 0;

	while (i < INDEX_WORDS && !table[i])
		i++;
	return i == INDEX_WORDS;
}

/* Whether the table is empty, once those below it on the way to `index` are gone if they are. */
static bool trim_in(u64 pa, u32 level, u64 index)
{
	u64 *table = pa_to_va(pa);
	u64 *word = &table[(index >> (level * INDEX_BITS)) & (INDEX_WORDS - 1)];

	if (level && *word && trim_in(*word, level - 1, index)) {
		page_free(*word, 0);
		*word = 0;
	}
	return is_empty(table);
}

void index_trim(struct page_index *x, u64 index)
{
	if (!x->height || !index_reaches(x, index) || !trim_in(x->root_pa, x->height - 1, index))
		return;
	page_free(x->root_pa, 0);
	x->root_pa = 0;
	x->height = 0;
}

static void free_in(u64 pa, u32 level)
{
	u64 *table = pa_to_va(pa);

	for (u32 i = 0; level && i < INDEX_WORDS; i++)
		if (table[i])
			free_in(table[i], level - 1);
	page_free(pa, 0);
}

void index_free(struct page_index *x)
{
	if (x->height)
		free_in(x->root_pa, x->height - 1);
	x->root_pa = 0;
	x->height = 0;
}
