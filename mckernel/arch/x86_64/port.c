/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O ports. */
#include "mck/arch.h"

u32 arch_port_in32(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
	return value;
}
