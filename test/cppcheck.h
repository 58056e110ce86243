/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What cppcheck, which does not read Linux's headers, has to know of them to follow the
 * module: the loops that macros make. Each assigns its variable something that nobody knows.
 */
#ifndef CPPCHECK_H
#define CPPCHECK_H

#define ENTRIES(entry, from) for ((entry) = unknown(from); more(entry); (entry) = unknown(from))
#define NUMBERS(number, from, end) for ((number) = unknown(from); (number) < (end); (number)++)

#define for_each_cpu(cpu, mask) NUMBERS(cpu, mask, NR_CPUS)
#define for_each_cpu_and(cpu, mask, other) NUMBERS(cpu, mask, NR_CPUS)
#define for_each_set_bit(bit, words, size) NUMBERS(bit, words, size)
#define list_for_each_entry(entry, head, member) ENTRIES(entry, head)
#define list_for_each_entry_safe(entry, next, head, member) ENTRIES(entry, (next) = head)
#define hlist_for_each_entry_rcu(entry, head, member) ENTRIES(entry, head)
#define hash_for_each_possible_safe(table, entry, next, member, key) ENTRIES(entry, (next) = table)
#define xa_for_each(array, index, entry) ENTRIES(entry, (index) = unknown(array))
#define xa_for_each_range(array, index, entry, first, last) xa_for_each(array, index, entry)

#endif
