/* models.h: the models that a key may use. */

#pragma once

#include "web/chain.h"

/* GET /v1/models and /v1/models/{id}, in the shape of the client's dialect. */
extern const struct route route_models, route_model;
