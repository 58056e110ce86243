/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking pages back: flush, zap in the module, and only then free, reuse or share. */
#include "mck/errno.h"
#include "abi/ikc.h"
#include "internal.h"

/*
 * Order of things, for each page whose entry was exchanged away:
 *   1. all LWK TLBs of the space are flushed;
 *   2. if the entry was lent, or its frame is marked FRAME_LENT, LCALL_ZAP:
 *      the module unmaps the range from the shadow and looks at the page;
 *   3. the mapping's reference is dropped, and the page freed if it was the
 *      last and Linux does not hold it.
 * Who frees: only the last holder. As long as we hold our reference, a count
 * of 1 means that nobody else can get one (every way to a frame goes through
 * an entry or an index that holds a reference), so such a page is offered to
 * the quarantine with the very zap (ZAP_FREE). If others hold it too, Linux's
 * hold is remembered in FRAME_LENT before our reference goes: the release in
 * upage_unmap() hands the mark to whoever is last.
 */

/* A record: page address and these; the zap words have flags of their own. */
#define REC_PUT 0x10UL
#define REC_LOOK 0x20UL /* the module must look at it */
#define REC_HUGE 0x40UL
#define REC_HELD 0x80UL /* answer: Linux holds (some page of) it */

/* Pages of zap words for when there is no memory; taken by exchange of `spare_used`. */
#define SPARES 4
static u64 spare[SPARES][LEND_MAX] __attribute__((aligned(4096)));
static u32 spare_used[SPARES]; /* atomic */

/* Pages put aside by lend_free(), chained by their frames. */
static struct spinlock aside_lock = SPINLOCK_INIT(RANK_FRAME);
static struct list aside = { &aside, &aside };
static u32 aside_running; /* drains under way; under the lock */
static bool aside_deferred; /* a thread is to come; under the lock */

void lend_begin(struct lend_batch *b, struct space *s)
{
	b->space = s;
	b->record = b->here;
	b->room = LEND_INLINE;
	b->list_pa = 0;
	lend_again(b);
}

void lend_again(struct lend_batch *b)
{
	b->count = 0;
	b->any_word = false;
	b->flush_start = b->zap_start = ~0UL;
	b->flush_end = b->zap_end = 0;
}

bool lend_full(struct lend_batch *b)
{
	if (b->count < b->room)
		return false;
	if (b->list_pa)
		return true;
	b->list_pa = page_alloc(0, -1);
	if (!b->list_pa)
		return true;
	b->record = memcpy(pa_to_va(b->list_pa), b->here, sizeof(b->here));
	b->room = LEND_MAX;
	return false;
}

void lend_note_range(struct lend_batch *b, u64 start, u64 end, bool lent)
{
	b->flush_start = MIN(b->flush_start, start);
	b->flush_end = MAX(b->flush_end, end);
	if (lent) {
		b->zap_start = MIN(b->zap_start, start);
		b->zap_end = MAX(b->zap_end, end);
	}
}

void lend_note(struct lend_batch *b, u64 va, u64 old, int level, bool put)
{
	u64 rec = pte_pa(old) | (put ? REC_PUT : 0) | (level == 2 ? REC_HUGE : 0);

	kassert(b->count < b->room);
	if (pte_lent(old, level)) {
		rec |= REC_LOOK;
		b->any_word = true;
	}
	lend_note_range(b, va, va + pt_span(level), old & PTE_LENT);
	b->record[b->count++] = rec;
}

/* ---- words for the module ---- */

static bool spare_take(void *arg)
{
	u64 **words = arg;

	for (u32 i = 0; i < SPARES && !*words; i++)
		if (!__atomic_exchange_n(&spare_used[i], 1, __ATOMIC_ACQUIRE))
			*words = spare[i];
	return *words;
}

/* A page for words. The spare ones come back as soon as the module has answered: it waits for nothing of ours. */
static u64 *words_take(void)
{
	u64 pa = page_alloc(0, -1);
	u64 *words = NULL;

	if (pa)
		return pa_to_va(pa);
	if (!spare_take(&words))
		mm_wait(spare_take, &words, false);
	return words;
}

static void words_drop(u64 *words)
{
	for (u32 i = 0; i < SPARES; i++) {
		if (words == spare[i]) {
			__atomic_store_n(&spare_used[i], 0, __ATOMIC_RELEASE);
			mm_wake();
			return;
		}
	}
	page_free(va_to_pa(words), 0);
}

/* What one zap message carries, and which records its words are of. */
struct zap {
	struct lend_batch *batch;
	u64 *words;
	u32 count;
	u32 first; /* record */
	bool ranged; /* the range has been zapped by an earlier message */
};

/* Not one of the kernel's, which is never given back: the mark is for that, and goes with it. */
static void mark_held(u64 pa)
{
	struct frame *f = frame_of(pa);

	if (frame_flags(f) & FRAME_USER)
		__atomic_or_fetch(&f->flags, FRAME_LENT, __ATOMIC_RELEASE);
}

/* Our reference goes; the page too if it was the last. */
static void page_drop(u64 pa)
{
	if (upage_unmap(pa))
		lend_free(pa);
}

/* For a page that nobody but us holds. Its flag goes with the answer: one way or the other, the page does. */
static u64 lend_offer(u64 pa)
{
	__atomic_or_fetch(&frame_of(pa)->flags, FRAME_OFFERED, __ATOMIC_RELEASE);
	return pa | ZAP_FREE;
}

/* Offered, and the answer is there: nobody has a reference. */
static void offer_settle(u64 pa, u64 word)
{
	if (word & ZAP_REFERENCED)
		phys_quarantined(pa);
	else
		upage_free(pa);
}

/* One answered word: returns whether Linux holds the page. */
static bool word_settle(u64 word, bool put)
{
	u64 pa = word & ZAP_ADDR_MASK;

	if (put && (word & ZAP_FREE)) {
		bool last = upage_unmap(pa);

		/* Nobody could get a reference, see above. */
		kassert(last);
		offer_settle(pa, word);
	} else {
		if (word & ZAP_REFERENCED)
			mark_held(pa);
		if (put)
			page_drop(pa);
	}
	return word & ZAP_REFERENCED;
}

/*
 * Send what is gathered and settle its pages. A refusal means that the module
 * did not look: what it might still show must not be reused, so the pages
 * stay as they are, lost but harmless, with a line in the log.
 */
static void zap_send(struct zap *z, u32 end_record)
{
	struct lend_batch *b = z->batch;
	bool ranged = !z->ranged && b->zap_start < b->zap_end;
	u64 arg[IKC_LCALL_ARGS] = { b->space ? b->space->linux_id : 0, ranged ? b->zap_start : 0,
				    ranged ? b->zap_end : 0, z->count ? va_to_pa(z->words) : 0,
				    z->count };
	u32 w = 0;
	s64 ret;

	if (!ranged && !z->count)
		return;
	ret = up_lcall(LCALL_ZAP, arg);
	if (ret == -ESRCH && ranged) {
		/* The module forgets a space after it has emptied its shadow for good: only look at the pages. */
		arg[1] = arg[2] = 0;
		ret = z->count ? up_lcall(LCALL_ZAP, arg) : 0;
	}
	__atomic_add_fetch(&boot_params->counters.zaps, 1, __ATOMIC_RELAXED);
	if (ret < 0)
		log_warn("zap of [%lx, %lx) refused (%ld): %u pages are lost\n", arg[1], arg[2],
			 (long)ret, z->count);
	for (u32 i = z->first; i < end_record; i++) {
		u64 *rec = &b->record[i];
		u32 pages = (*rec & REC_HUGE) ? HUGE_PAGES : 1;

		if (!(*rec & REC_LOOK))
			continue;
		for (u32 p = 0; p < pages; p++, w++)
			if (ret < 0 || word_settle(z->words[w], *rec & REC_PUT))
				*rec |= REC_HELD;
	}
	z->ranged = true;
	z->count = 0;
	z->first = end_record;
}

static void zap_all(struct lend_batch *b)
{
	struct zap z = { .batch = b };

	if (b->any_word)
		z.words = words_take();
	for (u32 i = 0; b->any_word && i < b->count; i++) {
		u64 rec = b->record[i];
		u32 pages = (rec & REC_HUGE) ? HUGE_PAGES : 1;

		if (!(rec & REC_LOOK))
			continue;
		if (z.count + pages > LEND_MAX)
			zap_send(&z, i);
		for (u32 p = 0; p < pages; p++) {
			u64 pa = pte_pa(rec) + p * PAGE_SIZE;
			bool free = (rec & REC_PUT) && frame_is_single(frame_of(pa));

			z.words[z.count++] = free ? lend_offer(pa) : pa;
		}
	}
	zap_send(&z, b->count);
	if (z.words)
		words_drop(z.words);
}

/*
 * A large block that nobody else holds goes back in one piece. Another holder
 * may have marked pages and gone since lend_note() looked: the marks after the
 * counts, since it marks before it drops its reference.
 */
static void block_drop(u64 pa)
{
	const struct frame *f = frame_of(pa);
	u32 whole = 0;

	while (whole < HUGE_PAGES && frame_is_single(&f[whole]) && !frame_is_marked(&f[whole]))
		whole++;
	if (whole == HUGE_PAGES) {
		upage_end_block(pa);
		return;
	}
	for (u32 i = 0; i < HUGE_PAGES; i++)
		page_drop(pa + i * PAGE_SIZE);
}

void lend_flush(struct lend_batch *b)
{
	assert_no_lock();
	if (b->flush_start < b->flush_end)
		arch_flush_space(b->space, b->flush_start, b->flush_end);
	if (b->any_word || b->zap_start < b->zap_end)
		zap_all(b);
	for (u32 i = 0; i < b->count; i++) {
		u64 rec = b->record[i];

		if ((rec & REC_LOOK) || !(rec & REC_PUT))
			continue;
		if (!(rec & REC_HUGE)) {
			page_drop(pte_pa(rec));
			continue;
		}
		block_drop(pte_pa(rec));
		if (i % 16 == 0)
			mm_turn();
	}
}

bool lend_referenced(const struct lend_batch *b, u32 i)
{
	kassert(i < b->count);
	return b->record[i] & REC_HELD;
}

void lend_end(struct lend_batch *b)
{
	if (b->list_pa)
		page_free(b->list_pa, 0);
	b->list_pa = 0;
}

void lend_finish(struct lend_batch *b)
{
	lend_flush(b);
	lend_end(b);
}

/* ---- pages put aside ---- */

static u32 aside_take(u64 *words)
{
	u32 count = 0;

	spin_lock(&aside_lock);
	while (count < LEND_MAX && !list_empty(&aside)) {
		struct frame *f = list_entry(aside.next, struct frame, link);

		list_del(&f->link);
		words[count++] = lend_offer(frame_pa(f));
	}
	if (count)
		aside_running++;
	spin_unlock(&aside_lock);
	return count;
}

static void aside_settle(const u64 *words, u32 count, s64 ret)
{
	if (ret < 0)
		log_warn("zap of %u pages refused (%ld): they are lost\n", count, (long)ret);
	for (u32 i = 0; ret >= 0 && i < count; i++)
		offer_settle(words[i] & ZAP_ADDR_MASK, words[i]);
	spin_lock(&aside_lock);
	aside_running--;
	spin_unlock(&aside_lock);
	mm_wake();
}

static bool aside_is_done(void *arg)
{
	bool done;

	(void)arg;
	spin_lock(&aside_lock);
	done = list_empty(&aside) && !aside_running;
	spin_unlock(&aside_lock);
	return done;
}

void lend_drain(void)
{
	u64 *words;
	u32 count;

	assert_no_lock();
	while (!aside_is_done(NULL)) {
		words = words_take();
		count = aside_take(words);
		if (count) {
			u64 arg[IKC_LCALL_ARGS] = { 0, 0, 0, va_to_pa(words), count };

			aside_settle(words, count, up_lcall(LCALL_ZAP, arg));
		}
		words_drop(words);
		/* Others may be at work on what was put aside before we came. */
		if (!count && !aside_is_done(NULL))
			mm_wait(aside_is_done, NULL, false);
	}
}

static void drain_thread(void *arg)
{
	(void)arg;
	spin_lock(&aside_lock);
	aside_deferred = false;
	spin_unlock(&aside_lock);
	lend_drain();
}

void lend_free(u64 pa)
{
	struct frame *f = frame_of(pa);
	bool defer;

	if (!(__atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & FRAME_LENT)) {
		upage_free(pa);
		return;
	}
	spin_lock(&aside_lock);
	list_add_tail(&aside, &f->link);
	defer = !aside_deferred;
	aside_deferred = true;
	spin_unlock(&aside_lock);
	/* Without memory for a thread, the next drain (end of a space, shortage) finds it. */
	if (defer && !up_defer(drain_thread, NULL)) {
		spin_lock(&aside_lock);
		aside_deferred = false;
		spin_unlock(&aside_lock);
	}
}
