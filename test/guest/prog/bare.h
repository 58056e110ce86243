/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls without the C library: no errno, no cancellation, no thread pointer. */
#ifndef BARE_H
#define BARE_H

/* The raw result. */
static inline long bare_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#define BARE_CALL(nr, a, b, c, d, e, f, ...) \
	bare_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* bare_call(number, up to six arguments) */
#define bare_call(...) BARE_CALL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* What rt_sigaction takes. */
struct bare_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

#endif
