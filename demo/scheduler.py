# SPDX-License-Identifier: Apache-2.0
"""Continuous batching with chunked prefill over a paged KV cache."""
import struct
import time

from nn import (BATCH_MAX, BLOCK_TOKENS, BLOCKS_PER_REQUEST, CHUNK_TOKENS, METADATA_BYTES,
                PROMPT_MAX)

VIRTUAL_STEP_S = 0.003          # of a run whose number of steps is given


class BlockManager:
    """Hands out the blocks of the cache."""

    def __init__(self, count):
        self.free = list(range(count - 1, -1, -1))

    def extend(self, request, tokens):
        """Makes room for tokens; False when the cache is full."""
        wanted = min(-(-tokens // BLOCK_TOKENS), BLOCKS_PER_REQUEST) - len(request.blocks)
        if wanted > len(self.free):
            return False
        for _ in range(wanted):
            request.blocks.append(self.free.pop())
        return True

    def release(self, request):
        """Takes the blocks back."""
        self.free.extend(reversed(request.blocks))
        request.blocks.clear()


class Plan:
    """What one step computes."""

    def __init__(self, step, due):
        self.step, self.due = step, due
        self.items = []         # (request, tokens, context, has output, is last)
        self.decode_batch = self.prefill_tokens = self.tokens = 0

    @property
    def batch(self):
        """Requests in the step."""
        return len(self.items)

    @property
    def phase(self):
        """What it is for the record of steps."""
        if not self.prefill_tokens:
            return "decode"
        return "prefill+decode" if self.decode_batch else "prefill"

    def add(self, request, tokens, is_prefill):
        """Takes tokens of a request into the step."""
        request.computed += tokens
        has_output = request.computed == request.known
        request.generated += has_output
        is_last = request.generated >= request.output_tokens
        self.items.append((request, tokens, request.computed, has_output, is_last))
        self.tokens += tokens
        if is_prefill:
            self.prefill_tokens += tokens
        else:
            self.decode_batch += 1


class Scheduler:
    """Knows how many tokens each request will have without knowing which: it can look ahead."""

    def __init__(self, load, blocks, options, plants):
        self.load, self.blocks, self.options, self.plants = load, blocks, options, plants
        self.running = []
        self.preemptions = self.finished = 0

    def schedule(self, step):
        """The plan of the next step; empty when there is nothing to do."""
        plan = Plan(step, self.plants.due(step))
        if self.options.steps:
            for request in self.load.arrived(step * VIRTUAL_STEP_S):
                self.load.submit(request)
        if "preemption" in plan.due and len(self.running) > 2:
            self.preempt()
        self.schedule_running(plan)
        self.schedule_prefills(plan)
        self.finish_requests()
        return plan

    def preempt(self):
        """The youngest request loses its cache and starts again later."""
        begin_ns = time.monotonic_ns()
        request = self.running.pop()
        self.blocks.release(request)
        request.computed = 0
        self.load.put_back(request)
        self.preemptions += 1
        if "preemption" in self.plants:
            self.plants.record("preemption", begin_ns, "prompt to be computed again")

    def schedule_running(self, plan):
        """One token of each request that decodes."""
        index = 0
        while index < len(self.running):
            request = self.running[index]
            index += 1
            if not request.is_decoding:
                continue
            while not self.blocks.extend(request, request.known) and len(self.running) > index:
                self.preempt()
            plan.add(request, 1, False)

    def schedule_prefills(self, plan):
        """Pieces of prompts, as many as the budget allows."""
        budget = PROMPT_MAX if "long-prefill" in plan.due else CHUNK_TOKENS
        index = 0
        while budget:
            if index == len(self.running):
                request = self.load.take() if index < self.options.batch else None
                if not request:
                    return
                self.running.append(request)
            request = self.running[index]
            index += 1
            tokens = min(request.known - request.computed, budget)
            if tokens == 0 or request.is_decoding:
                continue
            if not self.blocks.extend(request, request.computed + tokens):
                if index == len(self.running) and index > 1:
                    self.preempt()
                return
            plan.add(request, tokens, True)
            budget -= tokens

    def finish_requests(self):
        """Lets go of those that have all their tokens."""
        for request in [r for r in self.running if r.generated >= r.output_tokens]:
            self.running.remove(request)
            self.blocks.release(request)
            self.load.finish()
            self.finished += 1


def prepare_inputs(plan, buffer):
    """Flattens a plan into what the kernels read."""
    items, at = plan.items, 0
    columns = {name: [] for name in ("positions", "lengths", "starts", "slots")}
    for request, tokens, context, _, _ in items:
        columns["positions"].append(context - tokens)
        columns["lengths"].append(context)
        columns["starts"].append(at)
        block = (context - 1) // BLOCK_TOKENS
        columns["slots"].append(block * BLOCK_TOKENS + (context - 1) % BLOCK_TOKENS)
        at += tokens
    struct.pack_into("4i", buffer, 0, plan.tokens, plan.batch, plan.decode_batch, 0)
    for place, column in enumerate(columns.values()):
        struct.pack_into(f"{len(column)}i", buffer, 16 + place * BATCH_MAX * 4, *column)
    table = METADATA_BYTES - BATCH_MAX * BLOCKS_PER_REQUEST * 4
    for index, item in enumerate(items):
        blocks = item[0].blocks
        struct.pack_into(f"{len(blocks)}i", buffer, table + index * BLOCKS_PER_REQUEST * 4, *blocks)
