/* SPDX-License-Identifier: GPL-2.0-only */
/* The loop of a twin: wait in the module for a request, carry it out. */
#include "proxy.h"

#define MS_SYNC 4

/*
 * The module has set outcome to CALL_COMPLETE and signo to 0 when it took the
 * request; since then only the catcher writes them.
 */
static void serve_one(struct slot *slot)
{
	switch (slot->kind) {
	case REQ_CALL:
		slot->result = proxy_call(slot);
		break;
	case REQ_CLONE:
		proxy_clone(slot);
		break;
	}
}

void serve(unsigned long slot_number)
{
	const unsigned long page = PROXY_CONTROL + slot_number * ABI_PAGE_SIZE;
	struct slot *slot = slot_at(slot_number);

	signal_stack(slot_number);
	for (;;) {
		/* Anything but 0 (a signal, a debugger) means: again. */
		while (linux_call(NR_MSYNC, page, ABI_PAGE_SIZE, MS_SYNC, 0))
			;
		serve_one(slot);
	}
}
