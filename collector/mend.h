/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes JSON of what profilers take for it, as a stream: what PyTorch's versions wrote that is none
 * (a bare inf or nan, a comma behind the last member, control characters and single backslashes in
 * texts, a byte order mark) becomes what was meant; all else passes unchanged, but that
 * white space behind a comma comes before it.
 */
#ifndef GPUTRAIL_COLLECTOR_MEND_H
#define GPUTRAIL_COLLECTOR_MEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mend {				/* starts as zeros */
	enum { MEND_START, MEND_PLAIN, MEND_WORD, MEND_TEXT, MEND_ESCAPE } state;
	bool comma, minus;		/* were read, and wait for what follows */
	unsigned char before;		/* the last byte read */
	unsigned char held[12];		/* of a word or an escape that is not complete */
	unsigned held_bytes;
	uint64_t mended;		/* places */
};

/* What mend_bytes() may write of so many bytes. */
#define MEND_OUT_BYTES(bytes) (2 * (bytes) + 32)

/* Mends the next bytes of a file into out; returns how many it wrote. */
size_t mend_bytes(struct mend *m, const unsigned char *in, size_t length, unsigned char *out);
/* At the end of the file: what was waiting, at most 32 bytes. */
size_t mend_end(struct mend *m, unsigned char *out);

#endif
