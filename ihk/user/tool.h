/* SPDX-License-Identifier: GPL-2.0-only */
/* What ihkconfig and ihkosctl have in common: their command line, errors and output. */
#ifndef IHK_TOOL_H
#define IHK_TOOL_H

#include <stdbool.h>

#include "abi/ioctl.h"
#include "ihk/lists.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/*
 * A verb of the command line, with its target ("cpu" of "query cpu") or NULL.
 * run gets the index of the device and the operand (NULL if it takes none),
 * and returns an exit status.
 */
struct verb {
	const char *name;
	const char *target;
	const char *operand; /* its name in messages; NULL: the verb takes none */
	int (*run)(int index, const char *operand);
	bool has_json;
};

struct tool {
	const char *name;
	const char *index_name;
	int index_max;
	const char *help;
	const struct verb *verbs; /* ended by one without a name */
};

int tool_main(const struct tool *tool, int argc, char **argv);
extern bool tool_json; /* --json was given */

/* One line on stderr; returns EXIT_USAGE. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "error: <what>: <operand>: <the library's sentence>"; returns EXIT_REFUSED. */
int refused(const char *what, const char *operand);
/* EXIT_DONE for 0 or more, else refused(). */
int done(int ret, const char *what, const char *operand);

/* Output of queries; the lists' elements come from `query`, whose number from `count`. */
int print_cpus(int index, const char *what, int (*count)(int), int (*query)(int, int *, int));
int print_mem(int index, const char *what, int (*count)(int),
	      int (*query)(int, struct ihk_mem_chunk *, int));

/* Verbs on lists. */
int with_cpus(int index, const char *list, const char *what, int (*fn)(int, const int *, int));
/* As above; "all" alone means all of every node. */
int with_mem(int index, const char *list, const char *what,
	     int (*fn)(int, const struct ihk_mem_chunk *, int), int (*count)(int),
	     int (*query)(int, struct ihk_mem_chunk *, int));

/* "name value" per line, or one JSON object. */
struct counter {
	const char *name;
	abi_u64 value;
};
void print_counters(const struct counter *counters, int count);
int print_build_id(int index, int (*get)(int, struct ihk_build_id *));

#endif
