/* SPDX-License-Identifier: GPL-2.0-only */
/* The lists of the command line: CPUs, memory, IKC maps; read and written. */
#ifndef IHK_LISTS_H
#define IHK_LISTS_H

#include "ihk/ihklib.h"

#define IHK_LIST_WHY 160 /* room for why a list is refused */

/*
 * Each parser returns the number of elements, or -EINVAL with a sentence in
 * `why` that names the piece and the rule. The elements are the caller's, to
 * be freed; none are allocated on failure.
 */

/* "0,2-5": decimal numbers and ascending ranges, kept in the order given. */
int ihk_parse_cpus(const char *text, int **cpus, char why[IHK_LIST_WHY]);

/* "512M@0,1G,all@1": multiples of 4 MiB, or all; node 0 where none is given. */
int ihk_parse_mem(const char *text, struct ihk_mem_chunk **chunks, char why[IHK_LIST_WHY]);

/* "1,2:0+3-5:4": CPUs of the LWK, and the Linux CPU that serves them. */
int ihk_parse_ikc_map(const char *text, struct ihk_ikc_cpu_map **map, char why[IHK_LIST_WHY]);

/* A decimal number from 0 to max and nothing else, or -EINVAL. */
int ihk_parse_number(const char *text, int max);

/* The same lists as text, to be freed; NULL without memory. The empty list is "". */
char *ihk_format_cpus(const int *cpus, int count);
char *ihk_format_mem(const struct ihk_mem_chunk *chunks, int count);
char *ihk_format_ikc_map(const struct ihk_ikc_cpu_map *map, int count);

#endif
