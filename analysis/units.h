/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures of tables and comparisons count. */
#ifndef GPUTRAIL_ANALYSIS_UNITS_H
#define GPUTRAIL_ANALYSIS_UNITS_H

enum column_unit {
	UNIT_TEXT, UNIT_NAME, UNIT_ID, UNIT_COUNT, UNIT_NS, UNIT_BYTES, UNIT_RATE, UNIT_PERCENT,
	UNIT_RATIO
};

#endif
