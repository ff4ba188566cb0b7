/* process.h: what is set once for the whole process. */

#pragma once

/* Descriptors up to the hard limit; no SIGPIPE, no SIGXFSZ. */
void process_prepare(void);
/* malloc for threads that take and give back buffers of some hundred KB many times a second. */
void process_tune_malloc(unsigned workers);
