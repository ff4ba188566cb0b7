/* key_shard.c: see key_shard.h.
 *
 *     shard | entries … | places … | texts …        one allocation
 *
 * Made in two steps: what it will hold is gathered as drafts whose texts are numbered, equal ones
 * alike; then its size is known and it is written. The places are open addressing by bytes of the
 * keyed hash, which are as good as random. What is compared is never the key itself but its HMAC,
 * so the place of a probe tells an attacker nothing that he could steer; the last comparison is
 * constant-time all the same. */

#include "service/key_shard.h"

#include <errno.h>
#include <stdlib.h>

enum { DRAFT_TEXTS = 4, FIRST_DRAFTS = 256, NO_TEXT = UINT32_MAX };

/* An entry to be; its texts are borrowed of a row or of the old shard. */
struct draft {
    const unsigned char *hash;
    struct principal principal;
    uint32_t texts[DRAFT_TEXTS]; /* their numbers: key_name, user_name, models, model_limits */
};

struct text {
    struct slice slice;
    size_t at; /* behind the beginning of the shard's texts */
};

struct key_shard_maker {
    struct draft *drafts;
    struct text *texts;
    uint32_t *places; /* of texts by their hash: a number from 1; 0: free */
    size_t drafts_len, drafts_cap;
    size_t texts_len; /* there is room for DRAFT_TEXTS of each draft, and twice as many places */
    size_t texts_bytes;
};

struct key_shard_maker *key_shard_maker_new(void)
{
    return calloc(1, sizeof(struct key_shard_maker));
}

void key_shard_maker_free(struct key_shard_maker *m)
{
    if (!m)
        return;
    free(m->drafts);
    free(m->texts);
    free(m->places);
    free(m);
}

static size_t places_cap(size_t drafts)
{
    return drafts * 8; /* a power of two, twice DRAFT_TEXTS */
}

/* What it held is forgotten. */
static int make_room(struct key_shard_maker *m, size_t drafts)
{
    size_t cap = MAX(m->drafts_cap, (size_t)FIRST_DRAFTS);

    m->drafts_len = m->texts_len = m->texts_bytes = 0;
    while (cap < drafts)
        cap *= 2;
    if (cap != m->drafts_cap) {
        free(m->drafts);
        free(m->texts);
        free(m->places);
        m->drafts = calloc(cap, sizeof(*m->drafts));
        m->texts = calloc(cap * DRAFT_TEXTS, sizeof(*m->texts));
        m->places = calloc(places_cap(cap), sizeof(*m->places));
        m->drafts_cap = m->drafts && m->texts && m->places ? cap : 0;
    }
    if (!m->drafts_cap)
        return -ENOMEM;
    memset(m->places, 0, places_cap(cap) * sizeof(*m->places));
    return OK;
}

/* --- gathering --- */

static uint32_t number_text(struct key_shard_maker *m, struct slice text)
{
    size_t mask = places_cap(m->drafts_cap) - 1;

    if (slice_is_empty(text))
        return NO_TEXT;
    size_t i = (size_t)slice_hash(text) & mask;
    while (m->places[i] && !slice_eq(m->texts[m->places[i] - 1].slice, text))
        i = (i + 1) & mask;
    if (!m->places[i]) {
        m->texts[m->texts_len] = (struct text){text, m->texts_bytes};
        m->texts_bytes += text.len;
        m->places[i] = (uint32_t)++m->texts_len;
    }
    return m->places[i] - 1;
}

static void add_draft(struct key_shard_maker *m, const unsigned char *hash,
                      const struct principal *p)
{
    m->drafts[m->drafts_len++] = (struct draft){
        .hash = hash,
        .principal = *p,
        .texts = {number_text(m, p->key_name), number_text(m, p->user_name),
                  number_text(m, p->models), number_text(m, p->model_limits)},
    };
}

static bool is_hash(const unsigned char *a, const unsigned char *b)
{
    return memcmp(a, b, KEY_HASH_LEN) == 0;
}

static bool is_among(const struct key_row *rows, size_t n, const unsigned char *hash)
{
    for (size_t i = 0; i < n; i++)
        if (is_hash(rows[i].hash, hash))
            return true;
    return false;
}

static struct principal principal_of(const struct key_row *row)
{
    return (struct principal){.key_id = row->id,
                              .user_id = row->user_id,
                              .key_name = row->name,
                              .user_name = row->user_name,
                              .admin = row->admin,
                              .rpm = row->rpm,
                              .tpm = row->tpm,
                              .concurrency = row->concurrency,
                              .models = row->models,
                              .model_limits = row->model_limits,
                              .expires_wall_us = row->expires_wall_us};
}

static void add_row(struct key_shard_maker *m, const struct key_row *row)
{
    struct principal p = principal_of(row);

    add_draft(m, row->hash, &p);
}

/* Of two rows with one hash the later one holds. */
static int gather(struct key_shard_maker *m, const struct key_shard *old,
                  const struct key_row *rows, size_t n)
{
    size_t old_len = old ? old->len : 0;
    int rc = make_room(m, old_len + n);

    for (size_t i = 0; rc == OK && i < old_len; i++)
        if (!is_among(rows, n, old->entries[i].hash))
            add_draft(m, old->entries[i].hash, &old->entries[i].principal);
    for (size_t i = 0; rc == OK && i < n; i++)
        if (!rows[i].revoked && !is_among(rows + i + 1, n - i - 1, rows[i].hash))
            add_row(m, &rows[i]);
    return rc;
}

/* --- writing --- */

static size_t first_place(const unsigned char hash[KEY_HASH_LEN])
{
    uint64_t middle;

    memcpy(&middle, hash + 8, sizeof(middle)); /* the first bytes chose the shard */
    return (size_t)middle;
}

static struct slice written_text(const struct key_shard_maker *m, const char *texts, uint32_t n)
{
    return n == NO_TEXT ? (struct slice){0}
                        : slice_of(texts + m->texts[n].at, m->texts[n].slice.len);
}

static void write_entries(const struct key_shard_maker *m, struct key_entry *entries,
                          const char *texts)
{
    for (size_t i = 0; i < m->drafts_len; i++) {
        const struct draft *d = &m->drafts[i];
        struct key_entry *e = &entries[i];
        memcpy(e->hash, d->hash, KEY_HASH_LEN);
        e->principal = d->principal;
        e->principal.key_name = written_text(m, texts, d->texts[0]);
        e->principal.user_name = written_text(m, texts, d->texts[1]);
        e->principal.models = written_text(m, texts, d->texts[2]);
        e->principal.model_limits = written_text(m, texts, d->texts[3]);
    }
}

static void write_places(const struct key_shard *s, uint32_t *places)
{
    memset(places, 0, ((size_t)s->mask + 1) * sizeof(*places));
    for (uint32_t n = 0; n < s->len; n++) {
        size_t i = first_place(s->entries[n].hash) & s->mask;
        while (places[i])
            i = (i + 1) & s->mask;
        places[i] = n + 1;
    }
}

static struct key_shard *write_shard(const struct key_shard_maker *m)
{
    size_t places_len = 4;

    while (places_len < m->drafts_len + m->drafts_len / 2)
        places_len *= 2;
    struct key_shard *s = malloc(sizeof(*s) + m->drafts_len * sizeof(struct key_entry) +
                                 places_len * sizeof(uint32_t) + m->texts_bytes);
    if (!s)
        return NULL;
    struct key_entry *entries = (struct key_entry *)(void *)(s + 1);
    uint32_t *places = (uint32_t *)(void *)(entries + m->drafts_len);
    char *texts = (char *)(places + places_len);
    *s = (struct key_shard){.len = (uint32_t)m->drafts_len,
                            .mask = (uint32_t)places_len - 1,
                            .entries = entries,
                            .places = places};
    atomic_init(&s->refs, 1);
    for (size_t i = 0; i < m->texts_len; i++)
        memcpy(texts + m->texts[i].at, m->texts[i].slice.at, m->texts[i].slice.len);
    write_entries(m, entries, texts);
    write_places(s, places);
    return s;
}

int key_shard_change(struct key_shard_maker *m, const struct key_shard *old,
                     const struct key_row *rows, size_t n, struct key_shard **ret)
{
    int rc = gather(m, old, rows, n);

    *ret = NULL;
    if (rc < 0 || m->drafts_len == 0)
        return rc;
    *ret = write_shard(m);
    return *ret ? OK : -ENOMEM;
}

/* --- holding and finding --- */

void key_shard_ref(struct key_shard *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void key_shard_unref(struct key_shard *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        free(s);
}

const struct principal *key_shard_find(const struct key_shard *s,
                                       const unsigned char hash[KEY_HASH_LEN])
{
    struct slice wanted = slice_of((const char *)hash, KEY_HASH_LEN);

    for (size_t i = first_place(hash) & s->mask; s->places[i]; i = (i + 1) & s->mask) {
        const struct key_entry *e = &s->entries[s->places[i] - 1];
        if (slice_eq_secret(slice_of((const char *)e->hash, KEY_HASH_LEN), wanted))
            return &e->principal;
    }
    return NULL;
}

static bool is_same(const struct principal *a, const struct principal *b)
{
    return a->key_id == b->key_id && a->user_id == b->user_id &&
           slice_eq(a->key_name, b->key_name) && slice_eq(a->user_name, b->user_name) &&
           a->admin == b->admin && a->rpm == b->rpm && a->tpm == b->tpm &&
           a->concurrency == b->concurrency && slice_eq(a->models, b->models) &&
           slice_eq(a->model_limits, b->model_limits) && a->expires_wall_us == b->expires_wall_us;
}

bool key_shard_holds(const struct key_shard *s, const struct key_row *rows, size_t n)
{
    size_t active = 0;

    for (size_t i = 0; i < n; i++) {
        if (rows[i].revoked)
            continue;
        struct principal wanted = principal_of(&rows[i]);
        const struct principal *p = s ? key_shard_find(s, rows[i].hash) : NULL;
        if (!p || !is_same(p, &wanted))
            return false;
        active++;
    }
    return active == (s ? s->len : 0);
}
