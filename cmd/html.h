/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of the page that `gputrail export --html` writes. */
#ifndef GPUTRAIL_CMD_HTML_H
#define GPUTRAIL_CMD_HTML_H

#include <stdio.h>

#include "analysis/analysis.h"
#include "analysis/idle.h"

/* What the sections of the page share. */
struct html {
	FILE *out;
	struct run *run;
	struct run_device_list devices;
	struct idle_result idle;	/* with its longest intervals */
};

/* Text between tags and in quoted attributes. Control characters, invalid bytes and characters
 * that change the direction of text become U+FFFD. */
void html_text(FILE *out, const char *text);

/* Everything up to the first section, and after the last; styles and script with a fresh nonce,
 * which is all that the page's policy lets run. -1: no random numbers. */
int html_head(FILE *out, const char *title);
void html_tail(FILE *out);

int html_gpu(const struct html *html, int device);	/* its number; -1 unknown */

/* Bars of busy time and of idle time by cause; the run over time. */
void html_waterfall(const struct html *html, const struct idle_device *device);
int html_timeline(const struct html *html);

/* The views of columns.def, idle time by cause, and the tree of call paths. */
int html_view(const struct html *html, int view);
void html_causes(const struct html *html, const struct idle_device *device);
void html_intervals(const struct html *html);
int html_callpaths(const struct html *html);

#endif
