/* key_repo.h: the table api_keys. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "model/rows.h"

struct db;

/* Adds all but row->id and row->user_name; sets row->id. -EEXIST: that key is there already. */
int key_repo_add(struct db *db, struct key_row *row);
/* Writes all columns of the row with that id but its user, its time of creation and its last use;
 * the version moves. -ENOENT. */
int key_repo_update(struct db *db, const struct key_row *row);
/* All, oldest first. */
int key_repo_list(struct db *db, struct arena *a, struct key_row **ret, size_t *ret_len);
/* Hears one key after the other; the row's text is lent during the call. Negative: stop with it. */
struct key_ear {
    int (*hear)(struct key_ear *ear, const struct key_row *row);
};
/* The keys that changed, or whose user did, behind that version of the catalog, in the order of
 * their changes; behind KEY_REPO_ALL: all keys. Never holds them all. In a transaction that reads,
 * together with the versions. */
enum { KEY_REPO_ALL = -1 };
int key_repo_read(struct db *db, int64_t behind, struct key_ear *ear);
/* A page, by id. */
enum { KEY_FILTER_USER, KEY_FILTER_NAME, KEY_FILTER_PREFIX, KEY_FILTER_STATUS };
int key_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                  struct key_row **ret, size_t *ret_len);
/* -ENOENT. */
int key_repo_find_by_id(struct db *db, int64_t id, struct arena *a, struct key_row *ret);
/* -ENOENT. */
int key_repo_find_by_hash(struct db *db, const unsigned char hash[KEY_HASH_LEN], struct arena *a,
                          struct key_row *ret);
/* The configured admin key. -ENOENT. */
int key_repo_find_from_file(struct db *db, struct arena *a, struct key_row *ret);
/* -ENOENT. Revoking twice is OK. */
int key_repo_revoke(struct db *db, int64_t id, uint64_t now_wall_us);
/* All keys of the user. */
int key_repo_revoke_of_user(struct db *db, int64_t user_id, uint64_t now_wall_us);
/* Whether the configured admin key is that user's. */
int key_repo_user_has_file_key(struct db *db, int64_t user_id, bool *ret);
/* Until when some admin key is good of those that are good now; 0: none is; KEY_REPO_FOR_EVER. */
#define KEY_REPO_FOR_EVER UINT64_MAX
int key_repo_admin_until(struct db *db, uint64_t now_wall_us, uint64_t *ret);
