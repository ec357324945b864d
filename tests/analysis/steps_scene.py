# SPDX-License-Identifier: Apache-2.0
"""A server whose steps are known to the nanosecond, as a recording."""
from fixture import Fixture
from tap import path

US, MS = 1000, 1000000
HTOD, DTOH = 1 | 2 << 8 | 3 << 16 | 1 << 24, 2 | 3 << 8 | 2 << 16 | 1 << 24
LAYERS = 6


class Server:
    """A thread that launches steps: metadata, embedding, layers, sampling, tokens back. Truth: for
    each step the start of its first kernel, the launches, and the host start of its first call."""

    def __init__(self, name):
        self.file = path(name + ".db")
        self.f = f = Fixture(self.file)
        f.process()
        f.device()
        f.add("thread", process=1, tid=101, name="engine", start_ns=0, end_ns=10**9)
        f.add("context", process=1, device=1, handle=0xc0, number=1)
        for handle in (0x51, 0x52):
            f.add("stream", process=1, context=1, device=1, handle=handle, number=handle,
                  priority=0, flags=0)
        names = ("embedding_lookup_kernel", "rms_norm_kernel", "sm90_gemm_kernel",
                 "flash_fwd_splitkv_kernel", "top_k_kernel", "flash_fwd_kernel")
        self.shapes = {name: f.shape(f.kernel(name), 1) for name in names}
        self.host, self.gpu = 100 * US, 0       # where both are
        self.kernels, self.begins, self.firsts = [], [], []

    def launch(self, name, dur):
        start = max(self.host + 8 * US, self.gpu)
        self.f.launch(self.host, 3 * US, start - self.host, dur, 1, 1, self.shapes[name],
                      self.f.api("cuLaunchKernel"))
        self.kernels.append((start, start + dur))
        self.host, self.gpu = self.host + 4 * US, start + dur
        return start

    def copy(self, kind):
        start = max(self.host + 8 * US, self.gpu)
        self.f.copy(self.host, 2 * US, start - self.host, US, 1, 2, kind, 256,
                    self.f.api("cuMemcpyAsync", "COPY"))
        self.kernels.append((start, start + US))
        self.host, self.gpu = self.host + 3 * US, start + US

    def step(self, prefill=False, pause=0, gemm=40 * US):
        self.host = max(self.host, self.gpu) + pause     # waits for the tokens before
        self.begins.append(self.host)
        self.copy(HTOD)
        self.firsts.append(self.launch("embedding_lookup_kernel", 5 * US))
        for layer in range(LAYERS):
            self.launch("rms_norm_kernel", 5 * US)
            self.launch("sm90_gemm_kernel", gemm if layer == 3 else 40 * US)
            self.launch("flash_fwd_kernel" if prefill else "flash_fwd_splitkv_kernel", 20 * US)
        self.launch("top_k_kernel", 5 * US)
        self.copy(DTOH)
