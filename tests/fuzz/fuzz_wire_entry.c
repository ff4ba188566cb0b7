/* fuzz_wire_entry.c: any bytes as an object of the admin API.
 *
 * What must hold: what is refused has a message; what is read can be written, as valid JSON that
 * holds no secret and can be read again where it may. */

#include "wire/admin_json.h"
#include "wire/entry_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const struct kind {
    const struct entry_form *form;
    struct slice (*json)(const void *row, struct arena *a);
} kinds[] = {
    {&admin_user_form,     admin_user_json    },
    {&admin_key_form,      admin_key_json     },
    {&admin_provider_form, admin_provider_json},
    {&admin_model_form,    admin_model_json   },
    {&admin_rotation_form, NULL               },
};

static void fuzz(const struct kind *kind, struct slice body, bool making)
{
    struct entry_ask ask = {.making = making};
    struct fault fault = {.kind = FAULT_NONE};
    struct json_error error;
    struct arena arena;

    arena_init(&arena, 0);
    if (!entry_read(kind->form, body, &arena, &ask, &fault)) {
        check(fault.kind != FAULT_NONE && fault.message.len > 0);
    } else if (kind->json) {
        struct slice text = kind->json(ask.change.row, &arena);
        check(text.at && json_is_valid(text, &error));
        check(ask.change.given_len <= ROW_CHANGE_MOST);
        check(making ? ask.version == 0 : true);
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice text = slice_of((const char *)bytes, n);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        fuzz(&kinds[i], text, true);
        fuzz(&kinds[i], text, false);
    }
    return 0;
}
