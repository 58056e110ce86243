/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's system calls on x86-64. */
#ifndef PROXY_ARCH_MACHINE_H
#define PROXY_ARCH_MACHINE_H

/* Those that the proxy makes for itself. */
enum {
	NR_RT_SIGRETURN = 15,
	NR_MSYNC = 26,
	NR_CLONE = 56,
	NR_SIGALTSTACK = 131,
	NR_RESTART_SYSCALL = 219,
	NR_CLONE3 = 435,
};

/* One of the proxy's own, of up to four arguments. */
static inline long linux_call(long nr, unsigned long a, unsigned long b, unsigned long c,
			      unsigned long d)
{
	register unsigned long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
