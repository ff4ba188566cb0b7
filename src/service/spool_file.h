/* spool_file.h: one segment of the spool, a file that only grows.
 *
 *     64 bytes   header: whose it is and its number; when it is closed also how much is in it
 *     then       frames of one record each: mark, length, checksum, bytes, up to a multiple of 8
 *
 * A frame's checksum depends on its segment and place, so that a torn one, or an old one that a
 * file system gives back after a power cut, is told from a whole one. Private to the spool. */

#pragma once

#include "model/record.h"

enum { SPOOL_HEADER_BYTES = 64, SPOOL_FRAME_MOST = (16 + sizeof(struct record) + 7) / 8 * 8 };

struct spool_segment {
    uint64_t number;
    uint64_t bytes;   /* of it that are whole */
    uint64_t records; /* in it */
};

/* --- writing --- */

struct spool_writer {
    int fd;                    /* -1: none */
    struct spool_segment safe; /* what is surely on the disk */
    uint64_t bytes, records;   /* appended, that included */
    unsigned char *buffer;     /* what of them is not yet in the file */
    size_t buffered;
};

int spool_writer_init(struct spool_writer *w); /* -ENOMEM */
/* Makes the file. -errno: there is none. */
int spool_writer_begin(struct spool_writer *w, const char *path, uint64_t number);
int spool_writer_append(struct spool_writer *w, const struct record *r);
/* OK: all that was appended is on the disk (fdatasync). */
int spool_writer_sync(struct spool_writer *w);
/* Takes back what is not safe, notes in the header what is, closes. Harmless without a file. */
void spool_writer_end(struct spool_writer *w);
void spool_writer_free(struct spool_writer *w);

/* --- reading --- */

struct spool_reader {
    int fd; /* -1: none */
    uint64_t number;
    uint64_t at, end; /* the next frame; where reading ends */
    bool damaged;     /* something in between was no frame: it was passed over */
    unsigned char *window;
    uint64_t window_at;
    size_t window_len;
};

int spool_reader_init(struct spool_reader *r); /* -ENOMEM */
/* Reading begins at byte `at`. -errno: the file cannot be opened. */
int spool_reader_begin(struct spool_reader *r, const char *path, uint64_t number, uint64_t at);
/* False: no whole frame before r->end. */
bool spool_reader_next(struct spool_reader *r, struct record *ret);
void spool_reader_end(struct spool_reader *r);
void spool_reader_free(struct spool_reader *r);

/* What is in a file that an earlier process left. One that was not closed is looked through, and
 * cut behind its last whole frame. -EBADMSG: another number or version, or no segment. */
int spool_file_recover(const char *path, uint64_t number, struct spool_reader *scratch,
                       struct spool_segment *ret);
