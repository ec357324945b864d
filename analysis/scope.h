/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recording is narrowed to: terms like `device:0 !kernel:copy time:1.2s..3s`. Of terms of
 * one kind any may hold, those of different kinds must all hold, and none that begins with '!'.
 * `kind:value` is a part of a name and ignores case where the value has no capitals; `kind=value`
 * is the whole of it.
 */
#ifndef GPUTRAIL_ANALYSIS_SCOPE_H
#define GPUTRAIL_ANALYSIS_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

enum scope_kind {
#define SCOPE(identifier, name, sql, example, help) SCOPE_##identifier,
#include "analysis/scope.def"
	SCOPE_KINDS
};
struct scope_kind_info { const char *name, *sql, *example, *help; };
extern const struct scope_kind_info scope_kinds[SCOPE_KINDS];

/* What events of a sort can be told apart by: copies run no kernel, calls are on no device. */
#define SCOPE_BIT(kind)		(1u << SCOPE_##kind)
#define SCOPE_OF_CALLS		(SCOPE_BIT(TIME) | SCOPE_BIT(PROCESS) | SCOPE_BIT(PATH))
#define SCOPE_OF_COPIES		(SCOPE_OF_CALLS | SCOPE_BIT(DEVICE) | SCOPE_BIT(STREAM))
#define SCOPE_OF_KERNELS	(SCOPE_OF_COPIES | SCOPE_BIT(KERNEL))
#define SCOPE_OF_MEMORY		(SCOPE_BIT(DEVICE) | SCOPE_BIT(PROCESS))

struct scope_term {
	enum scope_kind kind;
	bool negated, exact;
	char *text;			/* NULL for time */
	uint64_t from_ns, to_ns;	/* [from, to) */
};
struct scope { struct scope_term *rows; size_t count; };

/* -1 and what is wrong with it in `why`; the scope is empty then. "" is the whole recording. */
int scope_parse(const char *text, struct scope *scope, char *why, size_t why_bytes);
void scope_free(struct scope *scope);
/* The text goes over to the scope; what says the same or the opposite of it is replaced. -1: no
 * memory, and the text is freed. */
int scope_add(struct scope *scope, struct scope_term term);
void scope_remove(struct scope *scope, size_t index);
/* What scope_parse() reads; the caller frees. */
char *scope_text(const struct scope *scope);
char *scope_term_text(const struct scope_term *term);
/* SCOPE_BIT of every kind that has a term. */
unsigned int scope_bits(const struct scope *scope);

/* The terms as sets of ids of one file. */
struct scope_sets {
	struct scope_set {
		bool is_used, takes_unknown;	/* unknown ids: NULL, 0 and those not in the file */
		uint8_t *passes;		/* by id */
		size_t count;
	} of[SCOPE_KINDS];
	struct scope time;			/* its terms about time */
};
/* Of the kinds in `bits`. -1 with run_error(). */
int scope_sets_load(struct run *run, const struct scope *scope, unsigned int bits,
		    struct scope_sets *sets);
void scope_sets_free(struct scope_sets *sets);
bool scope_sets_pass(const struct scope_sets *sets, enum scope_kind kind, int64_t id);
bool scope_sets_pass_time(const struct scope_sets *sets, uint64_t start_ns);
/* Does the scope of this run leave it in? */
bool run_passes(const struct run *run, enum scope_kind kind, int64_t id);
/* Has it a scope that leaves anything out? */
bool run_is_narrowed(const struct run *run);
/* From the first to the last moment that it leaves in; [0, UINT64_MAX): all. */
void run_narrowed_span(const struct run *run, uint64_t *from_ns, uint64_t *to_ns);
/* From the first to the last moment that passes; [0, UINT64_MAX) without terms about time. */
void scope_sets_span(const struct scope_sets *sets, uint64_t *from_ns, uint64_t *to_ns);

#endif
