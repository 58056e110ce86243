/* SPDX-License-Identifier: GPL-2.0-only */
/* Talks to the module: words in rings, calls that it makes, lcalls that it serves. */
#include "mck/ikc.h"
#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/task.h"

#define HANDLERS 16

/* One CPU's rings, and the time of its newest ring. Used by that CPU alone, but for `lcalls`. */
static struct channel {
	struct ring *from_linux, *to_linux;
	u64 rung; /* cycles */
	u32 lcalls; /* atomic: threads that wait for an answer on this CPU */
} channels[ABI_MAX_CPUS];

static struct ikc_call *calls; /* who writes what: abi/ikc.h */
static u8 *bulks;
static ikc_handler handlers[HANDLERS]; /* written at start */

/*
 * Which lcalls are ours to fill. BUSY belongs to a waiting thread, LEFT to
 * nobody: it is free when Linux has answered. Under lcall_lock, as is the end
 * of an lcall's DONE: who takes it makes it FREE, so that nobody else finds the
 * answer to its last use and takes it too. From there to POSTED it is its
 * taker's, until DONE the module's.
 */
enum lcall_use { LCALL_UNUSED, LCALL_BUSY, LCALL_LEFT };
static struct spinlock lcall_lock = SPINLOCK_INIT(RANK_IKC);
static struct ikc_lcall *lcalls;
static u8 lcall_use[IKC_LCALLS];
static u32 lcall_waiters; /* atomic: threads that wait for one */

static struct channel *channel(void)
{
	return &channels[this_cpu()->place];
}

void ikc_init(void)
{
	calls = arch_map_linux(boot_params->calls, IKC_CALLS * sizeof(*calls));
	lcalls = arch_map_linux(boot_params->lcalls, IKC_LCALLS * sizeof(*lcalls));
	bulks = arch_map_linux(boot_params->bulks, (u64)IKC_BULKS * IKC_BULK_SIZE);
	kassert(calls && lcalls && bulks);
	for (u32 i = 0; i < cpu_count; i++) {
		struct channel *c = &channels[i];

		c->from_linux = arch_map_linux(boot_params->cpus[i].to_lwk, sizeof(struct ring));
		c->to_linux = arch_map_linux(boot_params->cpus[i].to_linux, sizeof(struct ring));
		kassert(c->from_linux && c->to_linux);
	}
}

static void bad_message(const char *what, u64 value)
{
	__atomic_add_fetch(&boot_params->counters.bad_messages, 1, __ATOMIC_RELAXED);
	log_warn("ikc: refused %s %lx\n", what, value);
}

/* ---- to Linux ---- */

static void ikc_ring(struct channel *c)
{
	c->rung = arch_cycles();
	arch_ring_linux();
}

void ikc_send(u64 word, bool force)
{
	struct channel *c = channel();
	enum ring_push result;

	if (!c->to_linux)
		return; /* a panic before ikc_init() */
	/* The ring has room for everything that can be under way; if Linux is slower than all of it, wait. */
	for (;;) {
		result = ring_push(c->to_linux, word);
		if (result != RING_FULL)
			break;
		if (panic_begun())
			return;
		ikc_ring_again();
		arch_relax();
	}
	sched_watch();
	if (force || result == RING_WAS_EMPTY)
		ikc_ring(c);
}

bool ikc_pending(void)
{
	struct channel *c = channel();

	/* The doorbell of an answer can be lost too, and is not rung again. */
	return READ_ONCE(c->lcalls) || !ring_empty(c->to_linux);
}

void ikc_ring_again(void)
{
	struct channel *c = channel();

	if (!ring_empty(c->to_linux) &&
	    cycles_to_ns(arch_cycles() - c->rung) >= RING_AGAIN_US * 1000UL)
		ikc_ring(c);
}

/* ---- calls from Linux ---- */

void ikc_set_handler(enum call_op op, ikc_handler handler)
{
	kassert(op < HANDLERS);
	handlers[op] = handler;
}

void ikc_answer(u32 index, s64 ret, const u64 *out, u32 out_count)
{
	struct ikc_call *call = &calls[index];
	u32 gen = call->gen;

	for (u32 i = 0; i < IKC_CALL_OUTS; i++)
		call->out[i] = out && i < out_count ? out[i] : 0;
	call->ret = ret;
	/* Pairs with the acquire of the caller: ret and out are there. */
	__atomic_store_n(&call->state, IKC_DONE, __ATOMIC_RELEASE);
	ikc_send(IKC_WORD(IKC_CALL_DONE, index, gen), false);
}

static void serve_call(u32 index, u32 gen)
{
	struct ikc_call *call = &calls[index];

	/* Pairs with the release of the caller: op and arg are there. */
	if (index >= IKC_CALLS || __atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != IKC_POSTED ||
	    call->gen != gen)
		bad_message("call", index);
	else if (call->op >= HANDLERS || !handlers[call->op])
		ikc_answer(index, -ENOSYS, NULL, 0);
	else
		handlers[call->op](index, call);
}

void ikc_poll(void)
{
	struct ring *r = channel()->from_linux;
	abi_u64 word;

	while (ring_pop(r, &word)) {
		if (IKC_KIND(word) == IKC_CALL)
			serve_call(IKC_INDEX(word), IKC_GEN(word));
		else
			bad_message("word", word);
	}
}

void *ikc_bulk(u64 index)
{
	return index < IKC_BULKS ? bulks + index * IKC_BULK_SIZE : NULL;
}

bool ikc_defer(void (*fn)(void *arg), void *arg)
{
	return sched_kthread(fn, arg);
}

/* ---- lcalls ---- */

static bool lcall_done(void *arg)
{
	struct ikc_lcall *l = arg;

	/* Pairs with the release of the module: ret is there. */
	return __atomic_load_n(&l->state, __ATOMIC_ACQUIRE) == IKC_DONE;
}

/* A free one, now `use`d and FREE, or NULL. */
static struct ikc_lcall *lcall_take(enum lcall_use use)
{
	struct ikc_lcall *found = NULL;

	spin_lock(&lcall_lock);
	for (u32 i = 0; i < IKC_LCALLS && !found; i++) {
		if (lcall_use[i] == LCALL_BUSY ||
		    (lcall_use[i] == LCALL_LEFT && !lcall_done(&lcalls[i])))
			continue;
		lcall_use[i] = (u8)use;
		found = &lcalls[i];
		__atomic_store_n(&found->state, IKC_FREE, __ATOMIC_RELAXED);
	}
	spin_unlock(&lcall_lock);
	return found;
}

static void lcall_give(struct ikc_lcall *l)
{
	spin_lock(&lcall_lock);
	lcall_use[l - lcalls] = LCALL_UNUSED;
	spin_unlock(&lcall_lock);
	if (__atomic_load_n(&lcall_waiters, __ATOMIC_SEQ_CST))
		wake_all_cpus();
}

/* `cpu`: the place that waits for the answer, or IKC_NOBODY. */
static void lcall_post(struct ikc_lcall *l, enum lcall_op op, const u64 arg[IKC_LCALL_ARGS],
		       u32 cpu)
{
	l->op = op;
	l->cpu = cpu;
	memcpy(l->arg, arg, sizeof(l->arg));
	__atomic_store_n(&l->state, IKC_POSTED, __ATOMIC_RELEASE);
	ikc_send(IKC_WORD(IKC_LCALL, l - lcalls, 0), false);
}

/*
 * Wait for a free one: the condition takes it. The answer to one that nobody
 * waits for rings nobody, so we look by the clock.
 */
static bool lcall_wanted(void *arg)
{
	struct ikc_lcall **l = arg;

	if (!*l)
		*l = lcall_take(LCALL_BUSY);
	if (!*l)
		sched_wake_at(arch_cycles() + boot_params->cycles_khz * RING_AGAIN_US / 1000);
	return *l != NULL;
}

s64 ikc_lcall(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	struct ikc_lcall *l = NULL;
	struct channel *c;
	s64 ret;

	__atomic_add_fetch(&lcall_waiters, 1, __ATOMIC_SEQ_CST);
	wait_for(lcall_wanted, &l, false);
	__atomic_sub_fetch(&lcall_waiters, 1, __ATOMIC_SEQ_CST);
	c = channel();
	__atomic_add_fetch(&c->lcalls, 1, __ATOMIC_RELAXED);
	/* A thread that waits stays on its CPU; when it is woken it may go on on another. */
	lcall_post(l, op, arg, this_cpu()->place);
	wait_for(lcall_done, l, false);
	__atomic_sub_fetch(&c->lcalls, 1, __ATOMIC_RELAXED);
	ret = l->ret;
	lcall_give(l);
	return ret;
}

bool ikc_lcall_async(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	struct ikc_lcall *l = lcall_take(LCALL_LEFT);

	if (!l)
		return false;
	lcall_post(l, op, arg, IKC_NOBODY);
	return true;
}
