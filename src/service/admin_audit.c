/* admin_audit.c: the audit log, to be read only. */

#include "repository/audit_repo.h"
#include "service/admin_kind.h"

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    struct audit_row *rows;
    int rc = audit_repo_page(a->db, wish, arena, &rows, ret_len);

    *ret = rows;
    return rc;
}

static struct slice id_of(const void *row, struct arena *arena)
{
    const struct audit_row *audit = row;

    return arena_printf(arena, "%lld", (long long)audit->id);
}

const struct admin_kind admin_audit = {
    .name = "audit row",
    .row_size = sizeof(struct audit_row),
    .has_id = true,
    .page = page,
    .key = id_of,
};
