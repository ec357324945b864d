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
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A word of the stack that has to be as it was. */
struct check {
	const uint64_t *slot;
	uint64_t value;
};

/* A remembered frame. Interrupted ones are never remembered. */
struct memo_frame {
	uint64_t ip, sp, rbp;
	uint32_t node;			/* of the path from the outermost frame to here */
	uint16_t checks;		/* words to re-read for this frame and all outside it */
	uint8_t needs_rbp;		/* rbp decides something here or further out */
	uint8_t ends;			/* the path ended here or further out: a node was refused */
};

struct unwinder {
	uint64_t stack_low, stack_words;
	uint64_t skip_low, skip_bytes;
	uint32_t generation;
	uint32_t memo_count;
	bool on_own_stack;
	bool is_cut;			/* the memo's outermost frame has callers */
	struct unwind_counts counts;
	struct memo_frame memo[UNWIND_DEPTH_MAX];	/* [0] is the outermost frame */
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
	u->stack_low = (stack_low + 7) & ~7ull;
	u->stack_words = (stack_high - u->stack_low) / 8;
	u->skip_low = skip_low;
	u->skip_bytes = skip_high - skip_low;
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

static __attribute__((noinline)) void rule_miss(struct unwinder *u, uint64_t ip,
						struct cfi_rule *rule)
{
	u->counts.misses++;
	cfi_rule_read(ip, rule);
}

static inline struct cfi_rule *rule_at(struct unwinder *u, uint64_t ip)
{
	struct cfi_rule *rule = &u->rules[(ip ^ ip >> 12) & (RULES - 1)];

	if (unlikely(rule->ip != ip))
		rule_miss(u, ip, rule);
	return rule;
}

/* Whether a word lies in the thread's own stack, in one comparison: where the address is not that
 * of a word, its low bits make the rotated number too large. */
static inline bool is_on_stack(const struct unwinder *u, uint64_t address)
{
	uint64_t at = address - u->stack_low;

	return (at >> 3 | at << 61) < u->stack_words;
}

static inline uint64_t word_at(uint64_t address)
{
	return *(const uint64_t *)(uintptr_t)address;
}

/* Reads a word of the stack. Off the thread's own stack (coroutine, alternate signal stack) the
 * kernel reads for us, so that a wrong address is an error and not a fault. */
static bool word_read(struct unwinder *u, uint64_t address, uint64_t *value)
{
	struct iovec local = { value, 8 }, remote = { (void *)(uintptr_t)address, 8 };

	if (is_on_stack(u, address)) {
		*value = word_at(address);
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
	return frame->rbp >= frame->sp && is_on_stack(u, frame->rbp) &&
	       is_on_stack(u, frame->rbp + 16);
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

/* From *frame to its caller by any rule. Fills the slots of *frame. */
static __attribute__((noinline)) enum step step_rare(struct unwinder *u, struct unwind_frame *frame,
						     struct unwind_frame *caller,
						     struct cfi_rule *rule)
{
	int32_t offset = rule->offset;
	int16_t rbp_at = rule->rbp_at;
	uint8_t kind = rule->kind;
	uint64_t cfa;

	frame->rbp_slot = frame->cfa_slot = 0;
	caller->is_interrupted = 0;
	if (kind == CFI_ABSENT && frame_pointer_usable(u, frame)) {
		kind = CFI_RBP;
		offset = 16;
		rbp_at = -16;
	}
	frame->uses_rbp = kind == CFI_RBP || kind == CFI_RBP_DEREF || rbp_at == CFI_RBP_AT_RBP;
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
	if (rbp_at != CFI_RBP_SAME) {
		frame->rbp_slot = rbp_at == CFI_RBP_AT_RBP ?
			frame->rbp : cfa + (uint64_t)(int64_t)rbp_at;
		if (!word_read(u, frame->rbp_slot, &caller->rbp))
			return STEP_UNKNOWN;
	}
	return caller->ip ? STEP_OK : STEP_END;
}

/* Where a walk is, kept in registers: each step waits for the one before, and a detour through
 * memory would double that. */
struct place {
	uint64_t ip, sp, rbp;
	bool is_interrupted;
};

static inline struct place frame_place(const struct unwind_frame *frame)
{
	return (struct place){ frame->ip, frame->sp, frame->rbp, frame->is_interrupted };
}

/* One step for what nearly all frames are: CFA from a register, all words on the own stack.
 * Fills the slots of frame[0], and frame[1]. */
static inline enum step frame_step(struct unwinder *u, struct unwind_frame *frame,
				   struct place *at)
{
	struct cfi_rule *rule = rule_at(u, at->ip - !at->is_interrupted);
	bool uses_rbp = rule->kind == CFI_RBP;
	uint64_t cfa = (uses_rbp ? at->rbp : at->sp) + (uint64_t)(int64_t)rule->offset;
	uint64_t rbp_slot = 0;
	enum step step;

	if (unlikely((rule->kind != CFI_RSP && !uses_rbp) || cfa <= at->sp ||
		     !is_on_stack(u, cfa - 8)))
		goto rare;
	if (rule->rbp_at != CFI_RBP_SAME) {
		rbp_slot = cfa + (uint64_t)(int64_t)rule->rbp_at;
		if (unlikely(!is_on_stack(u, rbp_slot)))	/* CFI_RBP_AT_RBP never is */
			goto rare;
		at->rbp = word_at(rbp_slot);
	}
	frame[0].cfa_slot = 0;
	frame[0].rbp_slot = rbp_slot;
	frame[0].uses_rbp = uses_rbp;
	frame[1].ip = at->ip = word_at(cfa - 8);
	frame[1].sp = at->sp = cfa;
	frame[1].rbp = at->rbp;
	frame[1].is_interrupted = at->is_interrupted = false;
	return at->ip ? STEP_OK : STEP_END;
rare:
	step = step_rare(u, frame, frame + 1, rule);
	*at = frame_place(frame + 1);
	return step;
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

/* Whether the walk goes on as it did from the memo's frame. */
static inline bool frame_equal(const struct memo_frame *memo, const struct place *at)
{
	return memo->sp == at->sp && memo->ip == at->ip && !at->is_interrupted &&
	       (memo->rbp == at->rbp || !memo->needs_rbp);
}

/* Appends fresh[count - 1 ... 0] to the memo, together with the words that keep them true. fresh[i + 1]
 * is the caller of fresh[i]; only an outermost one has none. Returns the innermost node. */
static uint32_t memo_append(struct unwinder *u, uint32_t count, uint32_t node)
{
	struct memo_frame *memo = &u->memo[u->memo_count];
	bool has_caller = u->memo_count > 0, needs_rbp = has_caller && memo[-1].needs_rbp;
	bool ends = has_caller && memo[-1].ends;
	struct check *check = &u->checks[has_caller ? memo[-1].checks : 0];

	u->memo_count += count;
	for (const struct unwind_frame *f = &u->fresh[count]; f-- > u->fresh; memo++) {
		if (f->ip - u->skip_low >= u->skip_bytes && !ends) {
			uint32_t outer = node;

			/* What is inside of a frame that was refused is none of its caller's. */
			node = trie_child(&u->trie, outer, f->ip);
			ends = node == outer;
		}
		if (has_caller) {
			*check++ = (struct check){
				(const uint64_t *)(uintptr_t)(f[1].sp - 8), f[1].ip };
			if (needs_rbp && f->rbp_slot)
				*check++ = (struct check){
					(const uint64_t *)(uintptr_t)f->rbp_slot, f[1].rbp };
			if (unlikely(f->cfa_slot))
				*check++ = (struct check){
					(const uint64_t *)(uintptr_t)f->cfa_slot, f[1].sp };
		}
		has_caller = true;
		needs_rbp = f->uses_rbp || (needs_rbp && !f->rbp_slot);
		*memo = (struct memo_frame){ f->ip, f->sp, f->rbp, node,
					     (uint16_t)(check - u->checks), needs_rbp, ends };
	}
	return node;
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
 * frames; *joined is the number of memo frames that stay below them. */
static uint32_t walk(struct unwinder *u, uint32_t *joined)
{
	struct place at = frame_place(u->fresh);
	uint32_t fresh = 0, memo = u->memo_count;
	bool verified = false;
	enum step step;

	for (;;) {
		while (memo && u->memo[memo - 1].sp < at.sp)
			memo--;
		if (memo && frame_equal(&u->memo[memo - 1], &at)) {
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
		step = frame_step(u, &u->fresh[fresh++], &at);
		if (step != STEP_OK) {
			u->counts.unknown += step == STEP_UNKNOWN;
			u->is_cut = false;
			memo = 0;
			break;
		}
	}
	u->counts.steps += fresh;
	*joined = memo;
	return fresh;
}

uint64_t unwinder_frame_holding(const struct unwinder *u, uint64_t address)
{
	uint32_t low = 0, high = u->memo_count;	/* outermost first: sp falls */

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (u->memo[middle].sp > address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && low < u->memo_count ? u->memo[low].ip : 0;
}

/* The walk when the innermost frame is not the memo's. By values: reading at once what was just
 * written in parts stalls. */
static __attribute__((noinline)) uint32_t path_slow(struct unwinder *u, uint64_t ip, uint64_t sp,
						    uint64_t rbp)
{
	const struct unwind_frame frame = { .ip = ip, .sp = sp, .rbp = rbp };
	uint32_t fresh, joined, node;
	int saved_errno = errno;
	uint64_t full;
	bool ended;

	u->on_own_stack = is_on_stack(u, sp & ~7ull);
	if (!u->on_own_stack)
		u->memo_count = 0;
	u->fresh[0] = frame;
	fresh = walk(u, &joined);
	/* Of a cut path always as many frames, so that a stack has one path however it came about. */
	if (joined + fresh > unwind_depth_limit ||
	    (joined && u->is_cut && joined + fresh < unwind_depth_limit)) {
		u->memo_count = 0;
		u->fresh[0] = frame;
		fresh = walk(u, &joined);
	}
	u->memo_count = joined;
	if (joined)
		node = u->memo[joined - 1].node;
	else
		node = u->is_cut ? trie_child(&u->trie, 0, TRIE_CUT) : 0;
	ended = joined && u->memo[joined - 1].ends;
	full = u->trie.full;
	node = memo_append(u, fresh, node);
	/* A node that could not be told now may be later: the whole path is tried again. */
	if (!ended && u->memo[u->memo_count - 1].ends && u->trie.full == full)
		u->memo_count = 0;
	if (!u->on_own_stack) {
		u->counts.foreign_stacks++;
		u->memo_count = 0;
	}
	errno = saved_errno;
	return node;
}

__attribute__((noinline)) uint32_t unwinder_path(struct unwinder *u)
{
	struct place at;
	uint32_t count;

	/* The address after the lea is looked up as a return address is: minus one. */
	at.is_interrupted = false;
	__asm__ volatile("lea 0f(%%rip), %0\n0:\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
			 : "=r"(at.ip), "=r"(at.sp), "=r"(at.rbp));
	memo_check_generation(u);
	count = u->memo_count;
	u->counts.walks++;
	if (count && frame_equal(&u->memo[count - 1], &at) && memo_verify(u, count) == count) {
		u->counts.joins++;
		return u->memo[count - 1].node;
	}
	return path_slow(u, at.ip, at.sp, at.rbp);
}

#endif
