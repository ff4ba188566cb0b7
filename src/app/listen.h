/* listen.h: the address in `listen`, "127.0.0.1:8080", in parts. */

#pragma once

#include "base/arena.h"

/* What is in front of the port's colon; empty: every address. */
struct slice listen_host(struct slice listen);
/* Where this machine itself reaches it: the host, or 127.0.0.1 for every address. */
struct slice listen_host_here(struct slice listen);
/* Behind the colon. */
struct slice listen_port(struct slice listen);
/* The same host with another port; in the arena. */
struct slice listen_with_port(struct arena *a, struct slice listen, const char *port);
