/* mock_turns.c: see mock_turns.h. */

#include "app/mock_turns.h"

enum { NAMES_MOST = 4096 };

struct turn {
    uint64_t requests; /* so far */
    uint64_t begun_ms; /* the first of them */
};

void mock_turns_init(struct mock_turns *t)
{
    arena_init(&t->arena, 0);
    map_init(&t->names);
}

static struct turn *turn_of(struct mock_turns *t, struct slice name, uint64_t now_ms)
{
    struct turn *turn = map_get(&t->names, name);

    if (turn || t->names.len >= NAMES_MOST)
        return turn;
    struct slice copy = arena_copy(&t->arena, name);
    turn = copy.at ? arena_new(&t->arena, struct turn) : NULL;
    if (!turn || map_put(&t->names, copy, turn) < 0)
        return NULL;
    *turn = (struct turn){.begun_ms = now_ms};
    return turn;
}

/* Scattered, and the same in each run: splitmix64. */
static bool has_bad_luck(uint64_t request, uint64_t odds)
{
    uint64_t h = request * 0x9e3779b97f4a7c15u;

    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return (h ^ h >> 31) % 100 < odds;
}

bool mock_turns_fails(struct mock_turns *t, const struct mock_plan *plan, struct slice name,
                      uint64_t now_ms)
{
    struct turn *turn = turn_of(t, name, now_ms);

    if (!turn || turn->requests++ < plan->fail_first)
        return true;
    if (has_bad_luck(turn->requests, plan->odds))
        return true;
    return plan->flap && (now_ms - turn->begun_ms) / plan->flap % 2 == 0;
}

void mock_turns_clear(struct mock_turns *t)
{
    map_free(&t->names);
    arena_clear(&t->arena);
    mock_turns_init(t);
}
