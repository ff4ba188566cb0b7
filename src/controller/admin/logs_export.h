/* logs_export.h: the call log as a file of any size. Private to controller/admin. */

#pragma once

#include "controller/admin/objects.h"

enum logs_format { LOGS_JSONL, LOGS_CSV };

/* Answers with the rows of the wish, newest first; HEAD with the fields alone. The texts of the
 * wish are copied. */
void logs_export_answer(struct exchange *x, const struct page_wish *wish, enum logs_format format);
