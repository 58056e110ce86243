/* SPDX-License-Identifier: GPL-2.0-only */
/* What the image's own parts share. */
#ifndef HELLO_H
#define HELLO_H

#include "abi/contract.h"
#include "abi/layout.h"

typedef abi_u8 u8;
typedef abi_u32 u32;
typedef abi_s64 s64;
typedef abi_u64 u64;

extern struct lwk_boot_params *params;

/* The physical address of what lies in the image. */
static inline u64 own_pa(const void *p)
{
	return (u64)p + params->image_start - LWK_LINK_BASE;
}

/* A word to Linux, in this CPU's ring. */
void send(struct boot_cpu *cpu, u64 word);

/* A line of the log: text, a number, text. */
void say(const char *before, u64 number, const char *after);

/* ---- lies.c ---- */

/* The text behind "lie=" is the seed. Before any other CPU looks. */
void lies_begin(const char *seed);
/* The answer to a call of a program's life. */
void lies_answer(struct boot_cpu *cpu, struct ikc_call *call);
/* A few lies that nobody has asked for. False: that was enough for now. */
int lies_go_on(struct boot_cpu *cpu);
/* How many there were, for the log. */
void lies_end(void);

#endif
