/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls by which Linux ties threads to twins, and ends them. */
#ifndef MCK_TASKS_H
#define MCK_TASKS_H

void tasks_init(void);

#endif
