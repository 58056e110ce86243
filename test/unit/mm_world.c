/* SPDX-License-Identifier: GPL-2.0-only */
/* The world around mm/ in the unit tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mck/ikc.h"
#include "mck/offload.h"
#include "mm_linux.h"
#include "mm_world.h"

struct module module;
bool world_must_end;
u64 world_turns;
void (*world_on_wait)(void);
void (*world_during_zap)(void);

static struct thread thread;
static struct kpage kpage;
static struct slot slot;
static u64 pages_at_start;
static struct lwk_counters at_start;

/* ---- waiting and deferred work ---- */

#define DEFERRED 64
static struct {
	void (*fn)(void *arg);
	void *arg;
} deferred[DEFERRED];
static u32 deferred_count;

bool ikc_defer(void (*fn)(void *arg), void *arg)
{
	if (module.no_thread) {
		if (module.at_no_thread)
			module.at_no_thread();
		return false;
	}
	assert_true(deferred_count < DEFERRED);
	deferred[deferred_count].fn = fn;
	deferred[deferred_count++].arg = arg;
	return true;
}

void world_run_deferred(void)
{
	while (deferred_count) {
		u32 last = --deferred_count;

		deferred[last].fn(deferred[last].arg);
	}
}

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	assert_no_lock();
	for (;;) {
		if (cond(arg))
			return 0;
		if (interruptible && world_must_end)
			return -EINTR;
		if (deferred_count)
			world_run_deferred();
		else if (world_on_wait)
			world_on_wait();
		else
			fail_msg("a wait for something that nobody does");
	}
}

int wait_told(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait_for(cond, arg, interruptible);
}

bool sched_turn(void)
{
	assert_no_lock();
	world_turns++;
	return !world_must_end;
}

bool thread_with(u64 id, void (*fn)(struct thread *t, void *arg), void *arg)
{
	if (id != thread.id)
		return false;
	fn(&thread, arg);
	return true;
}

void wake_cpu(u32 place)
{
	(void)place;
}

void wake_all_cpus(void)
{
}

/* ---- the module: shadow, holds, quarantine ---- */

#define SHADOW_MAX 8192
static struct shown {
	struct space *space;
	u64 va, pa;
	bool write;
} shadow[SHADOW_MAX];
static u32 shadow_count;

#define HOLDS_MAX 256
static struct hold {
	u64 pa;
	bool quarantined;
} holds[HOLDS_MAX];
static u32 hold_count;

static struct shown *shown_at(struct space *s, u64 va)
{
	for (u32 i = 0; i < shadow_count; i++)
		if (shadow[i].space == s && shadow[i].va == va)
			return &shadow[i];
	return NULL;
}

static void hide(struct shown *e)
{
	*e = shadow[--shadow_count];
}

void world_hide(struct space *s, u64 start, u64 end)
{
	for (u32 i = 0; i < shadow_count;) {
		if (shadow[i].space == s && shadow[i].va >= start && shadow[i].va < end)
			hide(&shadow[i]);
		else
			i++;
	}
}

static struct space *space_of_linux_id(u64 id)
{
	return (struct space *)id;
}

/* Look the entry up, mark it, insert it: what ihk/space/shadow.c does. */
static bool insert(struct space *s, u64 va, bool write)
{
	int level;
	u64 *leaf = pt_leaf(s->root_pa, va, &level);
	u64 e = leaf ? *leaf : 0;
	struct shown *old = shown_at(s, va);

	if (!leaf || (e & PTE_MIRROR) || !(e & PTE_USER) || (write && !(e & PTE_WRITE)))
		return false;
	*leaf |= PTE_LENT;
	if (old)
		hide(old);
	assert_true(shadow_count < SHADOW_MAX);
	shadow[shadow_count++] = (struct shown){ s, va,
						 (e & PTE_ADDR_MASK) + (va & (pt_span(level) - 1)),
						 e & PTE_WRITE };
	return true;
}

/* Bytes of each file now; 0: not limited. */
static u64 sizes[128];

static bool rewritten[128];

static u8 byte_now(u64 id, u64 page)
{
	return file_byte(rewritten[id % ARRAY_SIZE(rewritten)] ? 100 + id : id, page);
}

static bool is_beyond(u64 id, u64 page)
{
	u64 size = sizes[id % ARRAY_SIZE(sizes)];

	return size && page >= ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
}

static ikc_handler handlers[16];

static bool is_bad(u64 page)
{
	return module.read_error && page >= module.read_error_at &&
	       (!module.read_error_end || page < module.read_error_end);
}

/* As the module does: whatever came of it, the fault is asked for again. */
static void fill_for_linux(const struct fill_wanted *fill)
{
	u64 id = file_id(fill->file);
	bool bad = is_bad(fill->index) || is_beyond(id, fill->index);
	struct ikc_call done = { .op = CALL_FILL_DONE,
				 .arg = { id, fill->index, fill->frame_pa, bad ? (u64)-EIO : 0 } };

	if (!bad)
		memset(pa_to_va(fill->frame_pa), byte_now(id, fill->index), PAGE_SIZE);
	file_put(fill->file);
	handlers[CALL_FILL_DONE](0, &done);
}

static struct shown *linux_fault(struct space *s, u64 va, bool write, int *err)
{
	struct fill_wanted fill;
	struct shown *e = shown_at(s, va);

	*err = 0;
	while (!e || (write && !e->write)) {
		if (e)
			hide(e); /* page_mkwrite */
		e = insert(s, va, write) ? shown_at(s, va) : NULL;
		if (e)
			break;
		switch (space_fault(s, va, write ? ACCESS_WRITE : ACCESS_READ, &fill, NULL)) {
		case FR_OK:
			break;
		case FR_BUSY:
		case FR_FILLING:
			if (!deferred_count)
				*err = -EAGAIN;
			world_run_deferred();
			break;
		case FR_FILL:
			fill_for_linux(&fill);
			break;
		case FR_OOM:
			*err = -ENOMEM;
			break;
		default:
			*err = -EFAULT;
		}
		if (*err)
			return NULL;
	}
	return e;
}

int linux_write(struct space *s, u64 va, u8 byte)
{
	u8 *own = linux_mm_byte(s, va, true);
	struct shown *e;
	int err;

	if (own)
		*own = byte;
	if (linux_mm_has(s, va))
		return own ? 0 : -EFAULT;
	e = linux_fault(s, va & PAGE_MASK, true, &err);

	if (e)
		((u8 *)pa_to_va(e->pa))[va & ~PAGE_MASK] = byte;
	return err;
}

int linux_read(struct space *s, u64 va, u8 *byte)
{
	u8 *own = linux_mm_byte(s, va, false);
	struct shown *e;
	int err;

	if (own)
		*byte = *own;
	if (linux_mm_has(s, va))
		return own ? 0 : -EFAULT;
	e = linux_fault(s, va & PAGE_MASK, false, &err);

	if (e)
		*byte = ((u8 *)pa_to_va(e->pa))[va & ~PAGE_MASK];
	return err;
}

u64 linux_hold(struct space *s, u64 va, bool write)
{
	int err;
	struct shown *e = linux_fault(s, va & PAGE_MASK, write, &err);

	assert_int_equal(err, 0);
	assert_true(hold_count < HOLDS_MAX);
	holds[hold_count++] = (struct hold){ e->pa, false };
	return e->pa;
}

static struct hold *held(u64 pa)
{
	for (u32 i = 0; i < hold_count; i++)
		if (holds[i].pa == pa)
			return &holds[i];
	return NULL;
}

void ikc_set_handler(enum call_op op, ikc_handler handler)
{
	handlers[op] = handler;
}

static s64 answered;

void *ikc_bulk(u64 index)
{
	static u8 bulk[IKC_BULK_SIZE] __attribute__((aligned(8)));

	return index ? NULL : bulk;
}

void ikc_answer(u32 index, s64 ret, const u64 *out, u32 out_count)
{
	(void)index;
	(void)out;
	(void)out_count;
	answered = ret;
}

void linux_release(u64 pa)
{
	struct hold *h = held(pa);
	struct ikc_call call = { .op = CALL_PAGES_BACK, .arg = { 1, pa } };
	bool back = h->quarantined;

	*h = holds[--hold_count];
	if (held(pa)) {
		held(pa)->quarantined |= back;
	} else if (back) {
		module.quarantined--;
		handlers[CALL_PAGES_BACK](0, &call);
		assert_int_equal(answered, 0);
	}
}

s64 linux_changed(u64 id, u64 count)
{
	struct ikc_call call = { .op = CALL_FILE_CHANGED, .arg = { count, id } };

	answered = 1;
	handlers[CALL_FILE_CHANGED](0, &call);
	world_run_deferred();
	return answered;
}

u8 *linux_page(u64 pa)
{
	return pa_to_va(pa);
}

static void look_at(u64 *word)
{
	u64 pa = *word & ZAP_ADDR_MASK;
	struct hold *h = held(pa);

	for (u32 i = 0; i < shadow_count; i++)
		assert_false((*word & ZAP_FREE) && shadow[i].pa == pa);
	if (!h)
		return;
	*word |= ZAP_REFERENCED;
	if (*word & ZAP_FREE) {
		h->quarantined = true;
		module.quarantined++;
		if (module.release_early)
			linux_release(pa);
	}
}

static s64 zap(const u64 arg[IKC_LCALL_ARGS])
{
	struct space *s = space_of_linux_id(arg[0]);
	u64 *words = pa_to_va(arg[3]);
	void (*during)(void) = world_during_zap;

	world_during_zap = NULL;
	if (during)
		during();
	world_during_zap = during;
	module.zaps++;
	module.zap_words += arg[4];
	assert_true(arg[4] <= LEND_MAX);
	if (module.zap_error)
		return module.zap_error;
	world_hide(s, arg[1], arg[2]);
	for (u64 i = 0; i < arg[4]; i++)
		look_at(&words[i]);
	return 0;
}

static s64 serve(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	switch (op) {
	case LCALL_ZAP:
		return zap(arg);
	case LCALL_FILE_IDLE:
		module.idles++;
		module.opens_back += arg[1];
		return 0;
	case LCALL_FILE_FORGET:
		module.forgets++;
		return 0;
	}
	return -EINVAL;
}

s64 ikc_lcall(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	assert_no_lock();
	return serve(op, arg);
}

bool ikc_lcall_async(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	return !module.no_lcall && serve(op, arg) >= 0;
}

void linux_forget(struct space *s)
{
	world_hide(s, 0, ~0UL);
}

void check_shadow(void)
{
	for (u32 i = 0; i < shadow_count; i++) {
		struct shown *e = &shadow[i];
		int level;
		u64 *leaf = pt_leaf(e->space->root_pa, e->va, &level);

		assert_non_null(leaf);
		assert_true(*leaf & PTE_LENT);
		assert_true((*leaf & PTE_ADDR_MASK) + (e->va & (pt_span(level) - 1)) == e->pa);
		assert_true(!e->write || (*leaf & PTE_WRITE));
	}
}

/* ---- files ---- */

u8 file_byte(u64 id, u64 page)
{
	return (u8)(1 + (id * 31 + page * 7) % 255);
}

struct file *world_file(u64 id, u64 size)
{
	world_resize(id, size);
	return file_open(id, size, 0);
}

void world_resize(u64 id, u64 size)
{
	sizes[id % ARRAY_SIZE(sizes)] = size;
}

void world_rewrite(u64 id)
{
	rewritten[id % ARRAY_SIZE(rewritten)] = true;
}

static void reader_end(void)
{
	module.reader_dead = true;
	world_must_end = true;
	kpage.hold |= 1;
}

void world_revive(void)
{
	module.reader_dies = false;
	module.reader_dead = false;
	world_must_end = false;
	kpage.hold++;
}

void offload_kernel(enum request_kind kind, const u64 karg[6], struct offload_result *res)
{
	u64 id = karg[0], first = karg[1], count = karg[2];

	memset(res, 0, sizeof(*res));
	if (kind == REQ_FILE_OPEN) {
		module.open_fd = karg[0];
		kpage.kout[0] = module.open_id;
		kpage.kout[1] = module.open_size;
		kpage.kout[2] = module.open_noexec ? PROT_EXEC : 0;
		kpage.kout[3] = module.open_page_size;
		res->value = module.open_error;
		return;
	}
	if (kind >= REQ_MIRROR_OPEN && kind <= REQ_MIRROR_FAULT) {
		res->value = linux_mm_request(kind, karg);
		return;
	}
	assert_int_equal(kind, REQ_FILE_READ);
	module.reads++;
	/* Who asks again would ask for ever. */
	assert_false(module.reader_dead);
	if (module.reader_dies) {
		reader_end();
		res->ended = true;
		return;
	}
	for (u64 i = 0; i < count; i++) {
		if (is_beyond(id, first + i)) {
			res->value = (s64)i;
			return;
		}
		if (is_bad(first + i)) {
			res->value = i ? (s64)i : module.read_error;
			return;
		}
		memset(pa_to_va(kpage.list[i]), byte_now(id, first + i), PAGE_SIZE);
	}
	res->value = (s64)count;
}

void offload_call(u64 nr, const u64 arg[6], u64 mask, struct offload_result *res)
{
	assert_int_equal(mask, ~0UL);
	assert_no_lock();
	*res = (struct offload_result){ .value = linux_mm_call(nr, arg) };
}

s64 offload_syscall(u64 nr, const u64 arg[6])
{
	assert_no_lock();
	return linux_mm_call(nr, arg);
}

/* ---- the program ---- */

enum fault_result user_write(struct space *s, u64 va, u8 byte)
{
	while (fake_write(s, va, byte)) {
		enum fault_result res = space_fault_wait(s, va, ACCESS_WRITE);

		if (res != FR_OK)
			return res;
	}
	return FR_OK;
}

enum fault_result user_read(struct space *s, u64 va, u8 *byte)
{
	int got;

	while ((got = fake_read(s, va)) < 0) {
		enum fault_result res = space_fault_wait(s, va, ACCESS_READ);

		if (res != FR_OK)
			return res;
	}
	*byte = (u8)got;
	return FR_OK;
}

void expect_byte(struct space *s, u64 va, u8 byte)
{
	u8 got = 0;

	assert_int_equal(user_read(s, va, &got), FR_OK);
	assert_int_equal(got, byte);
}

s64 map_anon(struct space *s, u64 addr, u64 length, u32 prot)
{
	struct map_args a = {
		.addr = addr, .length = length, .prot = prot, .max_prot = 7, .fixed = addr
	};

	return space_map(s, &a);
}

s64 map_of_file(struct space *s, struct file *f, u64 addr, u64 length, u32 prot, u64 pgoff)
{
	struct map_args a = { .addr = addr,
			      .length = length,
			      .prot = prot,
			      .max_prot = 7,
			      .fixed = addr,
			      .file = f,
			      .pgoff = pgoff };

	return space_map(s, &a);
}

/* ---- start and end ---- */

void world_start_nodes(u64 size, u32 nodes)
{
	memset(&module, 0, sizeof(module));
	memset(rewritten, 0, sizeof(rewritten));
	shadow_count = hold_count = deferred_count = 0;
	world_must_end = false;
	world_on_wait = world_during_zap = NULL;
	linux_mm_start();
	fake_start(size, nodes, 2, "poison");
	phys_init();
	kmalloc_init();
	commit_init();
	fault_service_init();
	memset(&thread, 0, sizeof(thread));
	memset(&kpage, 0, sizeof(kpage));
	kpage.rlimit_as = kpage.rlimit_data = kpage.rlimit_memlock = ~0UL;
	kpage.rlimit_stack = 8UL << 20;
	thread.kpage = &kpage;
	thread.slot = &slot;
	thread.attached = true;
	this_cpu()->current = &thread;
	pages_at_start = pages_free_now();
	at_start = boot_params->counters;
}

void world_start(u64 size)
{
	world_start_nodes(size, 1);
}

void world_stop(void)
{
	struct lwk_counters *c = &boot_params->counters;

	world_run_deferred();
	file_shrink(~0UL);
	world_run_deferred();
	for (u32 i = 0; i < shadow_count; i++)
		print_message("still shown: space %p, %lx\n", (void *)shadow[i].space,
			      shadow[i].va);
	assert_int_equal(shadow_count, 0);
	assert_int_equal(hold_count, 0);
	assert_int_equal(module.quarantined, 0);
	assert_int_equal(c->pages_user, 0);
	assert_int_equal(c->pages_committed, 0);
	assert_int_equal(c->pages_cache, 0);
	assert_int_equal(c->pages_quarantined, 0);
	assert_int_equal(c->pages_total, at_start.pages_total);
	/* Pages with small objects may be kept. */
	assert_true(pages_free_now() + 64 >= pages_at_start);
	fake_stop();
}

struct space *world_space(void)
{
	struct space *s = space_create();

	assert_non_null(s);
	s->linux_id = (u64)s;
	s->mmap_base = 0x7e0000000000UL;
	thread.space = s;
	return s;
}

int world_setup(void **state)
{
	struct space **s = *state;

	world_start(64UL << 20);
	if (s)
		*s = world_space();
	return 0;
}

int world_end(void **state)
{
	(void)state;
	world_stop();
	return 0;
}

int world_put(void **state)
{
	struct space **s = *state;

	if (*s)
		space_put(*s);
	return world_end(state);
}
