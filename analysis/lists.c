/* SPDX-License-Identifier: Apache-2.0 */
/* Releasing what the queries returned. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <stdlib.h>

#define LIST_FREE(type, ...)						\
	void type##_list_free(struct type##_list *list)			\
	{								\
		for (size_t i = 0; i < list->count; i++) {		\
			struct type *row = &list->rows[i];		\
			char *owned[] = { __VA_ARGS__ };		\
									\
			for (size_t j = 0; j < sizeof(owned) / sizeof(*owned); j++)	\
				free(owned[j]);				\
		}							\
		free(list->rows);					\
		*list = (struct type##_list){ 0 };			\
	}

LIST_FREE(run_device, row->name)
LIST_FREE(run_kernel, row->name, row->short_name, row->label, row->limiter)
LIST_FREE(run_api, row->name, row->category)
LIST_FREE(run_copy, row->name)
LIST_FREE(run_memory, row->kind_name)
LIST_FREE(run_sample, row->name)
LIST_FREE(run_detail, row->level, row->cause)
LIST_FREE(run_mark, row->text)
LIST_FREE(run_range, row->name)
LIST_FREE(run_graph, row->where, row->kinds)
LIST_FREE(run_graph_node, row->name, row->where, row->before, row->around)
LIST_FREE(run_loss, row->name, row->text)
LIST_FREE(run_process, row->name, row->command_line, row->state, row->backend, row->backend_note)
LIST_FREE(run_thread, row->name)
LIST_FREE(run_fact, row->key, row->value)
LIST_FREE(run_failure, row->name, row->error, row->place)
LIST_FREE(run_gap, row->name, row->text)

void run_bucket_list_free(struct run_bucket_list *list)
{
	free(list->rows);
	*list = (struct run_bucket_list){ 0 };
}
