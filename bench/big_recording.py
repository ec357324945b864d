# SPDX-License-Identifier: Apache-2.0
"""Writes a recording of any size for measuring what reads one: a decode loop on each device, whose
rows, zone map and summaries agree.

usage: big_recording.py OUT.db [EVENTS [DEVICES]]       10,000,000 events on 2 devices
"""
import os
import sqlite3
import sys

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "collector", "schema.sql")
LAYER = [("rms_norm", "rms_norm", 1_600), ("void serve::gemm<128, 64>(float*)", "gemm", 9_000),
         ("rope", "rope", 1_300), ("attention_decode", "attention_decode", 5_500),
         ("silu_and_mul", "silu_and_mul", 1_900), ("residual_add", "residual_add", 1_100)]
KERNELS = LAYER + [("embedding", "embedding", 2_100), ("sample_top_p", "sample_top_p", 4_300)]
LAYERS = 27
STEP = LAYERS * len(LAYER) + 2  # launches between two waits for the device: a decode step
PERIOD = 6_000          # ns from launch to launch
WAIT = 1_500_000        # ns that the host spends between two steps
GIB = 1 << 30

# i counts all launches, n those of device d from 0; t is when the call of launch n begins. Rows come
# in order of time, as a recorder writes them.
COUNT = "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < :count), " \
        "r AS (SELECT i, i / :devices AS n, 1 + i % :devices AS d FROM c) "
KERNEL = f"CASE n % {STEP} WHEN 0 THEN {len(LAYER)} WHEN {STEP - 1} THEN {len(LAYER) + 1} " \
         f"ELSE (n % {STEP} - 1) % {len(LAYER)} END"
LAUNCHES = f"(SELECT *, 1000000 + n * {PERIOD} + n / {STEP} * {WAIT} AS t, {KERNEL} AS k FROM r)"
STEPS = f"(SELECT *, 1000000 + (n + 1) * {STEP} * {PERIOD} + n * {WAIT} AS t FROM r)"


def things(db, devices):
    for key, value in {"state": "complete", "tool_version": "0", "host": "bench", "origin": 0,
                       "origin_realtime": 0, "command_line": "big"}.items():
        db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    db.execute("INSERT INTO process (id, pid, name, command_line, start_ns, state, backend) "
               "VALUES (1, 4000, 'big', 'big', 0, 'exited', 'cupti')")
    for number, name in enumerate(["cuLaunchKernel", "cuStreamSynchronize", "cuMemcpyDtoHAsync_v2"], 1):
        db.execute("INSERT INTO api VALUES (?, ?, 'launch')", (number, name))
    for k, (name, short, _) in enumerate(KERNELS):
        db.execute("INSERT INTO kernel (id, name, short_name, registers, static_shared_bytes) "
                   "VALUES (?, ?, ?, 64, 0)", (k + 1, name, short))
    for d in range(1, devices + 1):
        db.execute("INSERT INTO thread VALUES (?, 1, ?, ?, 0, NULL)", (d, 4000 + d, f"worker-{d}"))
        db.execute("INSERT INTO device (id, uuid, ordinal, name, sm_count, max_threads_per_sm) "
                   "VALUES (?, ?, ?, 'NVIDIA H200', 132, 2048)", (d, f"GPU-{d}", d - 1))
        db.execute("INSERT INTO stream (id, process, device, handle, number) VALUES (?, 1, ?, ?, ?)",
                   (d, d, 16 * d, 6 + d))
        for k in range(len(KERNELS)):
            db.execute("INSERT INTO shape (id, kernel, device, grid_x, grid_y, grid_z, block_x, block_y, "
                       "block_z, dynamic_shared_bytes, flags, blocks_per_sm, limiter, waves_x1000) "
                       "VALUES (?, ?, ?, 264, 1, 1, 256, 1, 1, 0, 0, 4, 'registers', 500)",
                       ((d - 1) * len(KERNELS) + k + 1, k + 1, d))
    db.execute("INSERT INTO frame (id, kind, symbol, file, line) VALUES (1, 'python', 'forward', 'model.py', 42)")
    db.execute("INSERT INTO path VALUES (1, 0, 1)")


def events(db, launches, devices):
    dur = "CASE k " + " ".join(f"WHEN {k} THEN {row[2] // 2}" for k, row in enumerate(KERNELS)) + " END"
    steps = launches // devices // STEP * devices
    db.execute(COUNT + f"INSERT INTO launch SELECT i + 1, t, 2100, 3000 + n % 700, {dur} + n % 97, d, d, "
               f"(d - 1) * {len(KERNELS)} + k + 1, 1, 1 FROM {LAUNCHES}", {"count": launches, "devices": devices})
    db.execute(COUNT + "INSERT INTO copy (start_ns, dur_ns, gpu_delay_ns, gpu_dur_ns, thread, stream, kind, "
               f"bytes, api, path) SELECT t, 3000, 9000, 2000, d, d, 2 | 3 << 8 | 2 << 16, 4096, 3, 1 FROM {STEPS}",
               {"count": steps, "devices": devices})
    db.execute(COUNT + "INSERT INTO call (start_ns, dur_ns, thread, api, result, path) "
               f"SELECT t + 4000, 20000, d, 2, 0, 1 FROM {STEPS}", {"count": steps, "devices": devices})


def summaries(db):
    for table, end in (("launch", "max(dur_ns, gpu_delay_ns + gpu_dur_ns)"),
                       ("copy", "max(dur_ns, gpu_delay_ns + gpu_dur_ns)"), ("call", "dur_ns")):
        db.execute(f"INSERT INTO chunk SELECT '{table}', min(id), max(id), min(start_ns), max(start_ns + {end}) + 1 "
                   f"FROM {table} GROUP BY (id - 1) / 4096")
    db.execute("INSERT INTO sum_kernel SELECT 1, s.device, l.shape, count(*), sum(gpu_dur_ns), min(gpu_dur_ns), "
               "max(gpu_dur_ns), sum(1.0 * gpu_dur_ns * gpu_dur_ns), count(*), sum(dur_ns) "
               "FROM launch l JOIN shape s ON s.id = l.shape GROUP BY l.shape")
    db.execute("INSERT INTO sum_copy SELECT 1, stream, kind, count(*), sum(gpu_dur_ns), min(gpu_dur_ns), "
               "max(gpu_dur_ns), count(*), sum(bytes), min(bytes), max(bytes) FROM copy GROUP BY stream, kind")
    for table in ("launch", "copy", "call"):
        db.execute(f"INSERT INTO sum_api SELECT 1, api, count(*), 0, sum(dur_ns), min(dur_ns), max(dur_ns), "
                   f"sum(1.0 * dur_ns * dur_ns) FROM {table} GROUP BY api")
    db.execute("INSERT INTO sum_device SELECT stream, min(start_ns + gpu_delay_ns), "
               "max(start_ns + gpu_delay_ns + gpu_dur_ns), sum(gpu_dur_ns), sum(gpu_dur_ns), 0, count(*), 0, 0, 0 "
               "FROM launch GROUP BY stream")
    for level in range(4):
        width = 10_000_000 * 10**level
        db.execute(f"INSERT INTO bucket SELECT {level}, stream, b, sum(dur), sum(dur), 0, count(*), "
                   f"(8 + b % 7) * {GIB} FROM (SELECT stream, (start_ns + gpu_delay_ns) / {width} AS b, "
                   "gpu_dur_ns AS dur FROM launch) GROUP BY stream, b")
    last = db.execute("SELECT max(last_ns) FROM sum_device").fetchone()[0]
    for key, value in {"first_event": 0, "last_event": last, "span_ns": last}.items():
        db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))


def main():
    path, total = sys.argv[1], int((sys.argv[2:] or ["10000000"])[0])
    devices = int((sys.argv[3:] or ["2"])[0])
    if os.path.exists(path):
        sys.exit(f"{path} exists")
    db = sqlite3.connect(path)
    with open(SCHEMA, encoding="utf-8") as schema:
        db.executescript("PRAGMA synchronous = OFF;" + schema.read())
    things(db, devices)
    events(db, total, devices)
    summaries(db)
    db.commit()
    db.close()


main()
