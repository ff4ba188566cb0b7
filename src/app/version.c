/* version.c: the build passes the two in. */

#include "app/version.h"

const char courier_version[] = COURIER_VERSION;
const char courier_commit[] = COURIER_COMMIT;
