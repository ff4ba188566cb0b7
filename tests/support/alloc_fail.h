/* alloc_fail.h: make the n-th allocation of the code under test fail.
 *
 * The unit tests link with --wrap for malloc, calloc and realloc. alloc_fail_at(n) makes the n-th
 * allocation from now on (1 = the next) return NULL, once; 0 switches it off. alloc_fail_hit()
 * says whether it happened, so a test loops n = 1, 2, … until a run was not hit:
 *
 *     for (unsigned n = 1;; n++) {
 *         alloc_fail_at(n);
 *         int rc = thing_under_test();
 *         if (!alloc_fail_hit()) { assert_int_equal(rc, 0); break; }
 *         assert_true(rc < 0);
 *     }
 */

#pragma once

#include <stdbool.h>

void alloc_fail_at(unsigned n);
bool alloc_fail_hit(void);
