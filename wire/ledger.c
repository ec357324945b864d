/* SPDX-License-Identifier: Apache-2.0 */
/* Live allocations and mappings: see ledger.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "wire/ledger.h"

#include <stdlib.h>
#include <utlist.h>

/* Handles and address ranges are other numbers than pointers. */
static struct allocation_key key_of(const struct memory_event *event)
{
	bool is_other = event->kind == WIRE_MEMORY_VMM || event->kind == WIRE_MEMORY_VMM_ADDRESS ||
			event->kind == WIRE_MEMORY_ARRAY ||
			event->kind == WIRE_MEMORY_HOST_REGISTERED;

	return (struct allocation_key){ event->address, (uint32_t)event->process,
					is_other ? (uint32_t)event->kind : 0 };
}

static struct allocation *find(const struct ledger *ledger, const struct memory_event *event)
{
	struct allocation_key key = key_of(event);
	struct allocation *found;

	HASH_FIND(hh, ledger->found, &key, sizeof(key), found);
	return found;
}

static void release_if_unused(struct ledger *ledger, struct allocation *a, uint64_t at_ns)
{
	if (a->has_handle || a->maps)
		return;
	ledger->gone(ledger->arg, a, at_ns);
	DL_DELETE2(ledger->all, a, previous, next);
	free(a);
}

static void drop_handle(struct ledger *ledger, struct allocation *a, uint64_t at_ns)
{
	HASH_DEL(ledger->found, a);
	a->has_handle = false;
	release_if_unused(ledger, a, at_ns);
}

struct allocation *ledger_alloc(struct ledger *ledger, const struct memory_event *event)
{
	struct allocation *old = find(ledger, event), *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	if (old)			/* its free was not seen */
		drop_handle(ledger, old, event->at_ns);
	a->key = key_of(event);
	a->bytes = event->bytes;
	a->at_ns = event->at_ns;
	a->kind = event->kind;
	a->device = event->device;
	a->has_handle = true;
	HASH_ADD(hh, ledger->found, key, sizeof(a->key), a);
	DL_APPEND2(ledger->all, a, previous, next);
	return a;
}

bool ledger_free(struct ledger *ledger, const struct memory_event *event)
{
	struct allocation *old = find(ledger, event);

	if (old)
		drop_handle(ledger, old, event->at_ns);
	return old != NULL;
}

static struct mapping *mapping_at(const struct ledger *ledger, uint64_t address, int process)
{
	struct allocation_key key = { address, (uint32_t)process, 0 };
	struct mapping *found;

	HASH_FIND(hh, ledger->mappings, &key, sizeof(key), found);
	return found;
}

static void unmap(struct ledger *ledger, struct mapping *m, uint64_t at_ns)
{
	struct allocation *a = m->allocation;

	HASH_DEL(ledger->mappings, m);
	if (ledger->mapped)
		ledger->mapped(ledger->arg, a, -(int64_t)m->bytes);
	a->maps--;
	free(m);
	release_if_unused(ledger, a, at_ns);
}

bool ledger_map(struct ledger *ledger, const struct memory_event *event)
{
	struct memory_event handle = *event;
	struct mapping *m = mapping_at(ledger, event->address, event->process);
	struct allocation *a;

	if (m)				/* its unmap was not seen */
		unmap(ledger, m, event->at_ns);
	handle.address = event->second;
	a = find(ledger, &handle);
	if (!a)
		return true;
	m = calloc(1, sizeof(*m));
	if (!m)
		return false;
	m->key = (struct allocation_key){ event->address, (uint32_t)event->process, 0 };
	m->bytes = event->bytes;
	m->allocation = a;
	a->maps++;
	HASH_ADD(hh, ledger->mappings, key, sizeof(m->key), m);
	if (ledger->mapped)
		ledger->mapped(ledger->arg, a, (int64_t)m->bytes);
	return true;
}

/* One call may unmap several neighbouring mappings. */
void ledger_unmap(struct ledger *ledger, const struct memory_event *event)
{
	uint64_t done = 0;
	struct mapping *m;

	do {
		m = mapping_at(ledger, event->address + done, event->process);
		if (!m || !m->bytes)
			break;
		done += m->bytes;
		unmap(ledger, m, event->at_ns);
	} while (done < event->bytes);
}

void ledger_clear(struct ledger *ledger)
{
	struct allocation *a, *next;
	struct mapping *m, *next_mapping;

	HASH_ITER(hh, ledger->mappings, m, next_mapping) {
		HASH_DEL(ledger->mappings, m);
		free(m);
	}
	HASH_CLEAR(hh, ledger->found);
	DL_FOREACH_SAFE2(ledger->all, a, next, next)
		free(a);
	ledger->all = NULL;
}
