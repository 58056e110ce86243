/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls by which Linux ties threads to twins, and ends them. */
#ifndef MCK_TASKS_H
#define MCK_TASKS_H

#include "mck/lib.h"

struct ikc_call;

void tasks_init(void);
void tasks_serve_attach(u32 index, const struct ikc_call *call); /* CALL_THREAD_ATTACH */

#endif
