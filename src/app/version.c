/* version.c: the build passes these in. */

#include "app/version.h"

const char courier_version[] = COURIER_VERSION;
const char courier_commit[] = COURIER_COMMIT;
const char courier_libraries[] = COURIER_LIBRARIES;
