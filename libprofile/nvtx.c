/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges and marks of NVTX. A program's copy of NVTX (the headers, or the library of NVTX 2) loads
 * the tool that NVTX_INJECTION64_PATH names on its first call and lets it set the functions that
 * its calls lead to. `gputrail record` names this library. A range is two records of the thread's
 * ring; the collector pairs them. Levels are counted here, recorded or not, so that a begin that
 * was not recorded cannot take another one's end.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <string.h>

#include "libprofile/env.h"
#include "libprofile/nvtx_layout.h"
#include "libprofile/nvtx_texts.h"
#include "libprofile/ring.h"

#define NVTX_CALL(module, number, name, type, parameters) static type nvtx_##name parameters;
#include "libprofile/nvtx.def"

static const struct {
	uint32_t module, number;
	nvtx_function *function;
} calls[] = {
#define NVTX_CALL(module, number, name, type, parameters) \
	{ NVTX_MODULE_##module, number, (nvtx_function *)nvtx_##name },
#include "libprofile/nvtx.def"
};

static SHIM_TLS int32_t levels[WIRE_RANGE_DOMAINS_MAX];
static uint64_t last_id;

static struct thread *enter(void)
{
	struct thread *thread = thread_self;

	if (unlikely(process.is_paused))
		return NULL;
	if (unlikely(!thread || !thread->ready)) {
		thread = thread_enter_range();
		if (!thread)
			return NULL;
	}
	thread->ready = 0;		/* not for the handler of a signal that comes now */
	if (unlikely(__atomic_load_n(&nvtx_names_untold, __ATOMIC_RELAXED)))
		nvtx_names_tell(thread);
	return thread;
}

/* A program of another version may know fewer members. */
static struct nvtx_attributes attributes_of(const struct nvtx_attributes *from)
{
	struct nvtx_attributes attributes = { 0 };

	if (from)
		memcpy(&attributes, from,
		       from->bytes < sizeof(*from) ? from->bytes : sizeof(*from));
	return attributes;
}

static uint32_t message_of(const struct nvtx_attributes *attributes)
{
	switch (attributes->message_type) {
	case NVTX_MESSAGE_TEXT:
		return nvtx_text(attributes->message.text);
	case NVTX_MESSAGE_WIDE:
		return nvtx_text_wide(attributes->message.wide);
	case NVTX_MESSAGE_REGISTERED:
		return nvtx_text_of_handle(attributes->message.registered);
	default:
		return 0;
	}
}

static uint32_t domain_of(const void *handle)
{
	return (uintptr_t)handle < WIRE_RANGE_DOMAINS_MAX ? (uint32_t)(uintptr_t)handle : 0;
}

static uint64_t payload_of(const struct nvtx_attributes *attributes)
{
	double wide;
	uint64_t bits;

	switch (attributes->payload_type) {
	case WIRE_PAYLOAD_UINT32:
		return attributes->payload.u32;
	case WIRE_PAYLOAD_INT32:
		return (uint64_t)(int64_t)attributes->payload.i32;
	case WIRE_PAYLOAD_FLOAT:
		wide = (double)attributes->payload.f;
		memcpy(&bits, &wide, sizeof(bits));
		return bits;
	default:
		return attributes->payload.bits;
	}
}

static void put(struct thread *thread, enum wire_nvtx_op op, uint32_t domain, uint32_t text,
		const struct nvtx_attributes *attributes, uint64_t id)
{
	struct wire_range *record = ring_reserve(thread, sizeof(*record));
	bool has_payload = attributes->payload_type >= WIRE_PAYLOAD_UINT64 &&
			   attributes->payload_type <= WIRE_PAYLOAD_FLOAT;

	if (!record)
		return;
	record->head = (struct wire_head){
		.bytes = sizeof(*record), .kind = WIRE_RANGE, .api = (uint16_t)op,
		.result = has_payload ? (uint16_t)attributes->payload_type : 0,
	};
	record->id = id;
	record->payload = has_payload ? payload_of(attributes) : 0;
	record->text = text;
	record->domain = domain;
	record->category = attributes->category;
	record->color = attributes->color_type == NVTX_ARGB ? attributes->color : 0;
	record->at = clock_wire();
	ring_commit(thread, sizeof(*record));
}

static void begin(enum wire_nvtx_op op, const void *domain, const struct nvtx_attributes *attributes,
		  uint64_t id)
{
	struct thread *thread = enter();
	uint32_t text;

	if (!thread)
		return;
	text = message_of(attributes);
	if (likely(nvtx_text_tell(thread, text)))
		put(thread, op, domain_of(domain), text, attributes, id);
	thread->ready = 1;
}

static void end(enum wire_nvtx_op op, const void *domain, uint64_t id)
{
	struct thread *thread = enter();
	struct wire_range_end *record;

	if (!thread)
		return;
	record = ring_reserve(thread, sizeof(*record));
	if (record) {
		record->at = clock_wire();
		record->head = (struct wire_head){ .bytes = sizeof(*record), .kind = WIRE_RANGE_END,
						   .api = (uint16_t)op };
		record->id = id;
		record->domain = domain_of(domain);
		record->reserved = 0;
		ring_commit(thread, sizeof(*record));
	}
	thread->ready = 1;
}

static uint64_t range_start(const void *domain, const struct nvtx_attributes *attributes)
{
	uint64_t id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);

	begin(WIRE_NVTX_START, domain, attributes, id);
	return id;
}

static int push(const void *domain, const struct nvtx_attributes *attributes)
{
	int32_t *level = &levels[domain_of(domain)];

	begin(WIRE_NVTX_PUSH, domain, attributes, (uint64_t)*level);
	(*level)++;
	return NVTX_LEVEL_UNKNOWN;
}

static int pop(const void *domain)
{
	int32_t *level = &levels[domain_of(domain)];

	if (*level > 0)
		end(WIRE_NVTX_POP, domain, (uint64_t)--*level);
	return NVTX_LEVEL_UNKNOWN;
}

/* --- NVTX's functions: rows of nvtx.def --------------------------------------------------------- */

/* A message without further attributes. */
static struct nvtx_attributes plain(const char *text)
{
	return (struct nvtx_attributes){ .message_type = NVTX_MESSAGE_TEXT, .message.text = text };
}

static struct nvtx_attributes wide(const wchar_t *text)
{
	return (struct nvtx_attributes){ .message_type = NVTX_MESSAGE_WIDE, .message.wide = text };
}

#define MARK(domain, attributes) begin(WIRE_NVTX_MARK, domain, attributes, 0)
#define WITH(copy, from, call) struct nvtx_attributes copy = from; call

static void nvtx_MarkA(const char *text) { WITH(a, plain(text), MARK(NULL, &a)); }
static void nvtx_MarkW(const wchar_t *text) { WITH(a, wide(text), MARK(NULL, &a)); }
static void nvtx_MarkEx(const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), MARK(NULL, &a));
}
static void nvtx_DomainMarkEx(void *domain, const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), MARK(domain, &a));
}

static uint64_t nvtx_RangeStartA(const char *text) { WITH(a, plain(text), return range_start(NULL, &a)); }
static uint64_t nvtx_RangeStartW(const wchar_t *text) { WITH(a, wide(text), return range_start(NULL, &a)); }
static uint64_t nvtx_RangeStartEx(const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), return range_start(NULL, &a));
}
static uint64_t nvtx_DomainRangeStartEx(void *domain, const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), return range_start(domain, &a));
}
static void nvtx_RangeEnd(uint64_t id) { end(WIRE_NVTX_END, NULL, id); }
static void nvtx_DomainRangeEnd(void *domain, uint64_t id) { end(WIRE_NVTX_END, domain, id); }

static int nvtx_RangePushA(const char *text) { WITH(a, plain(text), return push(NULL, &a)); }
static int nvtx_RangePushW(const wchar_t *text) { WITH(a, wide(text), return push(NULL, &a)); }
static int nvtx_RangePushEx(const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), return push(NULL, &a));
}
static int nvtx_DomainRangePushEx(void *domain, const struct nvtx_attributes *from)
{
	WITH(a, attributes_of(from), return push(domain, &a));
}
static int nvtx_RangePop(void) { return pop(NULL); }
static int nvtx_DomainRangePop(void *domain) { return pop(domain); }

static void nvtx_DomainNameCategoryA(void *domain, uint32_t category, const char *text)
{
	nvtx_name(WIRE_NAME_CATEGORY, domain_of(domain), category, nvtx_text(text));
}

static void nvtx_DomainNameCategoryW(void *domain, uint32_t category, const wchar_t *text)
{
	nvtx_name(WIRE_NAME_CATEGORY, domain_of(domain), category, nvtx_text_wide(text));
}

static void nvtx_NameCategoryA(uint32_t category, const char *text)
{
	nvtx_DomainNameCategoryA(NULL, category, text);
}

static void nvtx_NameCategoryW(uint32_t category, const wchar_t *text)
{
	nvtx_DomainNameCategoryW(NULL, category, text);
}

static void nvtx_NameOsThreadA(uint32_t tid, const char *text)
{
	nvtx_name(WIRE_NAME_THREAD, 0, tid, nvtx_text(text));
}

static void nvtx_NameOsThreadW(uint32_t tid, const wchar_t *text)
{
	nvtx_name(WIRE_NAME_THREAD, 0, tid, nvtx_text_wide(text));
}

/* Handles are numbers: programs only hand them back. */
static void *nvtx_DomainRegisterStringA(void *domain, const char *text)
{
	(void)domain;
	return (void *)(uintptr_t)nvtx_text(text);
}

static void *nvtx_DomainRegisterStringW(void *domain, const wchar_t *text)
{
	(void)domain;
	return (void *)(uintptr_t)nvtx_text_wide(text);
}

static void *nvtx_DomainCreateA(const char *text)
{
	return (void *)(uintptr_t)nvtx_domain(nvtx_text(text));
}

static void *nvtx_DomainCreateW(const wchar_t *text)
{
	return (void *)(uintptr_t)nvtx_domain(nvtx_text_wide(text));
}

/*
 * Called by each copy of NVTX in the process on its first use. 1: we are its tool; 0: it goes on
 * without one.
 */
SHIM_EXPORT int InitializeInjectionNvtx2(nvtx_get_table *get_table);
SHIM_EXPORT int InitializeInjectionNvtx2(nvtx_get_table *get_table)
{
	const struct nvtx_callbacks *callbacks;
	nvtx_function ***places;
	unsigned count;

	if (env_get(ENV_GPUTRAIL_DISABLE)[0] == '1' || !strcmp(env_get(ENV_GPUTRAIL_NVTX), "off"))
		return 0;
	callbacks = get_table(NVTX_TABLE_CALLBACKS);
	if (!callbacks || callbacks->bytes < sizeof(*callbacks) || !nvtx_texts_start())
		return 0;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (callbacks->module_functions((int)calls[i].module, &places, &count) &&
		    calls[i].number < count && places[calls[i].number])
			*places[calls[i].number] = calls[i].function;
	return 1;
}
