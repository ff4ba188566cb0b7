/* raw_peer.h: the other side of a connection, by hand: plain non-blocking sockets that a test
 * drives itself, on the thread of the loop under test. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAW_PEER_CONNS = 16, RAW_PEER_BYTES = 1 << 20 };

struct raw_conn {
    int fd;      /* -1: closed by us */
    char *bytes; /* what came, NUL behind it; RAW_PEER_BYTES at most */
    size_t len;
    bool ended; /* the other side closed or reset */
};

struct raw_peer {
    int listen_fd;
    uint16_t port;
    struct raw_conn conns[RAW_PEER_CONNS]; /* in the order in which they came */
    size_t len;
    bool deaf; /* does not read what comes */
};

void raw_peer_open(struct raw_peer *p);
/* Listens no more; those who connect are refused. */
void raw_peer_stop(struct raw_peer *p);
void raw_peer_close(struct raw_peer *p);
/* Accepts and reads what is there; does not wait. */
void raw_peer_poll(struct raw_peer *p);
/* All of it; waits for room in the socket. */
void raw_peer_send(struct raw_peer *p, size_t conn, const char *bytes, size_t n);
void raw_peer_say(struct raw_peer *p, size_t conn, const char *text);
void raw_peer_hang_up(struct raw_peer *p, size_t conn); /* FIN */
void raw_peer_reset(struct raw_peer *p, size_t conn);   /* RST */
/* Forgets what came, to wait for the next request. */
void raw_peer_forget(struct raw_peer *p, size_t conn);
/* A port on which nobody listens. */
uint16_t raw_peer_dead_port(void);
