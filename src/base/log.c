/* log.c: the calling side puts lines into its thread's ring, the log thread writes them out.
 *
 * The log thread looks at the rings every 50 ms while there is traffic and then costs the producers
 * nothing; only a ring that gets half full wakes it early. After a second without a line it sleeps
 * until the first line wakes it by an eventfd. */

#include "base/log.h"

#include "base/log_line.h"
#include "base/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RING_DEFAULT = 256 << 10,
    NAP_MS = 50,
    NAPS_MAX = 20,         /* without a line, then deep sleep */
    STUCK_WRITE_MS = 1000, /* a pipe that takes nothing for so long loses lines */
};

static struct {
    atomic_int level, format;
    atomic_uint run;      /* which log_start; 0: not running */
    atomic_bool sleeping; /* deeply: a new line must wake it */
    atomic_bool stopping;
    atomic_uint_fast64_t lost;
    size_t ring_bytes;
    pthread_t thread;
    int wake; /* eventfd; stays open once made: a thread may be about to write to it */

    pthread_mutex_t lock; /* of what follows; held for moments only */
    pthread_cond_t reopened;
    struct log_ring *incoming; /* rings of threads that logged their first line */
    int next_fd;               /* -1: none */
} lg = {
    .level = LOG_INFO,
    .format = LOG_TEXT,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .reopened = PTHREAD_COND_INITIALIZER,
    .next_fd = -1,
    .wake = -1,
};

/* the log thread's own */
static struct log_ring *rings;
static int out_fd = STDERR_FILENO;

/* ---- the calling side ---- */

static _Thread_local struct log_ring *own_ring;
static pthread_key_t own_ring_key; /* lets go of it when the thread ends */
static pthread_once_t own_ring_once = PTHREAD_ONCE_INIT;

static void own_ring_drop(void *ring)
{
    own_ring = NULL;
    log_ring_release(ring);
}

static void own_ring_make_key(void)
{
    pthread_key_create(&own_ring_key, own_ring_drop);
}

static void own_ring_forget(void)
{
    if (!own_ring)
        return;
    pthread_setspecific(own_ring_key, NULL);
    own_ring_drop(own_ring);
}

/* The calling thread's ring of this run; NULL when out of memory. */
static struct log_ring *own_ring_get(unsigned run)
{
    if (LIKELY(own_ring && own_ring->run == run))
        return own_ring;
    own_ring_forget(); /* one of an earlier run */
    struct log_ring *r = log_ring_new(lg.ring_bytes, run);
    if (!r)
        return NULL;
    pthread_once(&own_ring_once, own_ring_make_key);
    if (pthread_setspecific(own_ring_key, r) != 0)
        atomic_store(&r->holders, 1); /* nobody will let go of it: it ends with this line */
    else
        own_ring = r;
    pthread_mutex_lock(&lg.lock);
    r->next = lg.incoming;
    lg.incoming = r;
    pthread_mutex_unlock(&lg.lock);
    return r;
}

static void log_wake(void)
{
    uint64_t one = 1;

    if (write(lg.wake, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake */
}

/* A file takes everything. */
static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* What a pipe that is ready takes at once, whole lines if it can be: a descriptor that blocks would
 * else hold the thread for as long as nobody reads, and with it the end of the process. */
static size_t pipe_piece(struct slice s)
{
    if (s.len <= PIPE_BUF)
        return s.len;
    const char *end = memrchr(s.at, '\n', PIPE_BUF);
    return end ? (size_t)(end - s.at) + 1 : PIPE_BUF;
}

/* patience_ms: for the first bytes. */
static bool write_all(int fd, struct slice s, int patience_ms)
{
    bool file = is_file(fd);

    while (s.len) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        int polled = poll(&ready, 1, patience_ms);
        if (polled < 0 && errno == EINTR)
            continue;
        if (polled <= 0)
            return false;
        ssize_t n = write(fd, s.at, file ? s.len : pipe_piece(s));
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (n > 0)
            patience_ms = STUCK_WRITE_MS;
        s = slice_sub(s, (size_t)MAX(n, 0), s.len);
    }
    return true;
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields)
{
    char line[LOG_LINE_MAX];
    size_t n =
        log_line(line, (enum log_format)atomic_load_explicit(&lg.format, memory_order_relaxed),
                 level, message, fields);
    unsigned run = atomic_load_explicit(&lg.run, memory_order_acquire);

    if (run == 0) {
        write_all(STDERR_FILENO, slice_of(line, n), STUCK_WRITE_MS);
        return;
    }
    struct log_ring *r = own_ring_get(run);
    enum log_ring_put put = r ? log_ring_put(r, slice_of(line, n)) : LOG_RING_DROPPED;
    if (put == LOG_RING_DROPPED)
        atomic_fetch_add_explicit(&lg.lost, 1, memory_order_relaxed);
    if (put == LOG_RING_HALF_FULL || atomic_load(&lg.sleeping))
        log_wake();
}

bool log_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&lg.level, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&lg.lost, memory_order_relaxed);
}

/* ---- the log thread ---- */

static uint64_t count_lines(struct slice s)
{
    uint64_t lines = 0;

    while (s.len) {
        slice_cut(&s, '\n');
        lines++;
    }
    return lines;
}

/* What was stuck is tried again, but not waited for again. */
static void write_lines(struct slice s)
{
    static bool stuck;

    stuck = !write_all(out_fd, s, stuck ? 0 : STUCK_WRITE_MS);
    if (stuck)
        atomic_fetch_add_explicit(&lg.lost, count_lines(s), memory_order_relaxed);
}

static void report_dropped(struct log_ring *r)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
    char line[LOG_LINE_MAX];

    if (dropped == r->reported)
        return;
    size_t n =
        log_line(line, (enum log_format)atomic_load(&lg.format), LOG_WARN, "log lines were lost",
                 (const struct log_field[]){LOG_U64("lines", dropped - r->reported), LOG_END});
    r->reported = dropped;
    write_lines(slice_of(line, n));
}

/* Writes out one ring; returns how many bytes that were. */
static size_t ring_drain(struct log_ring *r)
{
    struct iovec runs[2];
    size_t bytes = 0;
    int n = log_ring_peek(r, runs);

    for (int i = 0; i < n; i++) {
        write_lines(slice_of(runs[i].iov_base, runs[i].iov_len));
        log_ring_skip(r, runs[i].iov_len);
        bytes += runs[i].iov_len;
    }
    report_dropped(r);
    return bytes;
}

static void take_incoming(void)
{
    pthread_mutex_lock(&lg.lock);
    while (lg.incoming) {
        struct log_ring *r = lg.incoming;
        lg.incoming = r->next;
        r->next = rings;
        rings = r;
    }
    if (lg.next_fd >= 0) {
        if (out_fd != STDERR_FILENO)
            close(out_fd);
        out_fd = lg.next_fd;
        lg.next_fd = -1;
        pthread_cond_broadcast(&lg.reopened);
    }
    pthread_mutex_unlock(&lg.lock);
}

/* One look at all rings; returns how many bytes the fullest held. */
static size_t drain_all(void)
{
    size_t most = 0;

    take_incoming();
    for (struct log_ring **link = &rings; *link;) {
        struct log_ring *r = *link;
        bool orphan = log_ring_is_orphan(r); /* before the drain: nothing can follow then */
        size_t bytes = ring_drain(r);
        most = MAX(most, bytes);
        if (orphan) {
            *link = r->next;
            log_ring_release(r);
        } else {
            link = &r->next;
        }
    }
    return most;
}

static void sleep_until_woken(int timeout_ms)
{
    struct pollfd woken = {.fd = lg.wake, .events = POLLIN};
    uint64_t count;

    if (poll(&woken, 1, timeout_ms) > 0 && read(lg.wake, &count, sizeof(count)) < 0)
        return;
}

static void *log_thread(void *unused)
{
    unsigned naps = 0;

    while (!atomic_load(&lg.stopping)) {
        size_t most = drain_all();
        naps = most ? 0 : naps + 1;
        if (naps < NAPS_MAX) {
            /* half full: meanwhile it may have filled again without waking us */
            sleep_until_woken(most >= lg.ring_bytes / 2 ? 0 : NAP_MS);
            continue;
        }
        atomic_store(&lg.sleeping, true);
        if (drain_all() == 0) /* a line put in before its thread could see that we sleep */
            sleep_until_woken(-1);
        atomic_store(&lg.sleeping, false);
        naps = 0;
    }
    drain_all();
    return unused;
}

/* ---- starting, stopping ---- */

static int open_out(const char *path)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : STDERR_FILENO;

    return fd < 0 ? -errno : fd;
}

/* With all signals blocked: they belong to the program's own threads. */
static int start_thread(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&lg.thread, NULL, log_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static void close_out(void)
{
    if (out_fd != STDERR_FILENO)
        close(out_fd);
    out_fd = STDERR_FILENO;
}

int log_start(const struct log_options *options)
{
    static unsigned runs;
    int fd = open_out(options->path);

    if (fd < 0)
        return fd;
    out_fd = fd;
    if (lg.wake < 0)
        lg.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lg.wake < 0) {
        int rc = -errno;
        close_out();
        return rc;
    }
    lg.ring_bytes = options->ring_bytes ? options->ring_bytes : RING_DEFAULT;
    atomic_store(&lg.level, (int)options->level);
    atomic_store(&lg.format, (int)options->format);
    atomic_store(&lg.stopping, false);
    int rc = start_thread();
    if (rc < 0) {
        close_out();
        return rc;
    }
    atomic_store(&lg.run, ++runs);
    return OK;
}

void log_stop(void)
{
    if (atomic_exchange(&lg.run, 0) == 0)
        return;
    atomic_store(&lg.stopping, true);
    log_wake();
    pthread_join(lg.thread, NULL);
    take_incoming();
    while (rings) {
        struct log_ring *r = rings;
        rings = r->next;
        log_ring_release(r);
    }
    own_ring_forget();
    close_out();
}

int log_reopen(const struct log_options *options)
{
    int fd = open_out(options->path);

    if (fd < 0)
        return fd;
    atomic_store(&lg.level, (int)options->level);
    atomic_store(&lg.format, (int)options->format);
    if (atomic_load(&lg.run) == 0) { /* there is no thread to take it: lines go to standard error */
        if (fd != STDERR_FILENO)
            close(fd);
        return OK;
    }
    pthread_mutex_lock(&lg.lock);
    lg.next_fd = fd;
    log_wake();
    while (lg.next_fd >= 0)
        pthread_cond_wait(&lg.reopened, &lg.lock);
    pthread_mutex_unlock(&lg.lock);
    return OK;
}
