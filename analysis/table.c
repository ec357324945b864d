/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a view's rows and reads their cells by the rows of columns.def. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/table.h"

#include "analysis/activity.h"
#include "analysis/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the expressions of columns.def may use. */
static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double mean(uint64_t total, uint64_t count)
{
	return count ? (double)total / (double)count : 0;
}

static const char *triple_text(const int xyz[3], struct value *value)
{
	snprintf(value->buffer, sizeof(value->buffer), "%d %d %d", xyz[0], xyz[1], xyz[2]);
	return value->buffer;
}

#define share(ns)			percent(ns, total_ns)
#define triple(xyz)			triple_text(xyz, value)
#define known(v)			UNKNOWN_IF((v) < 0, (v))
#define part(v)				UNKNOWN_IF((v) < 0, 100 * (v))
#define UNKNOWN_IF(condition, v)	((condition) ? (value->known = false, 0) : (v))

/* One reader per column. */
#define PUT_TEXT(v)	(value->text = (v))
#define PUT_NAME(v)	(value->text = (v))
#define PUT_ID(v)	(value->number = (double)(v))
#define PUT_COUNT(v)	(value->number = (double)(v))
#define PUT_NS(v)	(value->number = (double)(v))
#define PUT_BYTES(v)	(value->number = (double)(v))
#define PUT_RATE(v)	(value->number = (double)(v))
#define PUT_PERCENT(v)	(value->number = (double)(v))
#define PUT_RATIO(v)	(value->number = (double)(v))
#define READ(type, key, title, unit, width, level, expression, description)	\
	static void type##_##key(const void *item, uint64_t total_ns, struct value *value) \
	{									\
		const struct run_##type *row = item;				\
										\
		(void)total_ns;							\
		PUT_##unit(expression);						\
	}
#define DEVICE_COLUMN(...)	READ(device, __VA_ARGS__)
#define KERNEL_COLUMN(...)	READ(kernel, __VA_ARGS__)
#define API_COLUMN(...)		READ(api, __VA_ARGS__)
#define FAILURE_COLUMN(...)	READ(failure, __VA_ARGS__)
#define COPY_COLUMN(...)	READ(copy, __VA_ARGS__)
#define MEMORY_COLUMN(...)	READ(memory, __VA_ARGS__)
#define LOSS_COLUMN(...)	READ(loss, __VA_ARGS__)
#define PROCESS_COLUMN(...)	READ(process, __VA_ARGS__)
#define FINDING_COLUMN(...)	READ(finding, __VA_ARGS__)
#define SAMPLE_COLUMN(...)	READ(sample, __VA_ARGS__)
#define DETAIL_COLUMN(...)	READ(detail, __VA_ARGS__)
#define MARK_COLUMN(...)	READ(mark, __VA_ARGS__)
#define GRAPH_COLUMN(...)	READ(graph, __VA_ARGS__)
#define NODE_COLUMN(...)	READ(graph_node, __VA_ARGS__)
#define ACTIVITY_COLUMN(...)	READ(activity, __VA_ARGS__)
#define RANGE_COLUMN(...)	READ(range, __VA_ARGS__)
#include "analysis/columns.def"

#define DESCRIBE(type, key, title, unit, width, level, expression, description)	\
	{ #key, title, UNIT_##unit, width, LEVEL_##level, description, type##_##key },

static const struct column device_columns[] = {
#define DEVICE_COLUMN(...)	DESCRIBE(device, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column kernel_columns[] = {
#define KERNEL_COLUMN(...)	DESCRIBE(kernel, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column api_columns[] = {
#define API_COLUMN(...)		DESCRIBE(api, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column failure_columns[] = {
#define FAILURE_COLUMN(...)	DESCRIBE(failure, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column copy_columns[] = {
#define COPY_COLUMN(...)	DESCRIBE(copy, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column memory_columns[] = {
#define MEMORY_COLUMN(...)	DESCRIBE(memory, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column loss_columns[] = {
#define LOSS_COLUMN(...)	DESCRIBE(loss, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column process_columns[] = {
#define PROCESS_COLUMN(...)	DESCRIBE(process, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column finding_columns[] = {
#define FINDING_COLUMN(...)	DESCRIBE(finding, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column sample_columns[] = {
#define SAMPLE_COLUMN(...)	DESCRIBE(sample, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column detail_columns[] = {
#define DETAIL_COLUMN(...)	DESCRIBE(detail, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column mark_columns[] = {
#define MARK_COLUMN(...)	DESCRIBE(mark, __VA_ARGS__)
#include "analysis/columns.def"
};

static const struct column graph_columns[] = {
#define GRAPH_COLUMN(...)	DESCRIBE(graph, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column node_columns[] = {
#define NODE_COLUMN(...)	DESCRIBE(graph_node, __VA_ARGS__)
#include "analysis/columns.def"
};
static const struct column activity_columns[] = {
#define ACTIVITY_COLUMN(...)	DESCRIBE(activity, __VA_ARGS__)
#include "analysis/columns.def"
};

static const struct column range_columns[] = {
#define RANGE_COLUMN(...)	DESCRIBE(range, __VA_ARGS__)
#include "analysis/columns.def"
};

#define VIEW(id, key, title, columns) \
	[id] = { key, title, columns, sizeof(columns) / sizeof(*(columns)) }
const struct view views[VIEW_COUNT] = {
	VIEW(VIEW_DEVICES, "devices", "Devices", device_columns),
	VIEW(VIEW_KERNELS, "kernels", "Kernels", kernel_columns),
	VIEW(VIEW_APIS, "apis", "Driver calls", api_columns),
	VIEW(VIEW_FAILURES, "failures", "Failed calls", failure_columns),
	VIEW(VIEW_COPIES, "copies", "Copies and sets", copy_columns),
	VIEW(VIEW_MEMORY, "memory", "Memory", memory_columns),
	VIEW(VIEW_LOSSES, "losses", "Losses and coverage", loss_columns),
	VIEW(VIEW_PROCESSES, "processes", "Processes", process_columns),
	VIEW(VIEW_FINDINGS, "findings", "Findings", finding_columns),
	VIEW(VIEW_SAMPLES, "samples", "Estimated from samples", sample_columns),
	VIEW(VIEW_DETAIL, "detail", "What was taken when", detail_columns),
	VIEW(VIEW_MARKS, "marks", "Marks", mark_columns),
	VIEW(VIEW_GRAPHS, "graphs", "Executable graphs", graph_columns),
	VIEW(VIEW_NODES, "nodes", "Kernels in graphs", node_columns),
	VIEW(VIEW_ACTIVITY, "activity", "Measured activity", activity_columns),
	VIEW(VIEW_RANGES, "ranges", "Ranges of NVTX", range_columns),
};

/* Moves a list of one type into the table; the lists have the same two fields. */
#define TAKE(query, type, ...)							\
	({									\
		struct type##_list list;					\
		int taken = query(run, ##__VA_ARGS__, &list);			\
										\
		table->rows = list.rows;					\
		table->count = taken < 0 ? 0 : list.count;			\
		table->row_bytes = sizeof(struct type);				\
		taken;								\
	})
#define TOTAL(type)								\
	do {									\
		for (size_t i = 0; i < table->count; i++)			\
			table->total_ns += ((struct type *)table->rows)[i].total_ns; \
	} while (0)

int table_load(struct run *run, enum view_id view, bool by_shape, struct table *table)
{
	int result = -1;

	*table = (struct table){ .view = view };
	switch (view) {
	case VIEW_DEVICES:
		return TAKE(run_devices, run_device);
	case VIEW_KERNELS:
		result = TAKE(run_kernels, run_kernel, by_shape);
		TOTAL(run_kernel);
		break;
	case VIEW_APIS:
		result = TAKE(run_apis, run_api);
		TOTAL(run_api);
		break;
	case VIEW_FAILURES:
		return TAKE(run_failures, run_failure);
	case VIEW_COPIES:
		result = TAKE(run_copies, run_copy);
		TOTAL(run_copy);
		break;
	case VIEW_MEMORY:
		return TAKE(run_memory, run_memory);
	case VIEW_LOSSES:
		return TAKE(run_losses, run_loss);
	case VIEW_PROCESSES:
		return TAKE(run_processes, run_process);
	case VIEW_FINDINGS:
		return TAKE(run_findings_list, run_finding, NULL);
	case VIEW_SAMPLES:
		return TAKE(run_samples, run_sample);
	case VIEW_DETAIL:
		return TAKE(run_detail, run_detail);
	case VIEW_MARKS:
		return TAKE(run_marks, run_mark);
	case VIEW_GRAPHS:
		result = TAKE(run_graphs, run_graph);
		TOTAL(run_graph);
		break;
	case VIEW_RANGES:
		return TAKE(run_ranges, run_range);
	case VIEW_NODES:
		result = TAKE(run_graph_nodes, run_graph_node);
		TOTAL(run_graph_node);
		break;
	case VIEW_ACTIVITY:
		return TAKE(run_activity, run_activity);
	case VIEW_COUNT:
		break;
	}
	return result;
}

#define RELEASE(type)								\
	do {									\
		struct type##_list list = { table->rows, table->count };	\
										\
		type##_list_free(&list);					\
	} while (0)

void table_free(struct table *table)
{
	switch (table->view) {
	case VIEW_DEVICES:
		RELEASE(run_device);
		break;
	case VIEW_KERNELS:
		RELEASE(run_kernel);
		break;
	case VIEW_APIS:
		RELEASE(run_api);
		break;
	case VIEW_FAILURES:
		RELEASE(run_failure);
		break;
	case VIEW_COPIES:
		RELEASE(run_copy);
		break;
	case VIEW_MEMORY:
		RELEASE(run_memory);
		break;
	case VIEW_LOSSES:
		RELEASE(run_loss);
		break;
	case VIEW_PROCESSES:
		RELEASE(run_process);
		break;
	case VIEW_FINDINGS:
		RELEASE(run_finding);
		break;
	case VIEW_SAMPLES:
		RELEASE(run_sample);
		break;
	case VIEW_DETAIL:
		RELEASE(run_detail);
		break;
	case VIEW_MARKS:
		RELEASE(run_mark);
		break;
	case VIEW_GRAPHS:
		RELEASE(run_graph);
		break;
	case VIEW_NODES:
		RELEASE(run_graph_node);
		break;
	case VIEW_ACTIVITY:
		RELEASE(run_activity);
		break;
	case VIEW_RANGES:
		RELEASE(run_range);
		break;
	case VIEW_COUNT:
		break;
	}
	table->rows = NULL;
	table->count = 0;
}

void table_value(const struct table *table, size_t row, int column, struct value *value)
{
	const struct column *c = &views[table->view].columns[column];

	value->unit = c->unit;
	value->known = true;
	value->number = 0;
	value->text = "";
	c->read((const char *)table->rows + row * table->row_bytes, table->total_ns, value);
	if (!value->text)
		value->text = "";
}

int view_column(enum view_id view, const char *key)
{
	for (int i = 0; i < views[view].column_count; i++)
		if (!strcmp(views[view].columns[i].key, key))
			return i;
	return -1;
}

static int value_compare(const struct value *x, const struct value *y)
{
	if (x->unit == UNIT_TEXT || x->unit == UNIT_NAME)
		return strcmp(x->text, y->text);
	if (x->known != y->known)
		return x->known ? -1 : 1;
	if (x->number == y->number)
		return 0;
	return (x->number < y->number) == (x->unit == UNIT_ID) ? -1 : 1;
}

struct sort {
	const struct table *table;
	int column;
};

static int row_compare(const void *a, const void *b, void *arg)
{
	const struct sort *sort = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	struct value left, right;
	int order;

	table_value(sort->table, x, sort->column, &left);
	table_value(sort->table, y, sort->column, &right);
	order = value_compare(&left, &right);
	return order ? order : (x > y) - (x < y);
}

int table_sort(struct table *table, int column)
{
	struct sort sort = { table, column };
	size_t *order = calloc(table->count + 1, sizeof(*order));
	char *rows = malloc(table->count * table->row_bytes + 1);

	if (!order || !rows) {
		free(order);
		free(rows);
		return -1;
	}
	for (size_t i = 0; i < table->count; i++)
		order[i] = i;
	qsort_r(order, table->count, sizeof(*order), row_compare, &sort);
	for (size_t i = 0; i < table->count; i++)
		memcpy(rows + i * table->row_bytes,
		       (char *)table->rows + order[i] * table->row_bytes, table->row_bytes);
	free(table->rows);
	table->rows = rows;
	free(order);
	return 0;
}
