/* SPDX-License-Identifier: GPL-2.0-only */
/* The lowest layer: types, errors, strings, the log, assertions, locks. */
#ifndef MCK_LIB_H
#define MCK_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define PAGE_SIZE 4096UL
#define PAGE_SHIFT 12
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a) (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#ifndef __SANITIZE_THREAD__
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#else /* the unit tests: ThreadSanitizer takes no volatile for an atomic access */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#endif

/* ---- strings (lib/string.c) ---- */
void *memcpy(void *dst, const void *src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int c, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

/* ---- the log (lib/log.c, lib/printf.c) ---- */

struct log_ring;
/* Where the ring lies; called again when its mapping changes. Nothing is written before. */
void log_init(struct log_ring *ring);
/* The last words come through even if the lock's holder is dead. */
void log_panic_mode(void);

/* printf to the ring that Linux reads. Any context, any CPU; never waits. Knows %p %s %c %d %u %x %lx %lu %ld %zu %016lx %% and width. */
void log_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int vsnprintf_(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf_(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define log_info(...) log_printf(__VA_ARGS__)
#define log_warn(...) log_printf("warning: " __VA_ARGS__)

/* The last words: message, registers and backtrace of this CPU, status PANIC, all CPUs stop. */
void panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Some CPU has panicked: every other stops. */
bool panic_begun(void);
#define kassert(cond)                                                                    \
	do {                                                                             \
		if (__builtin_expect(!(cond), 0))                                        \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/* ---- kernel arguments (lib/kargs.c): words NAME or NAME=VALUE between blanks ---- */

void kargs_init(const char *kargs);
/* The value of NAME, copied and cut to size; an empty one if it has none. False: NAME is not there. */
bool karg_get(const char *name, char *value, size_t size);

/* ---- spin locks (lib/lock.c) ---- */

/*
 * The kernel is not preemptive and runs with interrupts off, so a lock is
 * held for a short, straight piece of code and never across a wait. Ranks
 * only rise on one CPU; a spinning CPU serves TLB flush requests meanwhile
 * (arch_relax()), so that a holder may wait for its flush.
 */
enum lock_rank {
	RANK_SPACE = 1, /* struct space: regions and page tables */
	RANK_FILE = 2, /* file cache */
	RANK_PROCESS = 3,
	RANK_FUTEX = 4, /* a bucket of futex waiters; programs' words are read under it */
	RANK_FUTEX_PI = 5, /* who owns what with priority inheritance */
	RANK_THREADS = 6, /* the thread table */
	RANK_TIDS = 7, /* threads by tid */
	RANK_RUNQ = 8,
	RANK_FRAME = 9,
	RANK_KMALLOC = 10,
	RANK_KMAP = 11, /* the kernel's own page tables */
	RANK_PHYS = 12,
	RANK_IKC = 13,
	RANK_LOG = 14,
};

struct spinlock {
	u32 value; /* 0 free, else 1 + CPU place of the holder */
	u32 rank; /* enum lock_rank */
};
#define SPINLOCK_INIT(r) \
	{                \
		0, (r)   \
	}

void spin_init(struct spinlock *lock, enum lock_rank rank);
/* Panics if this CPU holds it or one of a higher or equal rank. */
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
/* Two of the same rank, which may be one and the same; always in the same order. */
void spin_lock_two(struct spinlock *a, struct spinlock *b);
void spin_unlock_two(struct spinlock *a, struct spinlock *b);
bool spin_held(const struct spinlock *lock); /* by this CPU */
#define assert_held(lock) kassert(spin_held(lock))
/* No lock is held by this CPU: what may wait says so on its first line. */
void assert_no_lock(void);

#endif
