# SPDX-License-Identifier: Apache-2.0
"""Layers of the model: norm, linear, rotary embedding, attention, gated MLP, decoder layer."""
import math

import cuda
from nn import (BLOCK_TOKENS, BLOCKS_PER_REQUEST, FFN, GEMM_PARAMS, HEAD_DIM, HEADS, HIDDEN,
                KV_HEADS, PAGED_KV_PARAMS, SKINNY_TOKENS, Module, Parameter, elementwise)


class RMSNorm(Module):
    """Fused residual add and norm, or the chain that a framework without fusion launches."""

    def __init__(self, device):
        super().__init__(device)
        self.weight = Parameter(device, HIDDEN)

    def forward(self, at, tokens):
        device, count = self.device, tokens * HIDDEN
        if "tiny-kernels" in device.due:
            self.forward_native(at, count)
        else:
            device.launch("rms_norm", [cuda.c_uint64(at.hidden), cuda.c_uint64(at.residual),
                                       cuda.c_uint64(self.weight.pointer), cuda.c_float(1e-5),
                                       cuda.c_int(HIDDEN)])
        if "redundant-copies" in device.due:
            cuda.call("cuMemcpyDtoDAsync", at.partial, at.hidden, count * 2, device.compute)
        if "redundant-casts" in device.due:
            elementwise(device, "cast", at.partial, at.hidden, count=count)

    def forward_native(self, at, count):
        """Without fusion."""
        device = self.device
        elementwise(device, "eager_pow", at.partial, at.hidden, count=count)
        elementwise(device, "eager_mean", at.partial, at.partial, count=count)
        elementwise(device, "eager_rsqrt", at.partial, at.partial, count=count)
        elementwise(device, "eager_mul", at.hidden, at.hidden, at.partial, count=count)
        elementwise(device, "eager_mul", at.hidden, at.hidden, self.weight.pointer, count=count)


class Linear(Module):
    """A dense layer; one kernel for few tokens, another for many."""

    def __init__(self, device, name, columns, rows):
        super().__init__(device)
        self.name, self.columns, self.rows = name, columns, rows
        self.weight = Parameter(device, columns * rows)

    def forward(self, source, destination, tokens):
        device = self.device
        params = cuda.pack(GEMM_PARAMS, source, self.weight.pointer, destination, 0, self.rows,
                           self.rows, self.columns, tokens, self.columns, self.rows, 1, 1.0, 0.0,
                           0, 0)
        name = self.kernel_name(tokens)
        blocks = device.full_grid(name, (tokens + 127) // 128)
        if "wave-tail" in device.due:
            blocks += device.full_grid(name) // 16
        device.launch(name, [params], (blocks, 1, 1))

    def kernel_name(self, tokens):
        """The kernel that suits this many tokens."""
        if "arch-fallback" in self.device.due:
            return "sm80_gemm"
        if self.name == "lm_head":
            return self.name
        return ("decode_" if tokens <= SKINNY_TOKENS else "prefill_") + self.name


class RotaryEmbedding(Module):
    """Rotates queries and keys and writes keys and values to the paged cache."""

    def forward(self, at, cache, tokens):
        device = self.device
        if "tiny-kernels" in device.due:
            elementwise(device, "eager_neg_cat", at.partial, at.qkv, count=tokens)
            elementwise(device, "eager_mul", at.partial, at.qkv, at.partial, count=tokens)
            elementwise(device, "eager_mul", at.qkv, at.partial, at.partial, count=tokens)
        device.launch("rope_cache", [cuda.c_uint64(at.qkv), cuda.c_uint64(cache),
                                     cuda.c_uint64(at.metadata), cuda.c_uint64(at.metadata),
                                     cuda.c_int(tokens)])


class PagedAttention(Module):
    """Attention over the paged cache: prompts' pieces, and single tokens with a split KV."""

    def forward(self, at, cache, forward):
        if forward.prefill_tokens:
            self.forward_prefill(at, cache, forward)
        if forward.decode_batch:
            self.forward_decode(at, cache, forward)

    def params(self, at, cache, batch, splits, query_tokens):
        """The kernels' argument."""
        return cuda.pack(PAGED_KV_PARAMS, at.qkv, cache, at.metadata, at.metadata, at.attention,
                         at.partial, BLOCK_TOKENS * KV_HEADS * HEAD_DIM, HEAD_DIM,
                         (HEADS + 2 * KV_HEADS) * HEAD_DIM, batch, HEADS, KV_HEADS, HEAD_DIM,
                         splits, BLOCKS_PER_REQUEST, BLOCK_TOKENS, query_tokens,
                         1 / math.sqrt(HEAD_DIM), 0.0, 0, 0)

    def forward_prefill(self, at, cache, forward):
        """Pieces of prompts."""
        tokens, batch = forward.prefill_tokens, forward.batch - forward.decode_batch
        grid = self.device.full_grid("attention_prefill", (tokens + 127) // 128), 1, 1
        self.device.launch("attention_prefill", [self.params(at, cache, batch, 1, tokens)], grid)

    def forward_decode(self, at, cache, forward):
        """One token of each running request."""
        device, batch = self.device, forward.decode_batch
        name, heads = self.decode_kernel(), KV_HEADS
        splits = max(1, device.full_grid(name) // (heads * batch))
        if name == "attention_few_sms":
            splits, heads = 1, 2
        params = self.params(at, cache, batch, splits, 1)
        device.launch(name, [params], (splits, heads, batch))
        if splits > 1:
            device.launch("attention_combine", [params])

    def decode_kernel(self):
        """The kernel, as the plants want it."""
        due = self.device.due
        for plant, name in (("low-coverage", "attention_few_sms"),
                            ("low-occupancy", "attention_two_warps"),
                            ("spill", "attention_spilling"),
                            ("arch-fallback", "triton_attention")):
            if plant in due:
                return name
        return "attention_decode"


def all_reduce(device, at, tokens):
    """Sum over the ranks of a tensor-parallel group, in the way of everything behind it."""
    if "exposed-comm" in device.due:
        device.launch("all_reduce", [cuda.pack("8Q", at.partial, *[0] * 7),
                                     cuda.c_uint64(at.hidden), cuda.c_int(tokens * HIDDEN)],
                      (36, 1, 1))


class SelfAttention(Module):
    """qkv, rope, attention, output projection."""

    def __init__(self, device):
        super().__init__(device)
        self.qkv_proj = Linear(device, "qkv", (HEADS + 2 * KV_HEADS) * HEAD_DIM, HIDDEN)
        self.rotary_emb = RotaryEmbedding(device)
        self.attn = PagedAttention(device)
        self.o_proj = Linear(device, "o", HIDDEN, HEADS * HEAD_DIM)

    def forward(self, at, cache, forward):
        self.qkv_proj(at.hidden, at.qkv, forward.tokens)
        self.rotary_emb(at, cache, forward.tokens)
        self.attn(at, cache, forward)
        self.o_proj(at.attention, at.hidden, forward.tokens)
        all_reduce(self.device, at, forward.tokens)


class MLP(Module):
    """The gated MLP."""

    def __init__(self, device):
        super().__init__(device)
        self.gate_up_proj = Linear(device, "gate_up", 2 * FFN, HIDDEN)
        self.down_proj = Linear(device, "down", HIDDEN, FFN)

    def forward(self, at, forward):
        self.gate_up_proj(at.hidden, at.ffn, forward.tokens)
        self.act_fn(at, forward.tokens)
        self.down_proj(at.ffn, at.hidden, forward.tokens)
        all_reduce(self.device, at, forward.tokens)

    def act_fn(self, at, tokens):
        """SiLU of the gate times the rest."""
        device, count, product = self.device, tokens * FFN, at.ffn + tokens * 4 * FFN
        if "tiny-kernels" in device.due:
            elementwise(device, "eager_sigmoid", product, at.ffn, count=count)
            elementwise(device, "eager_mul", product, product, at.ffn, count=count)
            elementwise(device, "eager_mul", product, product, at.ffn, count=count)
        else:
            elementwise(device, "silu_mul", product, at.ffn, count=count)


class DecoderLayer(Module):
    """One transformer layer."""

    def __init__(self, device, index, planted):
        super().__init__(device)
        self.index, self.planted = index, planted
        self.input_layernorm = RMSNorm(device)
        self.self_attn = SelfAttention(device)
        self.post_attention_layernorm = RMSNorm(device)
        self.mlp = MLP(device)

    def forward(self, at, caches, forward):
        self.input_layernorm(at, forward.tokens)
        self.self_attn(at, caches[self.index], forward)
        self.post_attention_layernorm(at, forward.tokens)
        self.mlp(at, forward)
        if not forward.is_captured:
            self.planted.in_layer()
