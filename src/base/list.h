/* list.h: intrusive, circular, doubly linked. A state is a list; one function moves objects. */

#pragma once

#include "base/base.h"

struct list {
    struct list *prev, *next; /* of a head: last and first */
};

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for_each(it, head)       for (struct list *it = (head)->next; it != (head); it = it->next)
/* the body may remove `it` */
#define list_for_each_safe(it, head)                                                               \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add(struct list *head, struct list *node) /* at the front */
{
    node->prev = head;
    node->next = head->next;
    head->next->prev = node;
    head->next = node;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    list_add(head->prev, node);
}

/* Leaves node a list of its own: removing twice is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
