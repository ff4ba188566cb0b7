/* openapi.c: see openapi.h. */

#include "controller/openapi.h"

#include "web/reply.h"

#include <embedded_api.h>

static void openapi_handle(struct exchange *x)
{
    reply_send(x, 200, SLICE("application/json"), slice_str(embedded_files[0].text));
}

const struct route route_openapi = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/openapi.json"),
    .handle = openapi_handle,
};
