/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of the page that `gputrail export --html` writes. */
#ifndef GPUTRAIL_CMD_HTML_H
#define GPUTRAIL_CMD_HTML_H

#include <stdio.h>

#include "analysis/analysis.h"
#include "analysis/findings.h"

/* What the sections of the page share. */
struct html {
	FILE *out;
	struct run *run;
	struct run_device_list devices;
	struct findings findings;	/* with the longest idle intervals */
};

/* Text between tags and in quoted attributes. Control characters, invalid bytes and characters
 * that change the direction of text become U+FFFD. */
void html_text(FILE *out, const char *text);

/* Everything up to the first section, and after the last; styles and script with a fresh nonce,
 * which is all that the page's policy lets run. -1: no random numbers. */
int html_head(FILE *out, const char *title);
void html_tail(FILE *out);

int html_gpu(const struct html *html, int device);	/* its number; -1 unknown */

/* Where a device's SM-time went, as a bar; the run over time. */
void html_waterfall(const struct html *html, const struct waterfall *waterfall);
int html_timeline(const struct html *html);

/* The findings, the views of columns.def, parts of the waterfall, and the tree of call paths. */
void html_findings(const struct html *html);
int html_view(const struct html *html, int view);
void html_parts(const struct html *html, const struct waterfall *waterfall);
void html_intervals(const struct html *html);
void html_steps(const struct html *html);
int html_callpaths(const struct html *html);

#endif
