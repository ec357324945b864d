/* SPDX-License-Identifier: Apache-2.0 */
/* Prints one activity record in the layout of SIMCUPTI_RELEASE. */
#ifndef GPUTRAIL_TESTS_SIM_CUPTI_DECODE_H
#define GPUTRAIL_TESTS_SIM_CUPTI_DECODE_H

#include <stdint.h>

/* One line: kind, correlation, start, end, then what the kind has; times minus offset_ns. */
void cupti_record_print(const uint8_t *record, int64_t offset_ns);

#endif
