# SPDX-License-Identifier: Apache-2.0
"""Writes recordings by collector/schema.sql whose truth is known.

As a module: Fixture builds a file row by row and keeps the live summaries as the recorder does,
by brute force. As a program: fixture.py OUT.db [SEED [LAUNCHES]] writes a random run.
"""
import math
import os
import random
import shutil
import sqlite3
import sys

SCHEMA = os.path.join(os.environ.get("top_srcdir", "."), "collector", "schema.sql")
SET = 64


def union_ns(intervals):
    """Length of the union of [start, end) pairs."""
    total, reach = 0, None
    for start, end in sorted(intervals):
        if reach is None or start > reach:
            total += end - start
            reach = end
        elif end > reach:
            total += end - reach
            reach = end
    return total


def shuffled(file, to, seed):
    """The same rows in another order."""
    shutil.copy(file, to)
    db = sqlite3.connect(to)
    rng = random.Random(seed)
    for table in ("launch", "copy", "call", "orphan", "memory"):
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        rng.shuffle(rows)
        db.execute(f"DELETE FROM {table}")
        for number, row in enumerate(rows, 1):
            db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})",
                       (number, *row[1:]))
    db.commit()
    db.close()


class Fixture:
    def __init__(self, path, **meta):
        if os.path.exists(path):
            os.unlink(path)
        self.db = sqlite3.connect(path)
        with open(SCHEMA, encoding="utf-8") as file:
            self.db.executescript(file.read())
        self.next_id = {}
        self.gpu = []            # (device, start, end, what, key, process, bytes)
        self.calls = []          # (process, api, dur, failed)
        self.graph_launches = {}  # device -> count
        self.launches = {}       # (process, shape) -> count
        facts = {"state": "complete", "tool_version": "0.1.0", "command_line": "server --port 8000",
                 "host": "testhost", "created": "2026-01-02T03:04:05Z", "origin": 1000,
                 "origin_realtime": 1767323045000000000}
        facts.update(meta)
        self.db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())

    def add(self, table, **columns):
        if "id" not in columns:
            columns["id"] = self.next_id.get(table, 0) + 1
        self.next_id[table] = max(self.next_id.get(table, 0), columns["id"])
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))
        return columns["id"]

    def one(self, sql, *args):
        row = self.db.execute(sql, args).fetchone()
        return row[0] if row else None

    # What exists -----------------------------------------------------------------------------
    def process(self, pid=100, name="server", **more):
        facts = dict(pid=pid, name=name, command_line=f"{name} --port 8000", start_ns=0,
                     end_ns=10**9, state="exited", exit_status=0, backend="cupti",
                     backend_note="CUPTI 24 (simulated)", cuda_version=13000, cupti_version=24)
        facts.update(more)
        return self.add("process", **facts)

    def device(self, ordinal=0, name="NVIDIA H100 80GB HBM3", **more):
        facts = dict(uuid=f"GPU-{ordinal}", ordinal=ordinal, name=name, cc_major=9, cc_minor=0,
                     sm_count=132, memory_bytes=80 << 30, max_threads_per_sm=2048,
                     max_blocks_per_sm=32)
        facts.update(more)
        return self.add("device", **facts)

    def api(self, name, category="LAUNCH"):
        known = self.one("SELECT id FROM api WHERE name = ?", name)
        return known or self.add("api", name=name, category=category)

    def kernel(self, name, short_name=None, **more):
        facts = dict(name=name, short_name=short_name or name, mangled=name, registers=32,
                     static_shared_bytes=1024, local_bytes=0, max_threads=1024)
        facts.update(more)
        return self.add("kernel", **facts)

    def shape(self, kernel, device, grid=(8, 1, 1), block=(256, 1, 1), **more):
        facts = dict(kernel=kernel, device=device, grid_x=grid[0], grid_y=grid[1], grid_z=grid[2],
                     block_x=block[0], block_y=block[1], block_z=block[2], cluster_x=1,
                     cluster_y=1, cluster_z=1, dynamic_shared_bytes=0, flags=0, blocks_per_sm=4,
                     limiter="registers", waves_x1000=500)
        facts.update(more)
        return self.add("shape", **facts)

    # What happened ---------------------------------------------------------------------------
    def process_of(self, thread):
        return self.one("SELECT process FROM thread WHERE id = ?", thread)

    def device_of(self, stream):
        return self.one("SELECT device FROM stream WHERE id = ?", stream)

    def called(self, thread, api, dur, failed=0):
        self.calls.append((self.process_of(thread), api, dur, failed))

    def launch(self, start, dur, delay, gpu_dur, thread, stream, shape, api, **more):
        self.called(thread, api, dur)
        key = (self.process_of(thread), shape)
        self.launches[key] = self.launches.get(key, 0) + 1
        if delay is not None:
            self.gpu.append((self.device_of(stream), start + delay, start + delay + gpu_dur,
                             "kernel", shape, self.process_of(thread), 0))
        return self.add("launch", start_ns=start, dur_ns=dur, gpu_delay_ns=delay,
                        gpu_dur_ns=gpu_dur, thread=thread, stream=stream, shape=shape, api=api,
                        **more)

    def graph_launch(self, start, dur, thread, stream, nodes, graph=1, api=None):
        """nodes: (gpu start, gpu duration, stream, shape)"""
        first = min(n[0] for n in nodes)
        last = max(n[0] + n[1] for n in nodes)
        self.called(thread, api or self.api("cuGraphLaunch", "GRAPH"), dur)
        device = self.device_of(stream)
        self.graph_launches[device] = self.graph_launches.get(device, 0) + 1
        row = self.add("graph_launch", start_ns=start, dur_ns=dur, gpu_delay_ns=first - start,
                       gpu_dur_ns=last - first, thread=thread, stream=stream, graph=graph,
                       nodes=len(nodes))
        for at, gpu_dur, node_stream, shape in nodes:
            self.node(row, at, gpu_dur, graph=graph, stream=node_stream, shape=shape)
            self.gpu.append((self.device_of(node_stream), at, at + gpu_dur, "kernel", shape,
                             self.process_of(thread), 0))
        return row

    def node(self, launch, start, gpu_dur, **content):
        """content: columns of graph_node"""
        known = self.one("SELECT id FROM graph_node WHERE " + " AND ".join(
            f"{column} = {value}" for column, value in content.items()))
        return self.add("replay", graph_launch=launch, start_ns=start, gpu_dur_ns=gpu_dur,
                        graph_node=known or self.add("graph_node", **content))

    def copy(self, start, dur, delay, gpu_dur, thread, stream, kind, size, api,
             graph_launch=None):
        if graph_launch is None:
            self.called(thread, api, dur)
        self.gpu.append((self.device_of(stream), start + delay, start + delay + gpu_dur,
                         "set" if kind & 255 == SET else "copy", kind, self.process_of(thread),
                         size))
        return self.add("copy", start_ns=start, dur_ns=dur, gpu_delay_ns=delay,
                        gpu_dur_ns=gpu_dur, thread=thread, stream=stream, kind=kind, bytes=size,
                        api=api, graph_launch=graph_launch)

    def call(self, start, dur, thread, api, result=0, **more):
        self.called(thread, api, dur, 1 if result else 0)
        return self.add("call", start_ns=start, dur_ns=dur, thread=thread, api=api,
                        result=result, **more)

    def memory(self, start, dur, thread, op, kind, device, address, size, api, **more):
        self.called(thread, api, dur)
        return self.add("memory", start_ns=start, dur_ns=dur, thread=thread, op=op, kind=kind,
                        device=device, address=address, bytes=size, api=api, **more)

    def path(self, *functions):
        """A call path of Python functions, outermost first."""
        parent = 0
        for function in functions:
            frame = self.add("frame", kind="python", symbol=function, file="/app/model.py", line=7)
            parent = self.add("path", parent=parent, frame=frame)
        return parent

    # Live summaries --------------------------------------------------------------------------
    @staticmethod
    def stats(values):
        return (len(values), sum(values), min(values), max(values),
                float(sum(v * v for v in values)))

    def group(self, rows, key, value):
        groups = {}
        for row in rows:
            groups.setdefault(key(row), []).append(value(row))
        return groups

    def summarise_gpu(self):
        kernels = [g for g in self.gpu if g[3] == "kernel"]
        copies = [g for g in self.gpu if g[3] != "kernel"]
        for (process, device, shape), values in self.group(
                kernels, lambda g: (g[5], g[0], g[4]), lambda g: g[2] - g[1]).items():
            self.db.execute("INSERT INTO sum_kernel VALUES (?,?,?,?,?,?,?,?,?,0)",
                            (process, device, shape, *self.stats(values),
                             self.launches.get((process, shape), 0)))
        for (process, device, kind), rows in self.group(
                copies, lambda g: (g[5], g[0], g[4]), lambda g: g).items():
            durations = [g[2] - g[1] for g in rows]
            sizes = [g[6] for g in rows]
            self.db.execute("INSERT INTO sum_copy VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                            (process, device, kind, len(rows), sum(durations), min(durations),
                             max(durations), len(rows), sum(sizes), min(sizes), max(sizes)))
        for device in {g[0] for g in self.gpu}:
            self.db.execute("INSERT INTO sum_device VALUES (?,?,?,?,?,?,?,?,?,?)",
                            self.device_truth(device))

    def device_truth(self, device):
        mine = [g for g in self.gpu if g[0] == device]
        spans = {what: [(g[1], g[2]) for g in mine if g[3] in what]
                 for what in (("kernel",), ("copy", "set"), ("kernel", "copy", "set"))}
        return (device, min(g[1] for g in mine), max(g[2] for g in mine),
                union_ns(spans["kernel", "copy", "set"]), union_ns(spans["kernel",]),
                union_ns(spans["copy", "set"]), len(spans["kernel",]),
                sum(g[3] == "copy" for g in mine), sum(g[3] == "set" for g in mine),
                self.graph_launches.get(device, 0))

    def summarise(self):
        for (process, api), rows in self.group(
                self.calls, lambda c: (c[0], c[1]), lambda c: c).items():
            count, total, low, high, squares = self.stats([c[2] for c in rows])
            self.db.execute("INSERT INTO sum_api VALUES (?,?,?,?,?,?,?,?)",
                            (process, api, count, sum(c[3] for c in rows), total, low, high,
                             squares))
        self.summarise_gpu()

    def close(self):
        self.summarise()
        self.db.commit()
        self.db.close()


def small(path, **meta):
    """A run small enough to check by hand; the numbers are in the tests."""
    f = Fixture(path, **meta)
    f.process()
    f.add("detail", process=1, start_ns=0, level="full", cause="start")
    f.db.execute("INSERT INTO sum_sample VALUES (1, 1, 0, 1, 2, 1000, 100)")
    f.add("mark", process=1, start_ns=500, text="here")
    f.device()
    f.add("thread", process=1, tid=101, name="main", start_ns=0, end_ns=10**9)
    f.add("thread", process=1, tid=102, name="worker", start_ns=0, end_ns=10**9)
    f.add("context", process=1, device=1, handle=0xc0, number=1)
    f.add("stream", process=1, context=1, device=1, handle=0, number=7, priority=0, flags=0)
    f.add("stream", process=1, context=1, device=1, handle=0x51, number=13, priority=0, flags=0)
    f.add("graph", process=1, handle=0x91, number=1, nodes=2, created_ns=0)
    f.add("result", id=2, name="CUDA_ERROR_OUT_OF_MEMORY")
    launch = f.api("cuLaunchKernel")
    htod = f.api("cuMemcpyHtoDAsync_v2", "COPY")
    memset = f.api("cuMemsetD8Async", "SET")
    sync = f.api("cuStreamSynchronize", "SYNC")
    alloc = f.api("cuMemAlloc_v2", "ALLOC")
    gemm = f.kernel("void gemm<float, 128>(float const*, float*)", "gemm")
    norm = f.kernel("rms_norm(float*)", "rms_norm")
    big = f.shape(gemm, 1, (132, 1, 1))
    tiny = f.shape(gemm, 1, (8, 2, 1), waves_x1000=30)
    norms = f.shape(norm, 1, (8, 1, 1), (1024, 1, 1), blocks_per_sm=2, waves_x1000=30)
    f.memory(500, 100, 1, 1, 1, 1, 0x7000, 1 << 20, alloc)
    f.call(700, 50, 1, alloc, 2)
    f.copy(1000, 200, 300, 1000, 1, 1, 1 | 1 << 8 | 3 << 16 | 1 << 24, 4000000, htod)
    f.launch(2000, 100, 500, 1000, 1, 1, big, launch)       # GPU 2500..3500
    f.launch(2200, 300, 200, 600, 2, 2, tiny, launch)       # GPU 2400..3000, starts in its call
    f.launch(4000, 100, 1000, 2000, 1, 1, big, launch)      # GPU 5000..7000
    f.graph_launch(8000, 400, 1, 1, [(9000, 500, 1, norms), (9200, 1000, 2, norms)])
    f.copy(10500, 50, 100, 400, 1, 1, SET | 3 << 16, 65536, memset)
    f.call(11000, 900, 1, sync)
    f.db.execute("INSERT INTO sum_memory VALUES (1, 1, 1, 1048576, 1048576, 600, 1, 0, 1)")
    f.db.executemany("INSERT INTO counter VALUES (1, ?, ?)",
                     [("lost_records", 0), ("route_dlsym", 12), ("cupti_records", 7)])
    f.db.execute("INSERT INTO chunk VALUES ('launch', 1, 3, 2000, 7001)")
    f.close()


def random_run(path, seed, launches, devices=2):
    """Overlapping streams, late and equal starts, several devices and processes."""
    rng = random.Random(seed)
    f = Fixture(path)
    for p in range(2):
        f.process(pid=100 + p)
        f.add("thread", process=p + 1, tid=100 + p, name=f"main{p}", start_ns=0, end_ns=10**9)
    streams = []
    for d in range(devices):
        f.device(ordinal=d)
        f.add("context", process=1, device=d + 1, handle=d, number=d + 1)
        streams += [f.add("stream", process=1, context=d + 1, device=d + 1, handle=s, number=s,
                          priority=0, flags=0) for s in range(3)]
    api = f.api("cuLaunchKernel")
    copy = f.api("cuMemcpyAsync", "COPY")
    shapes = {d: [f.shape(f.kernel(f"kernel_{d}_{k % 5}", registers=k), d + 1, (k + 1, 1, 1))
                  for k in range(8)] for d in range(devices)}
    at = 0
    for _ in range(launches):
        at += rng.randrange(0, 400)
        stream = rng.choice(streams)
        device = f.device_of(stream) - 1
        thread = rng.randrange(1, 3)
        what = rng.random()
        if what < 0.7:
            f.launch(at, rng.randrange(1, 50), rng.randrange(0, 3000), rng.randrange(0, 800),
                     thread, stream, rng.choice(shapes[device]), api)
        elif what < 0.9:
            f.copy(at, rng.randrange(1, 50), rng.randrange(0, 900), rng.randrange(1, 500), thread,
                   stream, rng.choice([1, 2, 8, SET]), rng.randrange(1, 10**6), copy)
        else:
            first = at + rng.randrange(0, 2000)
            f.graph_launch(at, rng.randrange(1, 90), thread, stream,
                           [(first + rng.randrange(0, 500), rng.randrange(1, 300), stream,
                             rng.choice(shapes[device])) for _ in range(rng.randrange(1, 5))])
    f.close()
    return f


if __name__ == "__main__":
    if len(sys.argv) > 2:
        random_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 300)
    else:
        small(sys.argv[1])
