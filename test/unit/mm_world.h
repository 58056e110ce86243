/* SPDX-License-Identifier: GPL-2.0-only */
/* The world around mm/ in the unit tests: a thread, a module with its shadow, files, deferred work. */
#ifndef MM_WORLD_H
#define MM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../mckernel/arch/fake/fake.h"
#include "../../mckernel/mm/internal.h"
#include "mck/errno.h"
#include "mck/task.h"

/* What the module does and has seen. */
struct module {
	u64 zaps; /* LCALL_ZAP messages */
	u64 zap_words;
	u64 quarantined; /* pages that it holds now */
	u64 idles, forgets; /* messages about files */
	u64 opens_back;
	u64 reads; /* REQ_FILE_READ */
	s64 zap_error; /* answer every zap so; 0: as it should */
	bool release_early; /* what goes to the quarantine comes back before the zap is answered */
	bool no_lcall; /* none is free for asynchronous ones */
	bool no_thread; /* ikc_defer fails, */
	void (*at_no_thread)(void); /* and this happens before; NULL: nothing */
	s64 read_error; /* of pages from read_error_at on */
	u64 read_error_at;
	u64 read_error_end; /* 0: all behind it */
	/* The next REQ_FILE_READ finds the twin gone: the thread is on hold for good, and must end. */
	bool reader_dies;
	bool reader_dead; /* it has happened: nothing may be asked any more */
	/* REQ_FILE_OPEN: its answer, and what was asked */
	u64 open_id, open_size, open_fd;
	u64 open_page_size; /* not 0: the mapping is to be Linux's */
	bool open_noexec;
	s64 open_error;
};
extern struct module module;

void world_start(u64 size);
void world_start_nodes(u64 size, u32 nodes);
/* Everything is given back: no page is in use but what the start took. */
void world_stop(void);
struct space *world_space(void); /* fresh, also the current thread's */
/*
 * The fixture of tests in a world of 64 MiB: world_test(test, &s, end) gives `s`, a pointer to a
 * space, a fresh one. The end is world_put, which puts what `s` still points to, or world_end,
 * where each test puts its space itself.
 */
int world_setup(void **state);
int world_put(void **state);
int world_end(void **state);
#define world_test(name, space, end) \
	cmocka_unit_test_prestate_setup_teardown(name, world_setup, end, space)

void world_run_deferred(void);
/* The current thread must end: interruptible waits fail. */
extern bool world_must_end;
/* The twin that has died is forgotten: the thread may go on. */
void world_revive(void);
extern u64 world_turns; /* that long loops have taken */
/* Run when a wait finds its condition false; NULL: that is an error. */
extern void (*world_on_wait)(void);
/* Run while a zap is under way, with the shadow not yet emptied; not nested. NULL: nothing. */
extern void (*world_during_zap)(void);

/* The program touches memory: fault and try again until it works or is refused. */
enum fault_result user_write(struct space *s, u64 va, u8 byte);
enum fault_result user_read(struct space *s, u64 va, u8 *byte);
void expect_byte(struct space *s, u64 va, u8 byte);

/* Linux touches it through the shadow of this space. 0, or -EFAULT/-ENOMEM; -EAGAIN: busy, and nobody but the caller could end it. */
int linux_write(struct space *s, u64 va, u8 byte);
int linux_read(struct space *s, u64 va, u8 *byte);
/* Linux takes a reference to the page it has inserted there, as direct I/O does, and uses it later. */
u64 linux_hold(struct space *s, u64 va, bool write);
void linux_release(u64 pa); /* the quarantine gives the page back, if it has it */
u8 *linux_page(u64 pa);
void world_hide(struct space *s, u64 start, u64 end); /* the shadow of this range is emptied */
void linux_forget(struct space *s); /* its shadow is emptied, as when the proxy has gone */
/* Nothing is shown that the tables do not show with the same rights, marked. */
void check_shadow(void);

/* A file of so many bytes; byte i of page p is file_byte(id, p). */
struct file *world_file(u64 id, u64 size);
u8 file_byte(u64 id, u64 page);
void world_resize(u64 id, u64 size); /* it grows, or is truncated */
void world_rewrite(u64 id); /* from now on, its bytes are file_byte() of 100 + id */
/* CALL_FILE_CHANGED of `count` files, the first of which is `id`; the answer. */
s64 linux_changed(u64 id, u64 count);

s64 map_anon(struct space *s, u64 addr, u64 length, u32 prot); /* fixed if addr */
s64 map_of_file(struct space *s, struct file *f, u64 addr, u64 length, u32 prot, u64 pgoff);

#endif
