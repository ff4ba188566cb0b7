/* upstream_status.h: what the status of a provider's answer means in any dialect, where its body
 * says no more. Pure. */

#pragma once

#include "model/fault.h"

enum fault_kind upstream_status_kind(int status);
