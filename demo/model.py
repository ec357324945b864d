# SPDX-License-Identifier: Apache-2.0
"""The model and its runner: weights, KV cache, forward pass, CUDA graphs of decode steps."""
from dataclasses import dataclass

import cuda
from layers import DecoderLayer, Linear, RMSNorm
from nn import (BATCH_MAX, BLOCK_TOKENS, FFN, HEAD_DIM, HEADS, HIDDEN, KV_HEADS, METADATA_BYTES,
                VOCABULARY, Module, Parameter)

BUCKETS = (1, 2, 4, 8, 12, 16)
GRAPH_TOKENS = 64
# Plants that forbid capture or are about not having graphs; plants that change what graphs hold.
EAGER_PLANTS = {"no-graphs", "launch-bound", "sync-per-layer", "tensormap-in-loop",
                "attribute-queries", "null-stream", "cross-stream-wait"}
GRAPH_PLANTS = {"tiny-kernels", "redundant-copies", "redundant-casts", "no-pdl", "arch-fallback",
                "wave-tail", "low-occupancy", "low-coverage", "spill", "exposed-comm", "mega-kernel"}


@dataclass
class Forward:
    """The shape of one step."""
    tokens: int
    prefill_tokens: int
    decode_batch: int
    batch: int
    is_captured: bool = False


class Activations:
    """Where a forward pass keeps what it computes."""

    def __init__(self, arena, tokens, metadata, logits):
        row = tokens * 2
        self.arena, self.metadata, self.logits = arena, metadata, logits
        self.hidden = arena
        self.residual = self.hidden + row * HIDDEN
        self.qkv = self.residual + row * HIDDEN
        self.attention = self.qkv + row * (HEADS + 2 * KV_HEADS) * HEAD_DIM
        self.partial = self.attention + row * HIDDEN
        self.ffn = self.partial + row * HIDDEN

    @staticmethod
    def bytes(tokens):
        """Size of the arena."""
        return tokens * 2 * (4 * HIDDEN + (HEADS + 2 * KV_HEADS) * HEAD_DIM + 3 * FFN)


class CausalLM(Module):
    """Embedding, decoder layers, norm, head."""

    def __init__(self, device, layers, planted):
        super().__init__(device)
        self.embed_tokens = Parameter(device, VOCABULARY * HIDDEN)
        self.layers = [DecoderLayer(device, index, planted) for index in range(layers)]
        self.norm = RMSNorm(device)
        self.lm_head = Linear(device, "lm_head", VOCABULARY, HIDDEN)

    def forward(self, at, caches, tokens, forward):
        if "mega-kernel" in self.device.due and not forward.prefill_tokens:
            self.forward_fused(at, caches)
            return
        self.device.launch("embedding", [cuda.c_uint64(at.hidden),
                                         cuda.c_uint64(self.embed_tokens.pointer),
                                         cuda.c_uint64(tokens), cuda.c_int(forward.tokens)],
                           is_dependent=False)
        for layer in self.layers:
            layer(at, caches, forward)
        self.compute_logits(at, forward)

    def forward_fused(self, at, caches):
        """All layers in one launch: nothing inside of it can be seen from outside."""
        params = cuda.pack("16Q", at.arena, caches[0], at.metadata, *[0] * 13)
        self.device.launch("mega", [params], (self.device.sm_count, 1, 1), is_dependent=False)

    def compute_logits(self, at, forward):
        """Of the last token of each request."""
        self.norm(at, forward.tokens)
        self.lm_head(at.hidden, at.logits, forward.batch)


class ModelRunner:
    """Executes steps: by graph where one was captured, eagerly otherwise."""

    def __init__(self, device, layers, planted):
        self.device = device
        self.planted = planted
        self.model = CausalLM(device, layers, planted)
        self.metadata = cuda.allocate(METADATA_BYTES)
        self.tokens = cuda.allocate(BATCH_MAX * 4)
        cuda.call("cuMemsetD8Async", self.tokens, 0, BATCH_MAX * 4, device.compute)
        self.logits = cuda.allocate(BATCH_MAX * VOCABULARY * 4)
        arena = cuda.allocate(Activations.bytes(GRAPH_TOKENS))
        self.static = Activations(arena, GRAPH_TOKENS, self.metadata, self.logits)
        keep_all = cuda.c_uint64(2 ** 64 - 1)
        pool = cuda.created("cuDeviceGetDefaultMemPool", device.ordinal)
        cuda.call("cuMemPoolSetAttribute", pool, 4, cuda.byref(keep_all))
        cuda.call("cuStreamSynchronize", device.compute)
        self.open_cache(layers)
        self.graphs = {}
        self.graph_steps = self.eager_steps = 0

    def open_cache(self, layers):
        """One allocation for the keys and values of all layers, sized by what is left."""
        free, total = cuda.c_size_t(), cuda.c_size_t()
        cuda.call("cuMemGetInfo", cuda.byref(free), cuda.byref(total))
        block = layers * 2 * KV_HEADS * HEAD_DIM * 2 * BLOCK_TOKENS
        left = free.value - self.planted.reserve(free.value)
        self.kv_blocks = left // 10 * 8 // block
        if "preemption" in self.device.plants:
            self.kv_blocks = 512
        self.kv_cache = cuda.allocate(block * self.kv_blocks)
        size = block * self.kv_blocks // layers
        self.caches = [self.kv_cache + size * index for index in range(layers)]

    def bucket(self, batch):
        """The smallest captured batch that holds this one, 0 when none does."""
        largest = 2 if "graph-miss" in self.device.plants else BUCKETS[-1]
        return next((size for size in BUCKETS if batch <= size <= largest), 0)

    def capture_model(self):
        """Captures every bucket for every set of plants that steps can have."""
        for step in range(100):
            due = self.device.plants.due(step)
            variant = due & GRAPH_PLANTS
            if due & EAGER_PLANTS or (variant, 1) in self.graphs:
                continue
            self.device.due = due
            for size in BUCKETS:
                if self.bucket(size) == size:
                    self.graphs[variant, size] = self.capture_one_batch_size(size)
        cuda.call("cuStreamSynchronize", self.device.compute)

    def capture_one_batch_size(self, size):
        """An executable graph of the decode step."""
        stream = self.device.compute
        cuda.call("cuStreamBeginCapture", stream, cuda.CAPTURE_THREAD_LOCAL)
        self.model(self.static, self.caches, self.tokens, Forward(size, 0, size, size, True))
        graph = cuda.created_at_end("cuStreamEndCapture", stream)
        executable = cuda.created("cuGraphInstantiateWithFlags", graph, 0)
        cuda.call("cuGraphUpload", executable, stream)
        cuda.call("cuGraphDestroy", graph)
        return executable

    def execute_model(self, plan):
        """Launches the forward pass of a plan."""
        size = 0 if plan.prefill_tokens else self.bucket(plan.decode_batch)
        key = plan.due & GRAPH_PLANTS, size
        if size and key in self.graphs and not plan.due & EAGER_PLANTS:
            self.replay(plan, key)
        else:
            self.forward_eager(plan)

    def replay(self, plan, key):
        """By graph."""
        if "graph-recapture" in plan.due:
            cuda.call("cuCtxSynchronize")
            with self.planted.on_record("graph-recapture", "cuGraphInstantiate"):
                cuda.call("cuGraphExecDestroy", self.graphs[key])
                self.graphs[key] = self.capture_one_batch_size(key[1])
        cuda.call("cuGraphLaunch", self.graphs[key], self.device.compute)
        self.graph_steps += 1

    def forward_eager(self, plan):
        """Kernel by kernel, with activations from the stream-ordered pool."""
        stream = self.device.compute
        arena = cuda.created("cuMemAllocAsync", Activations.bytes(plan.tokens), stream,
                             kind=cuda.c_uint64)
        at = Activations(arena, plan.tokens, self.metadata, self.logits)
        self.model(at, self.caches, self.tokens,
                   Forward(plan.tokens, plan.prefill_tokens, plan.decode_batch, plan.batch))
        cuda.call("cuMemFreeAsync", arena, stream)
        self.eager_steps += 1

    def close(self):
        """Gives the larger pieces back; the context's end takes the rest."""
        for executable in self.graphs.values():
            cuda.call("cuGraphExecDestroy", executable)
        for pointer in (self.kv_cache, self.metadata, self.tokens, self.logits, self.static.arena):
            cuda.call("cuMemFree", pointer)
