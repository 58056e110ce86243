// SPDX-License-Identifier: GPL-2.0-only
/* NUMA nodes on mcexec's command line. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"

#define NODES_MAX (8 * sizeof(unsigned long))

/* A number at *text, which is moved behind it. */
static bool take_number(const char **text, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*value = strtoul(*text, &end, 10);
	*text = end;
	return true;
}

/* The n-th of `have`, from 0 on; or NODES_MAX. */
static unsigned long nth(unsigned long have, unsigned long n)
{
	for (unsigned long node = 0; node < NODES_MAX; node++)
		if ((have >> node & 1) && !n--)
			return node;
	return NODES_MAX;
}

static bool add(unsigned long first, unsigned long last, unsigned long have, bool relative,
		unsigned long *nodes, char *why, int room)
{
	for (unsigned long n = first; n <= last; n++) {
		unsigned long node = relative ? nth(have, n) : n;

		if (node >= NODES_MAX || !(have >> node & 1)) {
			snprintf(why, room, "the instance has no memory on node %s%lu",
				 relative ? "+" : "", n);
			return false;
		}
		*nodes |= 1UL << node;
	}
	return true;
}

bool nodes_parse(const char *text, unsigned long have, unsigned long *nodes, char *why, int room)
{
	bool invert = *text == '!', relative = false, more = true;
	unsigned long first, last;

	text += invert;
	relative = *text == '+';
	text += relative;
	*nodes = 0;
	if (!relative && !strcmp(text, "all")) {
		*nodes = have;
		more = false;
	}
	while (more) {
		snprintf(why, room, "not a list of nodes as 0-2, !1, +0 or all");
		if (!take_number(&text, &first))
			return false;
		last = first;
		if (*text == '-' && (text++, !take_number(&text, &last) || last < first))
			return false;
		if (*text && *text != ',')
			return false;
		more = *text++ == ',';
		if (!add(first, last, have, relative, nodes, why, room))
			return false;
	}
	if (invert)
		*nodes = have & ~*nodes;
	snprintf(why, room, "no node is left of those of which the instance has memory");
	return *nodes;
}
