/* health.h: how each target has been doing: a circuit and a retry budget, per worker.
 *
 *   CLOSED    → OPEN       5 failures in a row, half of 10 or more in 10 s, or credentials refused
 *   OPEN      → HALF_OPEN  the rest is over: one probe may go
 *   HALF_OPEN → CLOSED     the probe succeeded
 *   HALF_OPEN → OPEN       it failed: a rest twice as long, up to a minute
 *
 * A call that is sent to an open circuit before the rest is over, for want of anything better, is
 * the probe too: its success closes the circuit, its failure proves nothing new. What any other
 * call comes to while the circuit is open changes nothing: mostly it began before that.
 *
 * A provider's own hint makes a target rest, which opens no circuit: when it is over, all may go. A
 * rest never ends earlier than an older one would have.
 * Knows no provider: a target is a number (target.identity). No clock is read. */

#pragma once

#include "base/base.h"

struct health_table;
struct health;

enum health_verdict {
    HEALTH_GOOD,    /* it answered */
    HEALTH_BAD,     /* it failed, and that was its fault */
    HEALTH_LIMITED, /* it has enough for now: a failure only when it does not say for how long */
    HEALTH_REFUSED, /* it refused our credentials: more of them would not help */
    HEALTH_NEUTRAL, /* nobody's fault, or the caller's */
};

/* NULL: out of memory. */
struct health_table *health_table_new(void);
void health_table_free(struct health_table *t);
/* Made when it is not there; lives until the table goes or, without calls, until the table needs
 * its place: hold it no longer than a call is under way. At HEALTH_MAX those that are closed are
 * forgotten; when none is, the one whose rest ends first. NULL: out of memory, or HEALTH_MAX
 * targets with calls. */
enum { HEALTH_MAX = 4096 };
struct health *health_of(struct health_table *t, uint64_t identity);

/* Milliseconds until it may be used; 0: now. h may be NULL: nothing is known. */
uint64_t health_wait_ms(const struct health *h, uint64_t now_ms);
uint64_t health_outstanding(const struct health *h);

/* How a target is doing, for whoever watches. */
enum health_state { HEALTH_CLOSED, HEALTH_OPEN, HEALTH_HALF_OPEN };
struct health_figures {
    uint64_t identity;
    enum health_state state;
    uint64_t wait_ms; /* as health_wait_ms */
    uint64_t outstanding;
    unsigned in_a_row;        /* failures */
    uint32_t calls, failures; /* that came to something, in the last 10 s */
};
void health_each(const struct health_table *t, uint64_t now_ms,
                 void (*tell)(void *owner, const struct health_figures *f), void *owner);

/* A call at a target, from begin to end; zeroed: none. */
struct health_call {
    struct health *health;
    bool probe;   /* the one that finds out whether the rest has helped */
    bool counted; /* among the calls that came to something */
};

/* Counted; takes the probe's place when the circuit is not closed. h may be NULL. */
void health_begin(struct health_call *c, struct health *h, uint64_t now_ms);
/* What became of it; may be said more than once (it answered, then it broke off) and counts as one
 * call. hint_ms: the provider's own wish for rest, with a verdict that is neither good nor neutral;
 * more than ten minutes is ten; 0: none. */
void health_judge(struct health_call *c, enum health_verdict verdict, uint64_t hint_ms,
                  uint64_t now_ms);
/* The call is over. Harmless when it is already. */
void health_end(struct health_call *c);
/* May the call be repeated? Repeats are at most a fifth of the other calls of the last 10 s, or
 * three when those are few; true takes one. */
bool health_take_retry(struct health *h, uint64_t now_ms);
