/* version.h: which courier this is. */

#pragma once

extern const char courier_version[];   /* "0.1.0" */
extern const char courier_commit[];    /* short hash, or "unknown" */
extern const char courier_libraries[]; /* built against: "libuv 1.44.2, …" */
