/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and names of NVTX: each is kept once, and told to the collector on its first use. */
#ifndef GPUTRAIL_LIBPROFILE_NVTX_TEXTS_H
#define GPUTRAIL_LIBPROFILE_NVTX_TEXTS_H

#include "libprofile/shim.h"

#include <wchar.h>

/* Makes the tables; false: no memory. */
bool nvtx_texts_start(void);
/* The text's number; 0: NULL, or there are too many of them. Longer ones are cut. */
uint32_t nvtx_text(const char *text);
uint32_t nvtx_text_wide(const wchar_t *text);
/* The number that a handle stands for, 0 if it is none of ours. */
uint32_t nvtx_text_of_handle(const void *handle);
/* Sends the definition unless this process has; false: the ring is full. */
bool nvtx_text_tell(struct thread *thread, uint32_t text);

/* Kept until they are told: programs name things long before they use CUDA. */
void nvtx_name(enum wire_name_of what, uint32_t domain, uint32_t number, uint32_t text);
/* The number of the domain of that name, 0 (which is the default one): there are too many. */
uint32_t nvtx_domain(uint32_t text);

extern uint32_t nvtx_names_untold;	/* 0: all were told */
void nvtx_names_tell(struct thread *thread);
/* In a forked child nothing was told. */
void nvtx_texts_forget(void);

#endif
