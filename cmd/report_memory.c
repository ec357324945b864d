/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the memory of a run as text: docs/memory.md explains it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_memory.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/memory_use.h"
#include "analysis/text.h"
#include "cmd/progress.h"

#define ROWS	10		/* where -n does not tell */
#define FRAMES	3		/* of a path: helpers that allocate for others come first */

struct memory {
	struct run *run;
	const struct print_style *style;
	const struct memory_use *use;
	size_t rows;
};

static const char *bytes(uint64_t value, char *text, size_t size)
{
	return format_bytes((double)value, text, size);
}

static const char *ns(uint64_t value, char *text, size_t size)
{
	return format_ns((double)value, text, size);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Prints what is left of the line: where it was allocated. */
static void print_path(const struct memory *m, int64_t path, int used)
{
	char fitted[4096], *name = run_path_name(m->run, path, FRAMES);
	int room = m->style->width - used;

	text_fit(name && name[0] ? name : "-", m->style->full_names ? -1 : room < 16 ? 16 : room,
		 fitted, sizeof(fitted));
	printf("%s\n", fitted);
	free(name);
}

/* Usage from the first to the last moment of the run, one character for each column. */
static void print_chart(const struct memory_area *area)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");

	printf("0 ");
	for (int i = 0; i < MEMORY_COLUMNS; i++) {
		int step = area->high_bytes ? (int)((double)area->usage_bytes[i] * 8 /
						    (double)area->high_bytes + 0.5) : 0;

		if (!area->usage_bytes[i])
			putchar(' ');
		else if (utf8)
			fputs(blocks[step > 1 ? step - 1 : 0], stdout);
		else
			putchar("123456789"[step]);
	}
}

/* The table of memory stands before the first. */
static void print_section(const struct memory *m, const char *heading)
{
	putchar('\n');
	print_heading(m->style, heading);
}

static void print_area(const struct memory *m, const struct memory_area *area)
{
	char heading[64], a[32], b[32], c[32], d[32];

	if (area->device)
		snprintf(heading, sizeof(heading), "Memory of GPU %d", area->gpu);
	else
		snprintf(heading, sizeof(heading), "Memory of the host, and managed");
	print_section(m, heading);
	printf("high-water %s at %s", bytes(area->high_bytes, a, sizeof(a)),
	       ns(area->high_at_ns, b, sizeof(b)));
	if (area->limit_bytes)
		printf(" (%.1f %% of %s)", percent(area->high_bytes, area->limit_bytes),
		       bytes(area->limit_bytes, c, sizeof(c)));
	printf("; never freed %s; %llu allocations of %s, %llu frees, %llu failed\n",
	       bytes(area->live_bytes, d, sizeof(d)), (unsigned long long)area->allocs,
	       bytes(area->allocated_bytes, a, sizeof(a)), (unsigned long long)area->frees,
	       (unsigned long long)area->failed);
	print_chart(area);
	printf(" %s\n", ns(m->use->end_ns, a, sizeof(a)));
	for (int kind = 0; kind < MEMORY_KINDS; kind++)
		if (area->high_kind_bytes[kind])
			printf("  %9s %s at the high-water\n",
			       bytes(area->high_kind_bytes[kind], a, sizeof(a)),
			       run_memory_kind(kind));
	if (area->high_kind_bytes[6])
		printf("  %9s of the virtual memory was mapped, %s of addresses reserved\n",
		       bytes(area->high_mapped_bytes, a, sizeof(a)),
		       bytes(area->high_range_bytes, b, sizeof(b)));
	if (area->asked)
		printf("  The driver said (%llu %s, least at %s): %s free of %s. %s of the rest "
		       "is known here; contexts, code, graphs and other programs have %s\n",
		       (unsigned long long)area->asked, area->asked == 1 ? "time" : "times",
		       ns(area->least_free_at_ns, a, sizeof(a)),
		       bytes(area->least_free_bytes, b, sizeof(b)),
		       bytes(area->total_bytes, c, sizeof(c)),
		       bytes(area->least_free_used_bytes, d, sizeof(d)),
		       area->total_bytes - area->least_free_bytes >= area->least_free_used_bytes ?
		       format_bytes((double)(area->total_bytes - area->least_free_bytes -
					     area->least_free_used_bytes), heading, sizeof(heading))
		       : "none");
}

/* --- lists of call paths -------------------------------------------------------------------- */

typedef uint64_t site_weight(const struct memory_site *site);

static uint64_t at_high(const struct memory_site *s)
{
	return s->at_high_bytes;
}

static uint64_t never_freed(const struct memory_site *s)
{
	return s->live_bytes;
}

static uint64_t growing(const struct memory_site *s)
{
	return s->grows ? s->high_bytes : 0;
}

/* Given back often, and by far not all of it was needed at a time. */
static uint64_t churned(const struct memory_site *s)
{
	return s->frees >= 8 && s->allocated_bytes >= 2 * s->high_bytes ? s->frees : 0;
}

/* There is one for every device that a site or failure names. */
static const struct memory_area *area_of(const struct memory *m, int device)
{
	const struct memory_area *area = m->use->areas;

	while (area->device != device)
		area++;
	return area;
}

static void row_share(const struct memory *m, const struct memory_site *s)
{
	char a[32];

	printf("%6.1f %9s %9llu ", percent(s->at_high_bytes, area_of(m, s->device)->high_bytes),
	       bytes(s->at_high_bytes, a, sizeof(a)), (unsigned long long)s->at_high_count);
}

static void row_live(const struct memory *m, const struct memory_site *s)
{
	char a[32];

	(void)m;
	printf("%16s %9llu ", bytes(s->live_bytes, a, sizeof(a)), (unsigned long long)s->live_count);
}

static void row_growth(const struct memory *m, const struct memory_site *s)
{
	char a[32];

	(void)m;
	printf("%16s %9llu ", bytes(s->high_bytes, a, sizeof(a)), (unsigned long long)s->allocs);
}

static void row_churn(const struct memory *m, const struct memory_site *s)
{
	char a[32], b[32];

	(void)m;
	printf("%6s %9s %9llu ", ns(s->lifetime_ns / s->frees, a, sizeof(a)),
	       bytes(s->allocated_bytes / s->allocs, b, sizeof(b)),
	       (unsigned long long)s->frees);
}

static const struct list {
	const char *title, *header, *none;
	site_weight *weight;
	void (*row)(const struct memory *m, const struct memory_site *site);
} lists[] = {
	{ "At the high-water", "     %     Bytes     Count", "Nothing was allocated.", at_high,
	  row_share },
	{ "Accumulating: ever more of it, into the end of the run", "            High    Allocs",
	  "Nothing.", growing, row_growth },
	{ "Never freed", "           Bytes     Count", "Everything was freed.", never_freed, row_live },
	{ "Allocated and freed again and again", "  Life    Bytes~     Frees", "Nothing.", churned,
	  row_churn },
};

struct weighted {
	uint64_t weight;
	const struct memory_site *site;
};

/* Equal ones stay in the order they had. */
static int heavier(const void *left, const void *right)
{
	const struct weighted *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return (a->site > b->site) - (a->site < b->site);
}

static void print_list(const struct memory *m, const struct list *list)
{
	struct weighted *sites = calloc(m->use->site_count + 1, sizeof(*sites));
	size_t count = 0;

	for (size_t i = 0; sites && i < m->use->site_count; i++) {
		const struct memory_site *site = &m->use->sites[i];

		if (list->weight(site))
			sites[count++] = (struct weighted){ list->weight(site), site };
	}
	print_section(m, list->title);
	if (count) {
		qsort(sites, count, sizeof(*sites), heavier);
		printf("%s GPU Kind            Allocated by\n", list->header);
	} else {
		printf("%s\n", list->none);
	}
	for (size_t i = 0; i < count && i < m->rows; i++) {
		const struct memory_area *area = area_of(m, sites[i].site->device);

		list->row(m, sites[i].site);
		if (area->device)
			printf("%3d", area->gpu);
		printf("%*s %-14.14s  ", area->device ? 0 : 3, "", run_memory_kind(sites[i].site->kind));
		print_path(m, sites[i].site->path, 47);
	}
	if (count > m->rows)
		printf("%zu more; -n 0 prints all\n", count - m->rows);
	free(sites);
}

/* --- pools and failures --------------------------------------------------------------------- */

static void print_pools(const struct memory *m)
{
	print_section(m, "Pools of stream-ordered memory");
	printf("     High      Live    Allocs  Reserved~ Used~     Process  Pool\n");
	for (size_t i = 0; i < m->use->pool_count; i++) {
		const struct memory_pool *p = &m->use->pools[i];
		char a[32], b[32], c[32], d[32];

		printf("%9s %9s %9llu  %9s %9s %7d  ", bytes(p->high_bytes, a, sizeof(a)),
		       bytes(p->live_bytes, b, sizeof(b)), (unsigned long long)p->allocs,
		       p->told_ns ? bytes(p->reserved_bytes, c, sizeof(c)) : "-",
		       p->told_ns ? bytes(p->used_bytes, d, sizeof(d)) : "-", p->process);
		if (p->handle)
			printf("0x%llx\n", (unsigned long long)p->handle);
		else
			printf("default\n");
	}
	printf("~ as the driver answered when the program last asked it\n\n");
}

static void print_failure(const struct memory *m, const struct memory_failure *f)
{
	char at[32], wanted[32], used[32], limit[32], held[32], where[32] = "on the host", line[256];

	if (f->device)
		snprintf(where, sizeof(where), "on GPU %d", area_of(m, f->device)->gpu);
	snprintf(line, sizeof(line), "%s: %s of %s %s: %s", ns(f->at_ns, at, sizeof(at)), f->call,
		 bytes(f->bytes, wanted, sizeof(wanted)), where, f->error);
	print_alarm(m->style, line);
	printf("    by      ");
	print_path(m, f->path, 12);
	printf("    in use  %s", bytes(f->used_bytes, used, sizeof(used)));
	if (f->limit_bytes)
		printf(" of %s", bytes(f->limit_bytes, limit, sizeof(limit)));
	printf("\n    most    %s by ", bytes(f->holder_bytes, held, sizeof(held)));
	print_path(m, f->holder, 25);
}

static void print_failures(const struct memory *m)
{
	uint64_t all = 0;

	for (size_t i = 0; i < m->use->area_count; i++)
		all += m->use->areas[i].failed;
	if (!all)
		return;
	print_section(m, "Failed allocations");
	for (size_t i = 0; i < m->use->failure_count && i < m->rows; i++)
		print_failure(m, &m->use->failures[i]);
	if (all > m->rows && m->use->failure_count)
		printf("%llu more\n", (unsigned long long)(all - (m->use->failure_count < m->rows ?
			m->use->failure_count : m->rows)));
}

int report_memory(struct run *run, const struct print_style *style, bool rows_given)
{
	struct memory_use use;
	struct memory m = { run, style, &use, rows_given ? style->rows ? style->rows : SIZE_MAX : ROWS };
	struct progress progress;
	int result;

	progress_begin(&progress, run, "replaying memory");
	result = run_memory_use(run, &use);
	progress_end(&progress, run);
	if (result < 0)
		return -1;
	for (size_t i = 0; i < use.area_count; i++)
		print_area(&m, &use.areas[i]);
	print_failures(&m);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		print_list(&m, &lists[i]);
	if (use.pool_count)
		print_pools(&m);
	memory_use_free(&use);
	return 0;
}
