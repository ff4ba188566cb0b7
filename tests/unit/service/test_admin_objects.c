/* test_admin_objects.c: what administrators do, down to the rows: versions, audit, refusals; and
 * whatever allocation fails, nothing is half done. */

#include "service/admin_objects.h"

#include "service/admin.h"
#include "store/db.h"

#include "support/alloc_fail.h"
#include "support/db_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct admin *admin;
    struct arena arena;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct admin_options options = {.secret_key = secret_of(SLICE("the secret"))};

    scratch_make(&f->scratch);
    options.store = slice_str(scratch_path(&f->scratch, "sqlite:", "courier.db", f->url));
    arena_init(&f->arena, 0);
    assert_int_equal(admin_open(&options, &f->admin), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    admin_close(f->admin);
    arena_clear(&f->arena);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static struct slice describe(const void *row, struct arena *a)
{
    (void)row;
    return arena_copy(a, SLICE("{}"));
}

static struct admin_change change(struct arena *a, const char *key)
{
    return (struct admin_change){.arena = a,
                                 .key = slice_str(key),
                                 .key_id = 70,
                                 .user_id = 71,
                                 .request_id = SLICE("req-1"),
                                 .describe = describe};
}

/* An admin key is there, so that changes of others are not refused. */
static void make_admin(struct fixture *f)
{
    const struct key_wish wish = {.user = SLICE("boss"), .admin = true};
    struct key_row row;
    struct secret key;

    assert_int_equal(key_admin_create(f->admin, &wish, &f->arena, &row, &key), OK);
}

static int make_user(struct fixture *f, struct arena *a, const char *name, struct admin_change *ret)
{
    struct user_row *row = arena_new(a, struct user_row);

    *ret = change(a, "");
    if (!row)
        return -ENOMEM;
    row->name = slice_str(name);
    ret->wanted.row = row;
    return admin_make(f->admin, &admin_users, ret);
}

static void a_change_and_its_audit_row_are_one(void **state)
{
    struct fixture *f = *state;
    struct admin_change c;

    make_admin(f);
    assert_int_equal(make_user(f, &f->arena, "ann", &c), OK);
    const struct user_row *user = c.row;
    assert_true(slice_eq(user->name, SLICE("ann")));
    assert_int_equal(user->version, 1);
    assert_int_equal(
        db_rig_number(f->admin->db,
                      "SELECT count(*) FROM audit_log WHERE key_id = 70 AND user_id = 71 "
                      "AND request_id = 'req-1' AND action = 'create' AND object_type = "
                      "'user' AND object_id = '2' AND before_json IS NULL "
                      "AND after_json = '{}'"),
        1);
    assert_int_equal(make_user(f, &f->arena, "ann", &c), -EPERM);
    assert_int_equal(c.fault.kind, FAULT_ALREADY_EXISTS);
    assert_int_equal(db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log"), 1);
}

static void a_version_that_is_not_the_objects_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t version;
        const char *if_match;
        enum fault_kind fault;
    } cases[] = {
        {0, NULL,            FAULT_NONE            },
        {2, NULL,            FAULT_NONE            },
        {2, NULL,            FAULT_VERSION_CONFLICT},
        {0, "\"3\"",         FAULT_NONE            },
        {0, "\"3\"",         FAULT_PRECONDITION    },
        {0, "W/\"4\"",       FAULT_PRECONDITION    },
        {0, "\"9\", \"4\" ", FAULT_NONE            },
        {0, " * ",           FAULT_NONE            },
        {6, "\"5\"",         FAULT_PRECONDITION    },
        {0, "4",             FAULT_PRECONDITION    },
        {0, "",              FAULT_PRECONDITION    },
        {0, ",",             FAULT_PRECONDITION    },
    };
    struct admin_change c;

    make_admin(f);
    assert_int_equal(make_user(f, &f->arena, "ann", &c), OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct user_row row = {.name = SLICE("anna")};
        c = change(&f->arena, "2");
        c.version = cases[i].version;
        if (cases[i].if_match)
            c.if_match = slice_str(cases[i].if_match);
        c.wanted =
            (struct row_change){&row, {{offsetof(struct user_row, name), sizeof(row.name)}}, 1};
        int rc = admin_update(f->admin, &admin_users, &c);
        assert_int_equal(rc, cases[i].fault ? -EPERM : OK);
        assert_int_equal(c.fault.kind, cases[i].fault);
    }
}

static void a_deleted_user_is_remembered_and_what_never_was_is_not(void **state)
{
    struct fixture *f = *state;
    struct admin_change c;

    make_admin(f);
    assert_int_equal(make_user(f, &f->arena, "ann", &c), OK);
    for (int i = 0; i < 2; i++) {
        c = change(&f->arena, "2");
        assert_int_equal(admin_delete(f->admin, &admin_users, &c), OK);
    }
    assert_int_equal(
        db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log WHERE action = 'delete'"), 1);
    assert_int_equal(
        db_rig_number(f->admin->db, "SELECT count(*) FROM users WHERE name = 'ann (deleted 2)'"),
        1);
    c = change(&f->arena, "3");
    assert_int_equal(admin_delete(f->admin, &admin_users, &c), -EPERM);
    assert_int_equal(c.fault.kind, FAULT_NOT_FOUND);
}

static void the_trail_tells_the_id_however_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct user_row row = {.name = SLICE("anna")};
    struct admin_change c;

    make_admin(f);
    assert_int_equal(make_user(f, &f->arena, "ann", &c), OK);
    c = change(&f->arena, "0002");
    c.wanted = (struct row_change){&row, {{offsetof(struct user_row, name), sizeof(row.name)}}, 1};
    assert_int_equal(admin_update(f->admin, &admin_users, &c), OK);
    c = change(&f->arena, "002");
    assert_int_equal(admin_delete(f->admin, &admin_users, &c), OK);
    assert_int_equal(
        db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log WHERE object_id = '2'"), 3);
}

static void the_last_admin_stays(void **state)
{
    struct fixture *f = *state;
    struct admin_change c;

    make_admin(f);
    c = change(&f->arena, "1");
    assert_int_equal(admin_delete(f->admin, &admin_keys, &c), -EPERM);
    assert_int_equal(c.fault.kind, FAULT_CONFLICT);
    c = change(&f->arena, "1");
    assert_int_equal(admin_delete(f->admin, &admin_users, &c), -EPERM);
    assert_int_equal(
        db_rig_number(f->admin->db, "SELECT count(*) FROM api_keys WHERE status = 'active'"), 1);
    assert_int_equal(db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log"), 0);
}

static int make_key(struct fixture *f, struct arena *a, struct admin_change *ret)
{
    struct key_row *row = arena_new(a, struct key_row);

    *ret = change(a, "");
    if (!row)
        return -ENOMEM;
    row->user_id = 1;
    ret->wanted.row = row;
    return admin_make(f->admin, &admin_keys, ret);
}

static void a_key_is_told_once_and_rotated(void **state)
{
    struct fixture *f = *state;
    const struct key_rotation rotation = {.grace_ms = 1000};
    struct admin_change c;

    make_admin(f);
    assert_int_equal(make_key(f, &f->arena, &c), OK);
    struct key_row made = *(const struct key_row *)c.row;
    assert_int_equal(secret_reveal(made.token).len, 49);
    c = change(&f->arena, "2");
    assert_int_equal(admin_show(f->admin, &admin_keys, &c), OK);
    assert_true(secret_is_empty(((const struct key_row *)c.row)->token));
    c = change(&f->arena, "2");
    c.wanted.row = &rotation;
    assert_int_equal(admin_update(f->admin, &admin_key_rotations, &c), OK);
    const struct key_row *rotated = c.row;
    assert_memory_equal(rotated->old_hash, made.hash, sizeof(made.hash));
    assert_memory_not_equal(rotated->hash, made.hash, sizeof(made.hash));
    assert_false(slice_eq(secret_reveal(rotated->token), secret_reveal(made.token)));
    assert_int_equal(
        db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log WHERE action = 'rotate'"), 1);
}

static void pages_follow_each_other(void **state)
{
    struct fixture *f = *state;
    struct page_wish wish = {.limit = 2};
    struct admin_page page;
    struct admin_change c;
    size_t seen = 0;

    make_admin(f);
    for (int i = 0; i < 6; i++)
        assert_int_equal(make_user(f, &f->arena, arena_printf(&f->arena, "u%d", i).at, &c), OK);
    do {
        assert_int_equal(admin_list(f->admin, &admin_users, &wish, &f->arena, &page), OK);
        seen += page.len;
        wish.after = page.next;
    } while (page.next.len);
    assert_int_equal(seen, 7);
    assert_int_equal(page.len, 1);
    wish.after = SLICE("no id");
    assert_int_equal(admin_list(f->admin, &admin_users, &wish, &f->arena, &page), -EINVAL);
}

/* Whatever allocation fails, there is a row with its audit row, or neither. */
static void out_of_memory_leaves_nothing_half_done(void **state)
{
    struct fixture *f = *state;

    make_admin(f);
    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct admin_change c;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = make_key(f, &arena, &c);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&arena);
        int64_t keys = db_rig_number(f->admin->db, "SELECT count(*) FROM api_keys") - 1;
        assert_int_equal(keys, db_rig_number(f->admin->db, "SELECT count(*) FROM audit_log"));
        if (!hit) {
            assert_int_equal(rc, OK);
            break;
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_and_its_audit_row_are_one),
        TEST(a_version_that_is_not_the_objects_is_refused),
        TEST(a_deleted_user_is_remembered_and_what_never_was_is_not),
        TEST(the_trail_tells_the_id_however_it_was_written),
        TEST(the_last_admin_stays),
        TEST(a_key_is_told_once_and_rotated),
        TEST(pages_follow_each_other),
        TEST(out_of_memory_leaves_nothing_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
