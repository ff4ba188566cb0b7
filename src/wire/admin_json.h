/* admin_json.h: users, keys, providers, models and audit rows as the admin API reads and writes
 * them. No writer shows a secret but the one of a key that has just been made. */

#pragma once

#include "codec/json_out.h"
#include "wire/entry_reader.h"

extern const struct entry_form admin_user_form, admin_key_form;
extern const struct entry_form admin_provider_form, admin_model_form;
/* struct key_rotation */
extern const struct entry_form admin_rotation_form;

/* A row of the kind that the name says, as a JSON object; .at NULL: out of memory. */
struct slice admin_user_json(const void *row, struct arena *a);
struct slice admin_key_json(const void *row, struct arena *a);
struct slice admin_provider_json(const void *row, struct arena *a);
struct slice admin_model_json(const void *row, struct arena *a);
struct slice admin_audit_json(const void *row, struct arena *a);
struct slice admin_log_json(const void *row, struct arena *a);
struct slice admin_prompt_json(const void *row, struct arena *a);

/* {"data":[…],"next":…}; rows: n of row_size bytes; next empty: null. */
struct admin_rows {
    const void *rows;
    size_t n, row_size;
    struct slice next;
};
struct slice admin_page_json(const struct admin_rows *page,
                             struct slice (*one)(const void *row, struct arena *a),
                             struct arena *a);
