# SPDX-License-Identifier: Apache-2.0
"""A decode loop of a small transformer: eager, as a CUDA graph, and compiled. Prints facts for
tests/gpu/run. With --device=cpu only its logic is tried."""
import argparse
import os
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

from products import Linear

LAYERS, WIDTH, HEADS, CACHE, VOCABULARY = 12, 1024, 16, 512, 8192


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.qkv = Linear(WIDTH, 3 * WIDTH)
        self.out = Linear(WIDTH, WIDTH)
        self.up, self.down = Linear(WIDTH, 4 * WIDTH), Linear(4 * WIDTH, WIDTH)
        shape = (1, HEADS, CACHE, WIDTH // HEADS)
        self.register_buffer("keys", torch.zeros(shape))
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, x, place):
        q, k, v = (t.view(1, HEADS, 1, -1) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        self.keys.index_copy_(2, place, k)
        self.values.index_copy_(2, place, v)
        x = x + self.out(F.scaled_dot_product_attention(q, self.keys, self.values).reshape(1, WIDTH))
        return x + self.down(F.silu(self.up(self.norm2(x))))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = Linear(WIDTH, VOCABULARY)

    def forward(self, token, place):
        x = self.embedding(token)
        for layer in self.layers:
            x = layer(x, place)
        return self.head(x).argmax(-1)


class Decoder:
    def __init__(self, device):
        self.device = torch.device(device)
        torch.manual_seed(1)
        kind = torch.float16 if self.device.type == "cuda" else torch.float32
        self.model = Model().to(self.device, kind).eval()
        self.token = torch.zeros(1, dtype=torch.long, device=self.device)
        self.place = torch.zeros(1, dtype=torch.long, device=self.device)
        self.graph = None

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    @torch.no_grad()
    def eager(self):
        self.token.copy_(self.model(self.token, self.place))
        self.place.add_(1).remainder_(CACHE)

    def capture(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.eager()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.eager()

    def replay(self):
        self.graph.replay() if self.graph else self.eager()

    def timed(self, step, count):
        """Median ns of a step that is waited for, as a server waits for its tokens."""
        times = []
        for _ in range(count):
            begin = time.monotonic_ns()
            step()
            self.wait()
            times.append(time.monotonic_ns() - begin)
        return statistics.median(times)


def profiled(which, body):
    """Runs body under another profiler."""
    if which == "torch":
        from torch.profiler import ProfilerActivity, profile
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        with profile(activities=activities, with_stack=True):
            body()
    elif which == "proton":
        import triton.profiler as proton
        proton.start("/tmp/gputrail-proton", context="python")
        body()
        proton.finalize()
    else:
        body()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--profiler", default="", choices=("", "torch", "proton"))
    parser.add_argument("--compile", action="store_true", help="decode with torch.compile too")
    parser.add_argument("--stop", action="store_true", help="have gputrail stop before measuring")
    parser.add_argument("--tool", default="gputrail")
    options = parser.parse_args()
    decoder = Decoder(options.device)
    for _ in range(20):
        decoder.eager()
    if options.device == "cuda":
        decoder.capture()
    decoder.wait()
    if options.stop:
        subprocess.run([options.tool, "ctl", "stop", str(os.getpid())], check=True,
                       stdout=subprocess.DEVNULL)

    def body():
        print(f"fact eager_step_ns {decoder.timed(decoder.eager, options.steps):.0f}")
        print(f"fact graph_step_ns {decoder.timed(decoder.replay, options.steps):.0f}", flush=True)

    try:
        profiled(options.profiler, body)
    except ImportError as error:
        print(f"fact cannot {error}")
        return 0
    if options.compile:
        decoder.model = torch.compile(decoder.model, mode="reduce-overhead"
                                      if options.device == "cuda" else "default")
        try:
            for _ in range(5):
                decoder.eager()
            print(f"fact compiled_step_ns {decoder.timed(decoder.eager, options.steps):.0f}")
        except Exception as error:      # without a C compiler, for one
            print(f"fact cannot_compile {str(error).splitlines()[0][:160]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
