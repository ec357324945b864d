/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the live summaries: see summary.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/summary_internal.h"

/* The first row from *i on that changed since it was written, which it is from now on. */
static const struct stats *changed_from(struct stats_table *table, uint32_t *i,
					const uint32_t **key)
{
	while (*i < table->keys.count && !table->rows[*i].changed)
		++*i;
	if (*i == table->keys.count)
		return NULL;
	*key = intern_key(&table->keys, *i);
	table->rows[*i].changed = false;
	return &table->rows[*i];
}

static void write_kernels(struct stats_table *table, struct database *db)
{
	const uint32_t *key;
	const struct stats *s;

	for (uint32_t i = 0; (s = changed_from(table, &i, &key)); i++) {
		database_run(db, "INSERT OR REPLACE INTO sum_kernel VALUES (?,?,?,?,?,?,?,?,?,?)",
			     "iiiiiiidii", (int64_t)key[0], (int64_t)key[1], (int64_t)key[2],
			     (int64_t)s->count, (int64_t)s->total_ns, (int64_t)s->min_ns,
			     (int64_t)s->max_ns, s->squares, (int64_t)s->launches,
			     (int64_t)s->host_ns);
	}
}

static void write_apis(struct stats_table *table, struct database *db)
{
	const uint32_t *key;
	const struct stats *s;

	for (uint32_t i = 0; (s = changed_from(table, &i, &key)); i++) {
		database_run(db, "INSERT OR REPLACE INTO sum_api VALUES (?,?,?,?,?,?,?,?)",
			     "iiiiiiid", (int64_t)key[0], (int64_t)key[1], (int64_t)s->count,
			     (int64_t)s->failed, (int64_t)s->total_ns,
			     s->launches ? (int64_t)s->min_ns : NIL,
			     s->launches ? (int64_t)s->max_ns : NIL, s->squares);
	}
}

static void write_copies(struct stats_table *table, struct database *db)
{
	const uint32_t *key;
	const struct stats *s;

	for (uint32_t i = 0; (s = changed_from(table, &i, &key)); i++) {
		database_run(db, "INSERT OR REPLACE INTO sum_copy VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			     "iiiiiiiiiii", (int64_t)key[0], (int64_t)key[1], (int64_t)key[2],
			     (int64_t)s->count, (int64_t)s->total_ns, (int64_t)s->min_ns,
			     (int64_t)s->max_ns, (int64_t)s->launches, (int64_t)s->bytes,
			     (int64_t)s->min_bytes, (int64_t)s->max_bytes);
	}
}

static void write_devices(struct summary *summary, struct database *db, int64_t now_ns)
{
	for (uint32_t i = 0; i < DEVICES_MAX; i++) {
		struct device_summary *d = summary->devices[i];

		if (!d)
			continue;
		summary_live_carry(summary, i, now_ns);
		if (!d->changed)
			continue;
		d->changed = false;
		for (int u = 0; u < UNION_COUNT; u++)
			busy_merge(&d->unions[u]);
		database_run(db, "INSERT OR REPLACE INTO sum_device VALUES (?,?,?,?,?,?,?,?,?,?)",
			     "iiiiiiiiii", (int64_t)i, d->used ? d->first_ns : NIL,
			     d->used ? d->last_ns : NIL, d->unions[UNION_BUSY].total_ns,
			     d->unions[UNION_COMPUTE].total_ns, d->unions[UNION_COPY].total_ns,
			     (int64_t)d->kernels, (int64_t)d->copies, (int64_t)d->sets,
			     (int64_t)d->graph_launches);
	}
}

static void write_memory(struct summary *summary, struct database *db)
{
	for (uint32_t i = 0; i < summary->memory_keys.count; i++) {
		const uint32_t *key = intern_key(&summary->memory_keys, i);
		struct live *m = &summary->memory[i];

		if (!m->changed)
			continue;
		m->changed = false;
		database_run(db, "INSERT OR REPLACE INTO sum_memory VALUES (?,?,?,?,?,?,?,?,?)",
			     "iiiiiiiii", (int64_t)key[0], (int64_t)key[1], (int64_t)key[2],
			     (int64_t)m->live_bytes, (int64_t)m->high_bytes, m->high_at_ns,
			     (int64_t)m->allocs, (int64_t)m->frees, (int64_t)m->failed);
	}
}

/* Adds the finest level up into the coarser ones. */
static void roll_up(struct summary *summary)
{
	uint32_t count = summary->bucket_keys.count;

	for (uint32_t i = 0; i < count; i++) {
		struct bucket_key key =
			*(const struct bucket_key *)intern_key(&summary->bucket_keys, i);
		struct bucket from = summary->buckets[i];

		if (key.level != 0)
			continue;
		for (uint32_t level = 1; level < LEVELS; level++) {
			struct bucket *to;

			key.bucket /= 10;
			to = summary_bucket(summary, level, key.device, key.bucket);
			if (!to)
				return;
			for (int u = 0; u < UNION_COUNT; u++)
				to->ns[u] += from.ns[u];
			to->launches += from.launches;
		}
	}
}

/* Buckets are written as additions to what the file has, and then forgotten: memory does not
 * grow with the length of the run. */
static void write_buckets(struct summary *summary, struct database *db)
{
	roll_up(summary);
	for (uint32_t i = 0; i < summary->bucket_keys.count; i++) {
		const struct bucket_key *key = intern_key(&summary->bucket_keys, i);
		const struct bucket *b = &summary->buckets[i];

		database_run(db,
			     "INSERT INTO bucket VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
			     " busy_ns = busy_ns + excluded.busy_ns,"
			     " compute_ns = compute_ns + excluded.compute_ns,"
			     " copy_ns = copy_ns + excluded.copy_ns,"
			     " launches = launches + excluded.launches,"
			     " live_bytes = coalesce(max(live_bytes, excluded.live_bytes),"
			     " live_bytes, excluded.live_bytes)",
			     "iiiiiiii", (int64_t)key->level, (int64_t)key->device,
			     (int64_t)key->bucket, b->ns[UNION_BUSY], b->ns[UNION_COMPUTE],
			     b->ns[UNION_COPY], b->launches, b->live_bytes);
	}
	intern_free(&summary->bucket_keys);
}

void summary_write(struct summary *summary, struct database *db, int64_t now_ns)
{
	write_kernels(&summary->kernels, db);
	write_apis(&summary->apis, db);
	write_copies(&summary->copies, db);
	write_devices(summary, db, now_ns);
	write_memory(summary, db);
	write_buckets(summary, db);
}
