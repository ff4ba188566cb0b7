/* admin.h: what the administrative services share; private to them (see key_admin.h). */

#pragma once

#include "service/key_admin.h"
#include "service/seal.h"

struct db;
struct hmac;

struct admin {
    struct db *db;
    struct hmac *hmac; /* of keys */
    struct seal seal;  /* of providers' keys */
};
