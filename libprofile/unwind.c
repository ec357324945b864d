/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the stack with cached rules and a verified memo; see unwind.h for why it is sound. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/unwind.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "libprofile/cfi.h"
#include "libprofile/unwind_odd.h"

uint32_t unwind_code_generation = 1;
uint32_t unwind_depth_limit = UNWIND_DEPTH_MAX;
void (*unwind_on_truncated)(void);
void (*unwind_on_full)(void);

#if defined(__x86_64__)

#define RULES 4096u		/* direct mapped, a power of two */

/* A word of the stack that has to be as it was. */
struct check {
	const uint64_t *slot;
	uint64_t value;
};

struct unwinder {
	uint64_t stack_low, stack_high, skip_low, skip_high;
	uint32_t generation;
	uint32_t memo_count;
	bool on_own_stack;
	bool is_cut;			/* the memo's outermost frame has callers */
	struct unwind_counts counts;
	struct unwind_frame memo[UNWIND_DEPTH_MAX];	/* [0] is the outermost frame */
	struct unwind_frame fresh[UNWIND_DEPTH_MAX + 1];	/* [0] is the innermost frame */
	struct check checks[3 * UNWIND_DEPTH_MAX];	/* in the order of memo */
	struct cfi_rule rules[RULES];
	struct trie trie;
};


void unwind_code_changed(void)
{
	__atomic_fetch_add(&unwind_code_generation, 1, __ATOMIC_RELEASE);
}

struct unwinder *unwinder_new(uint64_t stack_low, uint64_t stack_high, uint64_t skip_low,
			      uint64_t skip_high, trie_tell *tell, void *user)
{
	struct unwinder *u = mmap(NULL, sizeof(*u), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (u == MAP_FAILED)
		return NULL;
	u->stack_low = stack_low;
	u->stack_high = stack_high;
	u->skip_low = skip_low;
	u->skip_high = skip_high;
	u->trie.tell = tell;
	u->trie.user = user;
	u->trie.on_full = unwind_on_full;
	return u;
}

void unwinder_free(struct unwinder *unwinder)
{
	munmap(unwinder, sizeof(*unwinder));
}

const struct unwind_counts *unwinder_counts(const struct unwinder *unwinder)
{
	return &unwinder->counts;
}

/* --- stepping ------------------------------------------------------------------------------ */

static const struct cfi_rule *rule_at(struct unwinder *u, uint64_t ip)
{
	struct cfi_rule *rule = &u->rules[(ip ^ ip >> 12) & (RULES - 1)];

	if (rule->ip != ip || rule->kind == CFI_NONE) {
		u->counts.misses++;
		cfi_rule_read(ip, rule);
	}
	return rule;
}

/* Reads a word of the stack. Off the thread's own stack (coroutine, alternate signal stack) the
 * kernel reads for us, so that a wrong address is an error and not a fault. */
static inline bool word_read(struct unwinder *u, uint64_t address, uint64_t *value)
{
	struct iovec local = { value, 8 }, remote = { (void *)(uintptr_t)address, 8 };

	if (address >= u->stack_low && address <= u->stack_high - 8 && address % 8 == 0) {
		*value = *(const uint64_t *)(uintptr_t)address;
		return true;
	}
	u->on_own_stack = false;
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 8;
}

enum step { STEP_OK, STEP_END, STEP_UNKNOWN };

/* Where sp points when a signal handler returns: the interrupted registers. Rare: never kept in
 * the memo. */
static enum step signal_step(struct unwinder *u, const struct unwind_frame *frame,
			     struct unwind_frame *caller)
{
	uint64_t registers = frame->sp + offsetof(ucontext_t, uc_mcontext.gregs);

	u->on_own_stack = false;
	caller->is_interrupted = 1;
	if (!word_read(u, registers + REG_RIP * 8, &caller->ip) ||
	    !word_read(u, registers + REG_RSP * 8, &caller->sp) ||
	    !word_read(u, registers + REG_RBP * 8, &caller->rbp))
		return STEP_UNKNOWN;
	return STEP_OK;
}

/* Code without call frame information may still keep frame pointers (JIT compilers do): taken
 * only when rbp points into the part of the stack above. */
static bool frame_pointer_usable(const struct unwinder *u, const struct unwind_frame *frame)
{
	return frame->rbp % 8 == 0 && frame->rbp >= frame->sp &&
	       frame->rbp >= u->stack_low && frame->rbp < u->stack_high - 16;
}

/* Which words such a step depends on is not known: the walk is right but not kept. */
static enum step odd_step(struct unwinder *u, const struct unwind_frame *frame,
			  struct unwind_frame *caller)
{
	if (!unwind_odd_step(frame, caller))
		return STEP_UNKNOWN;
	u->counts.odd++;
	u->on_own_stack = false;
	return caller->ip ? STEP_OK : STEP_END;
}

/* From *frame to its caller. Fills the slots of *frame. */
static enum step frame_step(struct unwinder *u, struct unwind_frame *frame,
			    struct unwind_frame *caller)
{
	const struct cfi_rule *rule = rule_at(u, frame->ip - !frame->is_interrupted);
	int32_t offset = rule->offset;
	int16_t rbp_at = rule->rbp_at;
	uint8_t kind = rule->kind;
	uint64_t cfa;

	frame->ra_slot = frame->rbp_slot = frame->cfa_slot = 0;
	caller->is_interrupted = 0;
	u->counts.steps++;
	if (kind == CFI_ABSENT && frame_pointer_usable(u, frame)) {
		kind = CFI_RBP;
		offset = 16;
		rbp_at = -16;
	}
	frame->uses_rbp = kind == CFI_RBP || kind == CFI_RBP_DEREF || rbp_at == CFI_RBP_AT_RBP;
	frame->keeps_rbp = rbp_at == CFI_RBP_SAME;
	switch (kind) {
	case CFI_RSP: cfa = frame->sp + (uint64_t)(int64_t)offset; break;
	case CFI_RBP: cfa = frame->rbp + (uint64_t)(int64_t)offset; break;
	case CFI_RBP_DEREF:
	case CFI_RSP_DEREF:
		frame->cfa_slot = (kind == CFI_RBP_DEREF ? frame->rbp : frame->sp) +
				  (uint64_t)(int64_t)offset;
		if (!word_read(u, frame->cfa_slot, &cfa))
			return STEP_UNKNOWN;
		break;
	case CFI_SIGNAL: return signal_step(u, frame, caller);
	case CFI_END: return STEP_END;
	case CFI_UNKNOWN: return odd_step(u, frame, caller);
	default: return STEP_UNKNOWN;
	}
	if (cfa <= frame->sp || !word_read(u, cfa - 8, &caller->ip))
		return STEP_UNKNOWN;
	caller->sp = cfa;
	caller->rbp = frame->rbp;
	frame->ra_slot = cfa - 8;
	if (rbp_at != CFI_RBP_SAME) {
		frame->rbp_slot = rbp_at == CFI_RBP_AT_RBP ?
			frame->rbp : cfa + (uint64_t)(int64_t)rbp_at;
		if (!word_read(u, frame->rbp_slot, &caller->rbp))
			return STEP_UNKNOWN;
	}
	return caller->ip ? STEP_OK : STEP_END;
}

/* --- memo ---------------------------------------------------------------------------------- */

/*
 * Re-reads every slot of the outermost `count` memo frames and returns how many of them still
 * stand, counted from the outermost: all, or those outside the outermost one that has changed.
 */
static uint32_t memo_verify(const struct unwinder *u, uint32_t count)
{
	uint32_t checks = count ? u->memo[count - 1].checks : 0, i;
	uint64_t a = 0, b = 0, c = 0, d = 0;

#ifdef UNWIND_SKIP_VERIFY	/* the tests' negative control */
	checks = 0;
#endif
	for (i = 0; i + 4 <= checks; i += 4) {	/* independent loads: four at a time */
		const struct check *k = &u->checks[i];

		a |= *k[0].slot ^ k[0].value;
		b |= *k[1].slot ^ k[1].value;
		c |= *k[2].slot ^ k[2].value;
		d |= *k[3].slot ^ k[3].value;
	}
	for (; i < checks; i++)
		a |= *u->checks[i].slot ^ u->checks[i].value;
	if ((a | b | c | d) == 0)
		return count;
	for (i = 0; *u->checks[i].slot == u->checks[i].value; i++)
		;
	while (count && u->memo[count - 1].checks > i)
		count--;
	return count;
}

/* Whether the walk goes on from `frame` as it did from the memo's. */
static inline bool frame_equal(const struct unwind_frame *memo, const struct unwind_frame *frame)
{
	return memo->sp == frame->sp && memo->ip == frame->ip &&
	       memo->is_interrupted == frame->is_interrupted &&
	       (memo->rbp == frame->rbp || !memo->needs_rbp);
}

/* Appends a frame to the memo, together with the slots that keep it true. */
static void memo_push(struct unwinder *u, const struct unwind_frame *frame, uint32_t node)
{
	uint32_t checks = u->memo_count ? u->memo[u->memo_count - 1].checks : 0;
	const struct unwind_frame *caller = u->memo_count ? &u->memo[u->memo_count - 1] : NULL;
	struct unwind_frame *slot = &u->memo[u->memo_count];

	if (caller && frame->ra_slot)
		u->checks[checks++] = (struct check){
			(const uint64_t *)(uintptr_t)frame->ra_slot, caller->ip };
	if (caller && caller->needs_rbp && frame->rbp_slot)
		u->checks[checks++] = (struct check){
			(const uint64_t *)(uintptr_t)frame->rbp_slot, caller->rbp };
	if (caller && frame->cfa_slot)
		u->checks[checks++] = (struct check){
			(const uint64_t *)(uintptr_t)frame->cfa_slot, caller->sp };
	slot->ip = frame->ip;
	slot->sp = frame->sp;
	slot->rbp = frame->rbp;
	slot->is_interrupted = frame->is_interrupted;
	slot->node = node;
	slot->checks = checks;
	slot->needs_rbp = frame->uses_rbp || (frame->keeps_rbp && caller && caller->needs_rbp);
	u->memo_count++;
}

static void memo_check_generation(struct unwinder *u)
{
	uint32_t generation = __atomic_load_n(&unwind_code_generation, __ATOMIC_ACQUIRE);

	if (generation != u->generation) {
		memset(u->rules, 0, sizeof(u->rules));
		memset(u->trie.nodes, 0, sizeof(u->trie.nodes));
		u->trie.count = 0;
		u->memo_count = 0;
		u->generation = generation;
	}
}

static void memo_truncated(struct unwinder *u)
{
	u->is_cut = true;
	u->counts.truncated++;
	if (unwind_on_truncated)
		unwind_on_truncated();
}

/* Walks from fresh[0] until the memo is met or the stack ends. Returns the number of fresh
 * frames; *joined is the number of memo frames that stay below them. Frames are made where they
 * stay: copying what was just written in bytes stalls. */
static uint32_t walk(struct unwinder *u, uint32_t *joined)
{
	uint32_t fresh = 0, memo = u->memo_count;
	bool verified = false;

	for (;;) {
		struct unwind_frame *frame = &u->fresh[fresh];

		while (memo && u->memo[memo - 1].sp < frame->sp)
			memo--;
		if (memo && frame_equal(&u->memo[memo - 1], frame)) {
			uint32_t stand = verified ? memo : memo_verify(u, memo);

			verified = true;
			if (stand == memo) {
				u->counts.joins++;
				break;
			}
			memo = stand;
			continue;
		}
		if (fresh == unwind_depth_limit) {
			memo_truncated(u);
			memo = 0;
			break;
		}
		switch (frame_step(u, frame, frame + 1)) {
		case STEP_OK:
			fresh++;
			continue;
		case STEP_UNKNOWN:
			u->counts.unknown++;
			/* fall through */
		case STEP_END:
			fresh++;
			memo = 0;
			u->is_cut = false;
			break;
		}
		break;
	}
	*joined = memo;
	return fresh;
}

/* The walk when the innermost frame is not the memo's. */
static __attribute__((noinline)) uint32_t path_slow(struct unwinder *u,
						    const struct unwind_frame *frame)
{
	uint32_t fresh, joined, node;
	int saved_errno = errno;

	u->on_own_stack = frame->sp >= u->stack_low && frame->sp < u->stack_high;
	if (!u->on_own_stack)
		u->memo_count = 0;
	u->fresh[0] = *frame;
	fresh = walk(u, &joined);
	/* Of a cut path always as many frames, so that a stack has one path however it came about. */
	if (joined + fresh > unwind_depth_limit ||
	    (joined && u->is_cut && joined + fresh < unwind_depth_limit)) {
		u->memo_count = 0;
		u->fresh[0] = *frame;
		fresh = walk(u, &joined);
	}
	u->memo_count = joined;
	if (joined)
		node = u->memo[joined - 1].node;
	else
		node = u->is_cut ? trie_child(&u->trie, 0, TRIE_CUT) : 0;
	for (uint32_t i = fresh; i-- > 0;) {
		const struct unwind_frame *f = &u->fresh[i];

		if (f->ip < u->skip_low || f->ip >= u->skip_high)
			node = trie_child(&u->trie, node, f->ip);
		memo_push(u, f, node);
	}
	if (!u->on_own_stack) {
		u->counts.foreign_stacks++;
		u->memo_count = 0;
	}
	errno = saved_errno;
	return node;
}

__attribute__((noinline)) uint32_t unwinder_path(struct unwinder *u)
{
	struct unwind_frame frame;
	uint32_t count;

	/* The address after the lea is looked up as a return address is: minus one. */
	frame.is_interrupted = 0;
	__asm__ volatile("lea 0f(%%rip), %0\n0:\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
			 : "=r"(frame.ip), "=r"(frame.sp), "=r"(frame.rbp));
	memo_check_generation(u);
	count = u->memo_count;
	u->counts.walks++;
	if (count && frame_equal(&u->memo[count - 1], &frame) && memo_verify(u, count) == count) {
		u->counts.joins++;
		return u->memo[count - 1].node;
	}
	return path_slow(u, &frame);
}

#else	/* no reader of call frame information for this architecture: no native paths */


void unwind_code_changed(void)
{
	__atomic_fetch_add(&unwind_code_generation, 1, __ATOMIC_RELEASE);
}

struct unwinder *unwinder_new(uint64_t stack_low, uint64_t stack_high, uint64_t skip_low,
			      uint64_t skip_high, trie_tell *tell, void *user)
{
	(void)stack_low;
	(void)stack_high;
	(void)skip_low;
	(void)skip_high;
	(void)tell;
	(void)user;
	return NULL;
}

void unwinder_free(struct unwinder *unwinder)
{
	(void)unwinder;
}

uint32_t unwinder_path(struct unwinder *unwinder)
{
	(void)unwinder;
	return 0;
}

const struct unwind_counts *unwinder_counts(const struct unwinder *unwinder)
{
	(void)unwinder;
	return NULL;
}
#endif
