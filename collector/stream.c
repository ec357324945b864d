/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and executable graphs: the program's handles and CUPTI's numbers to rows of the file. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"

#define LEGACY_STREAM 1		/* CU_STREAM_LEGACY */
#define PER_THREAD_STREAM 2	/* CU_STREAM_PER_THREAD */
#define STREAMS_MAX (1u << 20)

struct stream_key {
	uint32_t context, thread;	/* thread: of the file, for per-thread default streams */
	uint64_t handle;
};

static uint32_t stream_new(struct process *p, uint32_t wire_context, uint64_t handle)
{
	struct collector *c = p->collector;
	uint32_t id = c->stream_count + 1;

	if (id > STREAMS_MAX ||
	    !array_reserve(&c->streams, &c->stream_capacity, id, sizeof(*c->streams)))
		return 0;
	c->streams_changed = true;
	c->streams[id] = (struct stream){
		.process = p, .handle = handle, .wire_context = wire_context, .dirty = true,
	};
	return c->stream_count = id;
}

/* The place that holds the id of the stream with this key; 0 in it: not made yet. */
static uint32_t *stream_slot(struct process *p, const struct stream_key *key)
{
	bool is_new;
	uint32_t index = intern_add(&p->stream_keys, key, &is_new);

	if (index == INTERN_NONE ||
	    !array_reserve(&p->stream_ids, &p->stream_capacity, index, sizeof(*p->stream_ids)))
		return NULL;
	return &p->stream_ids[index];
}

void stream_define(struct process *p, const struct wire_def_stream *def)
{
	struct stream_key key = { .context = def->context, .handle = def->handle };
	uint32_t *slot = stream_slot(p, &key);
	struct stream *stream;

	if (!slot)
		return;
	/* A handle that comes with another number is another stream at the same address. */
	if (!*slot || (p->collector->streams[*slot].defined &&
		       p->collector->streams[*slot].number != def->number))
		*slot = stream_new(p, def->context, def->handle);
	if (!*slot)
		return;
	stream = &p->collector->streams[*slot];
	stream->number = def->number;
	stream->priority = def->priority;
	stream->flags = def->flags;
	stream->defined = stream->dirty = p->collector->streams_changed = true;
}

uint32_t stream_of_call(struct process *p, uint32_t wire_context, uint64_t handle, bool per_thread,
			uint32_t thread)
{
	struct stream_key key = { .context = wire_context, .handle = handle };
	uint32_t *slot;

	if (handle == LEGACY_STREAM)
		key.handle = 0;
	else if (handle == PER_THREAD_STREAM || (handle == 0 && per_thread))
		key = (struct stream_key){ wire_context, thread, PER_THREAD_STREAM };
	slot = stream_slot(p, &key);
	if (!slot)
		return 0;
	if (!*slot)
		*slot = stream_new(p, wire_context, key.handle);
	return *slot;
}

static struct gpu_stream *gpu_stream(struct process *p, const struct wire_gpu *gpu)
{
	uint32_t key[2] = { gpu->context, gpu->stream }, index;
	bool is_new;

	index = intern_add(&p->gpu_stream_keys, key, &is_new);
	if (index == INTERN_NONE || !array_reserve(&p->gpu_streams, &p->gpu_stream_capacity, index,
						   sizeof(*p->gpu_streams)))
		return NULL;
	return &p->gpu_streams[index];
}

uint32_t stream_of_gpu(struct process *p, const struct wire_gpu *gpu, uint32_t known)
{
	struct gpu_stream *place = gpu_stream(p, gpu);
	struct stream *stream;

	if (!place)
		return known;
	if (known) {
		place->id = known;
	} else if (!place->id) {
		place->id = stream_new(p, 0, 0);
		if (place->id)
			p->collector->streams[place->id].number = gpu->stream;
	}
	stream = &p->collector->streams[place->id];
	if (place->id && !stream->device) {
		stream->device = entity_device(p, gpu->device);
		stream->dirty = p->collector->streams_changed = true;
	}
	return place->id;
}

uint32_t stream_advance(struct process *p, const struct wire_gpu *gpu)
{
	struct gpu_stream *place = gpu_stream(p, gpu);
	uint32_t before = place ? place->correlation : gpu->correlation;

	if (place)
		place->correlation = gpu->correlation;
	return before == gpu->correlation ? 0 : before;
}

uint32_t stream_device(struct collector *c, uint32_t id)
{
	struct stream *stream = &c->streams[id];

	if (!id || id > c->stream_count)
		return 0;
	if (!stream->device && stream->wire_context) {
		stream->device = entity_context_device(stream->process, stream->wire_context);
		stream->dirty |= stream->device != 0;
		c->streams_changed |= stream->dirty;
	}
	return stream->device;
}

static const char *stream_name(const struct stream *stream)
{
	if (!stream->wire_context && !stream->handle)
		return "inside a graph";
	if (stream->handle == 0)
		return "default";
	return stream->handle == PER_THREAD_STREAM ? "per-thread default" : NULL;
}

void stream_write(struct collector *c)
{
	for (uint32_t id = 1; c->streams_changed && id <= c->stream_count; id++) {
		struct stream *s = &c->streams[id];
		const struct process *p = s->process;

		if (!s->dirty)
			continue;
		stream_device(c, id);
		if (!s->context_id && s->wire_context < p->context_capacity)
			s->context_id = p->contexts[s->wire_context].id;
		s->dirty = false;
		database_run(c->db, "INSERT OR REPLACE INTO stream VALUES (?,?,?,?,?,?,?,?,?)",
			     "iiiiiiiit", (int64_t)id, (int64_t)p->id,
			     s->context_id ? (int64_t)s->context_id : NIL,
			     s->device ? (int64_t)s->device : NIL, (int64_t)s->handle,
			     s->number ? (int64_t)s->number : NIL,
			     s->defined ? (int64_t)s->priority : NIL,
			     s->defined ? (int64_t)s->flags : NIL, stream_name(s));
	}
	c->streams_changed = false;
}

/* --- graphs -------------------------------------------------------------------------------- */

static uint32_t *graph_slot(struct process *p, uint64_t handle)
{
	bool is_new;
	uint32_t index = intern_add(&p->graph_keys, &handle, &is_new);

	if (index == INTERN_NONE ||
	    !array_reserve(&p->graph_ids, &p->graph_capacity, index, sizeof(*p->graph_ids)))
		return NULL;
	return &p->graph_ids[index];
}

uint32_t graph_of_launch(struct process *p, uint64_t handle, int64_t now_ns)
{
	struct collector *c = p->collector;
	uint32_t *slot = graph_slot(p, handle);

	if (!slot)
		return 0;
	if (!*slot &&
	    array_reserve(&c->graphs, &c->graph_capacity, c->graph_count + 1, sizeof(*c->graphs))) {
		*slot = ++c->graph_count;
		c->graphs_changed = true;
		c->graphs[*slot] = (struct graph){
			.process = p, .handle = handle, .created_ns = now_ns, .dirty = true,
			.instantiate_ns = NIL,
		};
	}
	return *slot;
}

static struct graph *graph_changed(struct collector *c, uint32_t id)
{
	if (!id)
		return NULL;
	c->graphs_changed = c->graphs[id].dirty = true;
	return &c->graphs[id];
}

void graph_destroyed(struct process *p, uint64_t handle)
{
	uint32_t *slot = graph_slot(p, handle);

	if (slot)
		*slot = 0;		/* the next graph at this address is another one */
}

void graph_created(struct process *p, uint64_t handle, int64_t start_ns, int64_t dur_ns,
		   uint32_t path, uint32_t flags)
{
	struct graph *graph;

	graph_destroyed(p, handle);	/* the end of the one before may not have been seen */
	graph = graph_changed(p->collector, graph_of_launch(p, handle, start_ns));
	if (!graph)
		return;
	graph->instantiate_ns = dur_ns;
	graph->path = path;
	graph->flags = flags;
}

void graph_updated(struct process *p, uint64_t handle, int64_t start_ns, int64_t dur_ns,
		   bool is_one_node)
{
	struct graph *graph = graph_changed(p->collector, graph_of_launch(p, handle, start_ns));

	if (!graph)
		return;
	*(is_one_node ? &graph->node_updates : &graph->updates) += 1;
	*(is_one_node ? &graph->node_update_ns : &graph->update_ns) += dur_ns;
}

void graph_seen(struct collector *c, uint32_t id, uint32_t number, uint32_t nodes)
{
	struct graph *graph = &c->graphs[id];

	if (!id || id > c->graph_count || (graph->number == number && graph->nodes >= nodes))
		return;
	graph->number = number ? number : graph->number;
	if (graph->nodes < nodes)
		graph->nodes = nodes;
	graph->dirty = c->graphs_changed = true;
}

void graph_write(struct collector *c)
{
	for (uint32_t id = 1; c->graphs_changed && id <= c->graph_count; id++) {
		struct graph *g = &c->graphs[id];

		if (!g->dirty)
			continue;
		g->dirty = false;
		database_run(c->db, "INSERT OR REPLACE INTO graph VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
			     "iiiiiiiiiiiii", (int64_t)id, (int64_t)g->process->id,
			     (int64_t)g->handle, g->number ? (int64_t)g->number : NIL,
			     (int64_t)g->nodes, g->created_ns, (int64_t)g->path,
			     g->instantiate_ns, (int64_t)g->updates, g->update_ns,
			     g->instantiate_ns == NIL ? NIL : (int64_t)g->flags,
			     (int64_t)g->node_updates, g->node_update_ns);
	}
	c->graphs_changed = false;
}
