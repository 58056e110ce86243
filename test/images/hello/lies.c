/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An LWK that lies to the module: ids, addresses, counts, tables and words that
 * are wrong, among right ones, so that a lie is not the first that is seen. It
 * runs no program; it writes to its own memory, to the channel and to the
 * mailboxes that it was told, as any LWK does. What is asked of the module itself
 * (a probe, a shutdown) is answered truly by hello.c.
 */
#include "hello.h"

#define TABLES 8
#define BOXES 64
#define ENOUGH 40 /* lies behind each call */

/* Where Linux is to map, and how it is asked to. */
#define MIRRORED 0x10000000UL
#define CALL_MMAP 9
#define PROT_BOTH 3
#define MAP_SHARED_FIXED_ANONYMOUS 0x31

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* All under lies_lock: several CPUs lie. */
static u32 lies_lock;
static u64 state;
static u32 honesty; /* one word of so many is a lie */
static u32 left; /* until that is enough */
static u64 tables[TABLES][PT_ENTRIES] __attribute__((aligned(ABI_PAGE_SIZE)));
static u64 last_thread, last_space, last_file;

/* Mailboxes are the instance's for as long as it runs, whoever has them. */
static struct {
	struct kpage *kpage;
	struct slot *slot;
	u64 index, gen;
} boxes[BOXES];
static u32 box_count;

/* What came of it. */
static u32 answers, requests, taken, entered;

static void lock(void)
{
	while (__atomic_exchange_n(&lies_lock, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static void unlock(void)
{
	__atomic_store_n(&lies_lock, 0, __ATOMIC_RELEASE);
}

static u64 any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static u32 pick(u32 count)
{
	return (u32)(any() >> 32) % count;
}

static u64 page(void)
{
	return own_pa(tables[pick(TABLES)]);
}

/* Addresses that begin or end something, here or at the module. */
static u64 edge(void)
{
	const struct boot_chunk *chunk = &params->chunks[0];
	const u64 edges[] = {
		0,
		~0UL,
		1UL << 63,
		chunk->start - ABI_PAGE_SIZE,
		chunk->start + chunk->size - ABI_PAGE_SIZE,
		chunk->start + chunk->size,
		SHADOW_START,
		SHADOW_END - ABI_PAGE_SIZE,
		SHADOW_END,
		PROXY_TEXT,
		PROXY_SLOTS,
		PTE_ADDR_MASK,
	};

	return edges[pick(COUNT(edges))] + (pick(3) ? 0 : any() % ABI_PAGE_SIZE);
}

static u64 lie(void)
{
	switch (pick(7)) {
	case 0:
		return pick(200);
	case 1:
		return -(u64)pick(5000);
	case 2:
		return page() + (pick(2) ? 0 : pick(ABI_PAGE_SIZE));
	case 3:
		return pick(2) ? last_space : last_thread;
	case 4:
		return last_file;
	case 5:
		return edge();
	default:
		return any();
	}
}

static u64 mostly(u64 truth)
{
	return pick(honesty) ? truth : lie();
}

/* The last one of our memory: who writes to a program by it must not hit the image. 0: there is none. */
static u64 large_page(void)
{
	const struct boot_chunk *chunk = &params->chunks[params->chunk_count - 1];
	const u64 size = pt_span(2);
	u64 at = (chunk->start + chunk->size - size) & ~(size - 1);

	return at >= params->image_start + params->image_size || at + size <= params->image_start
		       ? at
		       : 0;
}

static u64 entry(void)
{
	static const u64 flags[] = { 0,	       PTE_LENT,  PTE_OWN, PTE_NX, PTE_PCD | PTE_PWT,
				     PTE_BUSY, PTE_MIRROR };
	u64 e = PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY | flags[pick(COUNT(flags))];

	if (!pick(6))
		return pick(2) ? any() & ~PTE_HUGE : PTE_BUSY;
	e |= pick(4) ? PTE_WRITE : 0;
	if (!pick(8))
		return e | PTE_HUGE | large_page();
	return e | (mostly(page()) & PTE_ADDR_MASK);
}

static void change_tables(u32 count)
{
	while (count--)
		__atomic_store_n(&tables[pick(TABLES)][pick(PT_ENTRIES)], entry(),
				 __ATOMIC_RELAXED);
}

/* A page of data is there for this address, by the first tables. */
static void map(u64 va)
{
	const u64 flags = PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
	u64 *data = tables[PT_LEVELS + pick(TABLES - PT_LEVELS)];

	for (int level = PT_LEVELS; level > 0; level--) {
		u64 *table = tables[PT_LEVELS - level];
		u64 *next = level > 1 ? tables[PT_LEVELS - level + 1] : data;

		__atomic_store_n(&table[pt_index(va, level)], own_pa(next) | flags,
				 __ATOMIC_RELEASE);
	}
}

void lies_begin(const char *seed)
{
	for (state = 0; *seed >= '0' && *seed <= '9'; seed++)
		state = state * 10 + *seed - '0';
	state = (state + 1) * 0x9e3779b97f4a7c15;
	honesty = 8 << pick(4);
	for (u32 i = 0; i < TABLES * PT_ENTRIES; i++)
		tables[i / PT_ENTRIES][i % PT_ENTRIES] = entry();
}

/* ---- answers ---- */

static void remember_box(const struct ikc_call *call)
{
	u32 i = box_count++ % BOXES;

	boxes[i].slot = (void *)call->arg[1];
	boxes[i].kpage = (void *)call->arg[2];
	boxes[i].index = call->arg[3];
	boxes[i].gen = call->arg[4];
}

/* What it would have to say. */
static void truth(struct ikc_call *call)
{
	const struct exec_image *image;

	call->ret = 0;
	switch (call->op) {
	case CALL_EXEC_PREPARE:
		image = (void *)(params->bulks + call->arg[0] * IKC_BULK_SIZE);
		last_file = image->program.file_id;
		last_space = call->arg[2];
		call->out[0] = ++last_thread;
		call->out[1] = last_thread;
		call->out[2] = own_pa(tables[0]);
		call->out[3] = page();
		call->out[4] = SHADOW_END - 0x10000 - 8;
		call->out[5] = 0x10000;
		break;
	case CALL_EXEC_COMMIT:
		call->out[0] = SHADOW_END - 0x20000;
		call->out[1] = 0x401000;
		call->out[2] = 0x500000;
		break;
	case CALL_FAULT:
		call->ret = pick(4) ? FAULT_OK : pick(8);
		call->out[0] = last_file;
		call->out[1] = pick(4);
		call->out[2] = page();
		break;
	}
}

void lies_answer(struct boot_cpu *cpu, struct ikc_call *call)
{
	lock();
	answers++;
	truth(call);
	if (call->op == CALL_THREAD_ATTACH)
		remember_box(call);
	call->ret = (s64)(pick(4) ? mostly((u64)call->ret) : (u64)call->ret);
	for (u32 i = 0; i < IKC_CALL_OUTS; i++)
		call->out[i] = mostly(call->out[i]);
	change_tables(20);
	if (call->op == CALL_FAULT && pick(8))
		map(call->arg[1]);
	left = ENOUGH;
	/* An answer before its time, or to somebody else's call. */
	if (!pick(10))
		send(cpu, IKC_WORD(IKC_CALL_DONE, pick(IKC_CALLS), any()));
	unlock();
}

/* ---- what nobody has asked for ---- */

/*
 * Memory of Linux's: a range is opened, the proxy maps in it by the next call, and
 * then entries are asked for there, if nothing came in between.
 */
static void lie_of_mirrors(struct slot *slot, struct kpage *k)
{
	const u64 start = MIRRORED + pick(4) * ABI_PAGE_SIZE;

	if (k->req_kind == REQ_CALL && !pick(3)) {
		slot->nr = CALL_MMAP;
		slot->arg[0] = mostly(start);
		slot->arg[1] = mostly(8 * ABI_PAGE_SIZE);
		slot->arg[2] = PROT_BOTH;
		slot->arg[3] = MAP_SHARED_FIXED_ANONYMOUS;
		slot->arg[4] = ~0UL;
		slot->arg[5] = 0;
	}
	if (k->req_kind < REQ_MIRROR_OPEN || k->req_kind > REQ_MIRROR_FAULT)
		return;
	k->karg[0] = mostly(start);
	k->karg[1] = mostly(k->req_kind == REQ_MIRROR_FAULT ? pick(2) : start + 8 * ABI_PAGE_SIZE);
	k->karg[2] = mostly(0);
}

static void lie_request(struct boot_cpu *cpu)
{
	static const u32 kinds[] = {
		REQ_CALL,	  REQ_CLONE,	    REQ_NULL,	      REQ_FILE_OPEN,
		REQ_FILE_READ,	  REQ_FATAL,	    REQ_THREAD_FIND,  REQ_MIRROR_OPEN,
		REQ_MIRROR_FAULT, REQ_MIRROR_FAULT, REQ_MIRROR_CLOSE, REQ_FAULT,
	};
	u32 i = pick(box_count < BOXES ? box_count : BOXES);
	struct kpage *k = boxes[i].kpage;
	struct slot *slot = boxes[i].slot;
	u64 seq = k->done_seq + 1;

	requests++;
	taken += k->taken_seq && k->taken_seq == k->req_seq;
	entered += k->req_kind == REQ_MIRROR_FAULT && k->done_seq == k->req_seq && !k->kresult;
	slot->nr = mostly(pick(340));
	slot->kind = k->req_kind = (u32)mostly(kinds[pick(COUNT(kinds))]);
	slot->seq = (u32)mostly(seq);
	for (u32 n = 0; n < 6; n++) {
		slot->arg[n] = lie();
		k->karg[n] = lie();
	}
	if (k->req_kind == REQ_FILE_READ) {
		k->karg[0] = mostly(last_file);
		k->karg[1] = mostly(pick(8));
		k->karg[2] = mostly(pick(KPAGE_LIST + 2));
	}
	lie_of_mirrors(slot, k);
	for (u32 n = 0; n < KPAGE_LIST; n++)
		k->list[n] = mostly(page());
	k->cpu = (u32)mostly(cpu - params->cpus);
	k->held = (u32)mostly(k->hold);
	k->note = mostly(0);
	k->note_next = lie();
	k->note_queued = (u32)mostly(0);
	cpu->notes = mostly(0);
	k->mask = lie();
	k->child_thread = mostly(++last_thread);
	k->child_space = lie();
	k->child_root = mostly(page());
	k->child_epoch = mostly(page());
	k->user_ns += pick(1000);
	k->robust_list = mostly(0);
	k->thread = lie();
	cpu->running = (u32)mostly(1 + (u32)boxes[i].index);
	params->waits_for_time = pick(2);
	params->cycles_khz = mostly(params->cycles_khz);
	k->times = mostly(page());
	__atomic_store_n(&k->req_seq, mostly(seq), __ATOMIC_SEQ_CST);
	send(cpu, IKC_WORD(IKC_REQUEST, boxes[i].index, mostly(boxes[i].gen)));
}

/* hello.c uses the first one. */
static void lie_lcall(struct boot_cpu *cpu)
{
	u32 index = 1 + pick(IKC_LCALLS - 1);
	struct ikc_lcall *lcall = (struct ikc_lcall *)params->lcalls + index;
	u64 *words = tables[pick(TABLES)];

	if (__atomic_load_n(&lcall->state, __ATOMIC_ACQUIRE) != IKC_POSTED) {
		lcall->op = (u32)mostly(1 + pick(3));
		lcall->cpu = (u32)mostly(IKC_NOBODY);
		lcall->arg[0] = mostly(lcall->op == LCALL_ZAP ? last_space : last_file);
		lcall->arg[1] = mostly(lcall->op == LCALL_ZAP ? 0x400000 : 1);
		lcall->arg[2] = mostly(lcall->arg[1] + pick(16) * ABI_PAGE_SIZE);
		lcall->arg[3] = mostly(own_pa(words));
		lcall->arg[4] = mostly(pick(PT_ENTRIES + 2));
		for (u32 i = 0; i < PT_ENTRIES; i += 1 + pick(4))
			words[i] = mostly(page()) | pick(4);
		__atomic_store_n(&lcall->state, IKC_POSTED, __ATOMIC_RELEASE);
	}
	send(cpu, IKC_WORD(IKC_LCALL, index, any()));
}

/* Who does not is condemned before he lies again. */
static void obey(struct boot_cpu *cpu)
{
	__atomic_store_n(&cpu->flush_done, (u32)mostly(cpu->flush_request), __ATOMIC_RELEASE);
	for (u32 i = 0; i < box_count && i < BOXES; i++)
		boxes[i].kpage->held = (u32)mostly(boxes[i].kpage->hold);
}

int lies_go_on(struct boot_cpu *cpu)
{
	int more;

	/* Not told to lie. */
	if (!honesty)
		return 0;
	lock();
	obey(cpu);
	more = left > 0;
	if (more)
		left--;
	switch (more ? pick(5) : 5) {
	case 0:
		send(cpu, IKC_WORD(pick(8), pick(2) ? pick(ABI_MAX_TWINS + 8) : any(), any()));
		break;
	case 1:
		lie_lcall(cpu);
		break;
	case 2:
		change_tables(20);
		break;
	case 3:
	case 4:
		if (box_count)
			lie_request(cpu);
		break;
	}
	unlock();
	return more;
}

void lies_end(void)
{
	say("lies: answers ", answers, "");
	say("lies: mailboxes ", box_count, "");
	say("lies: requests ", requests, "");
	say("lies: requests that were taken ", taken, "");
	say("lies: pages of Linux's that were entered ", entered, "");
}
