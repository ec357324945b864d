#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers with nothing wrong give no finding above info: eager but bound by the GPU, graphs, overlapped streams
that wait for each other's events, long prompts, profiled from the first launch on; each also where requests
end now and then. A negative control has something wrong."""
from idle_rates import MS, US, Server
from tap import done, equal, ok, path, report_json

HTOD, DTOH = 1 | 2 << 8 | 3 << 16 | 1 << 24, 2 | 3 << 8 | 2 << 16 | 1 << 24


class Clean(Server):
    """Kernels that fill the device, launched with programmatic serialization, names of a real server."""

    def __init__(self, file, seed=1):
        super().__init__(file, seed)
        f = self.f
        names = ("sm90_xmma_gemm_bf16", "flash_fwd_splitkv_kernel", "rms_norm_kernel", "top_k_kernel", "flash_fwd_varlen_kernel")
        self.gemm, self.attention, self.norm, self.sample, self.prompt = (
            f.shape(f.kernel(name, registers=64), 1, (132 * 4 * 8, 1, 1), flags=2, waves_x1000=8000) for name in names)

    def layers(self, count, attention=None, times=1):
        for _ in range(count):
            self.launch(dur=8 * times * US, shape=self.norm)
            self.launch(dur=60 * times * US, shape=self.gemm)
            self.launch(dur=30 * times * US, shape=attention or self.attention)

    def tokens(self):
        """Read back while the next step runs already: nobody waits."""
        self.launch(dur=10 * US, shape=self.sample)
        self.copy(DTOH, 64, gap=US)

    def stays_ahead(self):
        """The host is one step ahead at most, as schedulers are."""
        self.host = max(self.host, self.gpu - 2 * MS)


def eager(server):
    for _ in range(80):
        server.layers(12)
        server.tokens()
        server.stays_ahead()


def graphs(server):
    for _ in range(80):
        at = max(server.host + 6 * US, server.gpu + US)
        nodes = [(at + 100 * US * i, 99700, 1, (server.gemm, server.attention, server.norm)[i % 3]) for i in range(20)]
        server.f.graph_launch(server.host, 10 * US, 1, 1, nodes)
        server.host, server.gpu = server.host + 12 * US, at + 1999700
        server.tokens()
        server.stays_ahead()


def streams(server):
    """Uploads for the next step beside this one's kernels, which wait for them by an event, in time."""
    record, wait = server.f.api("cuEventRecord"), server.f.api("cuStreamWaitEvent")
    for _ in range(80):
        upload = server.gpu - 500 * US
        if server.host < upload:
            server.f.copy(server.host, 2 * US, upload - server.host, 20 * US, 1, 2, HTOD, 1 << 20,
                          server.f.api("cuMemcpyAsync", "COPY"))
            server.f.call(server.host + 3 * US, US, 1, record, object=7, second=0x52)
            server.f.call(server.host + 5 * US, US, 1, wait, object=0x51, second=7)
            server.host += 8 * US
        server.layers(12)
        server.tokens()
        server.stays_ahead()


def prompts(server):
    for step in range(40):
        server.layers(12, server.prompt if step % 2 else None, 6 if step % 2 else 5)
        server.tokens()
        server.stays_ahead()


def severe(file):
    return [(row["name"], row["severity"], row["lost_ns"], row["concerned_ns"])
            for row in report_json(file)["findings"] if row["severity"] != "info"]


def make(name, load, plant=None):
    file = path(name + ".db")
    server = Clean(file)
    load(server)
    for _ in range(3 if plant else 0):
        getattr(server, plant)()
        load(server)
    server.f.close()
    return file


for load in (eager, graphs, streams, prompts):
    equal(severe(make(load.__name__, load)), [], f"{load.__name__}: nothing above info")
    equal(severe(make(load.__name__, load, "host_busy")), [], f"{load.__name__}, with a pause: nothing above info")
    ok("request-gaps" in [row[0] for row in severe(make(load.__name__, load, "request_gap_large"))],
       f"{load.__name__}: a gap between requests is one")
done()
