/* SPDX-License-Identifier: GPL-2.0-only */
/* Claims on the actions of signals: one at a time changes an action, in both kernels. */
#include "mck/errno.h"
#include "mck/signal.h"

/*
 * Threads of each CPU that wait for a claim. Raised before the claims are
 * looked at, read behind the end of a claim: one of the two sees the other.
 */
static u32 waiting[ABI_MAX_CPUS];

struct claim_try {
	struct sighand *sighand;
	u64 signals;
	bool got; /* the condition may be evaluated again after it was true */
};

static bool claim_try(void *arg)
{
	struct claim_try *t = arg;

	if (t->got)
		return true;
	spin_lock(&t->sighand->lock);
	if (!(t->sighand->claimed & t->signals)) {
		t->sighand->claimed |= t->signals;
		t->got = true;
	}
	spin_unlock(&t->sighand->lock);
	return t->got;
}

int sighand_claim(struct sighand *s, u64 signals)
{
	struct claim_try t = { s, signals, false };
	u32 place = this_cpu()->place;
	int err;

	if (claim_try(&t))
		return 0;
	__atomic_add_fetch(&waiting[place], 1, __ATOMIC_SEQ_CST);
	err = wait_for(claim_try, &t, true);
	__atomic_sub_fetch(&waiting[place], 1, __ATOMIC_SEQ_CST);
	return err && !t.got ? -EINTR : 0;
}

void sighand_unclaim(struct sighand *s, u64 signals)
{
	spin_lock(&s->lock);
	kassert((s->claimed & signals) == signals);
	s->claimed &= ~signals;
	spin_unlock(&s->lock);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 place = 0; place < cpu_count; place++)
		if (__atomic_load_n(&waiting[place], __ATOMIC_RELAXED))
			wake_cpu(place);
}
