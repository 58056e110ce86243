/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA nodes on mcexec's command line. */
#ifndef EXECUTER_NODES_H
#define EXECUTER_NODES_H

#include <stdbool.h>

/*
 * A text as numactl's, of `have`, the nodes that there are: "all", a list of
 * numbers and ranges; after "!" all but these, after "+" counted from the first
 * one that there is. False, and a reason of at most `room` bytes in `why`.
 */
bool nodes_parse(const char *text, unsigned long have, unsigned long *nodes, char *why, int room);

#endif
