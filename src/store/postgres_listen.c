/* postgres_listen.c: LISTEN, and the wait for what is told. */

#include "store/postgres.h"

#include "base/clock.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

static int listen_now(struct postgres_db *pg, const char *channel)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "LISTEN %s", channel);
    int rc = postgres_query(pg, sql);
    pg->listening = rc == OK;
    return rc < 0 ? rc : DB_CHANGED;
}

/* One wake-up stands for all that was told so far. */
static bool was_told(struct postgres_db *pg)
{
    bool told = false;
    PGnotify *n;

    while ((n = PQnotifies(pg->conn))) {
        PQfreemem(n);
        told = true;
    }
    return told;
}

/* *ret_woken: wake_fd can be read, or time is up. */
static int wait_once(struct postgres_db *pg, int wake_fd, uint64_t end_ms, bool *ret_woken)
{
    struct pollfd fds[] = {
        {PQsocket(pg->conn), POLLIN, 0},
        {wake_fd,            POLLIN, 0}
    };
    uint64_t now = clock_now_ms();

    *ret_woken = now >= end_ms;
    if (*ret_woken)
        return OK;
    int n = poll(fds, ARRAY_LEN(fds), (int)MIN(end_ms - now, (uint64_t)60000));
    if (n < 0 && errno != EINTR)
        return postgres_lose(pg, -errno);
    if (n <= 0)
        return OK;
    *ret_woken = fds[1].revents != 0;
    return fds[0].revents && !PQconsumeInput(pg->conn) ? postgres_lose_with_words(pg) : OK;
}

int postgres_listen(struct db *base, const char *channel, int wake_fd, uint64_t ms)
{
    struct postgres_db *pg = postgres_of(base);
    uint64_t end = clock_now_ms() + ms;
    bool woken = false;
    int rc = pg->in_transaction ? -EINVAL : postgres_alive(pg);

    if (rc < 0)
        return rc;
    if (!pg->listening)
        return listen_now(pg, channel);
    while (rc == OK && !was_told(pg)) {
        if (woken)
            return OK;
        rc = wait_once(pg, wake_fd, end, &woken);
    }
    return rc < 0 ? rc : DB_CHANGED;
}
