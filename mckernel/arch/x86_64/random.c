/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers: SipHash of a counter and the clock, keyed by Linux's seed. */
#include "x86.h"

static inline u64 rotate(u64 v, int n)
{
	return v << n | v >> (64 - n);
}

static void round_(u64 v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

u64 arch_random(void)
{
	static u64 counter; /* atomic */
	const u64 *seed = (const u64 *)boot_params->seed; /* 32 bytes, aligned to 32 */
	u64 message[4] = { __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED), arch_cycles(),
			   seed[2], seed[3] };
	u64 v[4] = { seed[0] ^ 0x736f6d6570736575UL, seed[1] ^ 0x646f72616e646f6dUL,
		     seed[0] ^ 0x6c7967656e657261UL, seed[1] ^ 0x7465646279746573UL };

	for (unsigned int i = 0; i < ARRAY_SIZE(message); i++) {
		v[3] ^= message[i];
		round_(v);
		round_(v);
		v[0] ^= message[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
