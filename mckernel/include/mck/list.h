/* SPDX-License-Identifier: GPL-2.0-only */
/* Doubly linked lists, embedded in what they link. */
#ifndef MCK_LIST_H
#define MCK_LIST_H

#include "mck/lib.h"

struct list {
	struct list *next, *prev;
};

#define LIST_HEAD(name) struct list name = { &name, &name }

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_before(struct list *at, struct list *item)
{
	item->prev = at->prev;
	item->next = at;
	at->prev->next = item;
	at->prev = item;
}

static inline void list_add_tail(struct list *head, struct list *item)
{
	list_insert_before(head, item);
}

static inline void list_add(struct list *head, struct list *item)
{
	list_insert_before(head->next, item);
}

/* Leaves the item linked to itself, so that a second removal is harmless. */
static inline void list_del(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_for_each(pos, head, member)                                                       \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_safe(pos, tmp, head, member)                        \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),    \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head);                                      \
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*pos), member))

#endif
