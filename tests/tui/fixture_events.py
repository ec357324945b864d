# SPDX-License-Identifier: Apache-2.0
"""Events for the recordings that the timeline is tested with: a server that makes a step every
2 ms on two streams, reads back, waits, and idles for reasons that are known."""
MS, US = 10**6, 10**3
MIB = 1 << 20
KERNELS = [("void serve::gemm<128, 64>(float*)", "gemm", 310 * US), ("attention_decode", "attention_decode", 190 * US),
           ("rms_norm", "rms_norm", 20 * US), ("sample", "sample", 40 * US)]
APIS = ["cuLaunchKernel", "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize", "cuMemAlloc_v2", "cuMemFree_v2"]
STEPS, STEP = 24, 2 * MS
HOST_TO_DEVICE, DEVICE_TO_HOST = 1 | 2 << 8 | 3 << 16, 2 | 3 << 8 | 2 << 16


class Events:
    def __init__(self, db, put):
        self.db, self.put, self.last = db, put, 0

    def launch(self, at, delay, kernel, stream, thread, dur):
        self.put(self.db, "launch", start_ns=at, dur_ns=4 * US, gpu_delay_ns=delay, gpu_dur_ns=dur,
                 thread=thread, stream=stream, shape=kernel, api=1, path=2)
        self.last = max(self.last, at + delay + dur)

    def call(self, at, dur, thread, api, result=0):
        self.put(self.db, "call", start_ns=at, dur_ns=dur, thread=thread, api=api, result=result,
                 object=0, second=0, value=0, path=1)


def step(events, at, n):
    """The host launches 4 kernels 10 us apart; each starts when the one before has ended."""
    gpu = at + 60 * US
    for k in range(len(KERNELS)):
        call = at + k * 10 * US
        events.launch(call, gpu - call, k + 1, 1, 1, KERNELS[k][2])
        gpu += KERNELS[k][2] + 2 * US
    events.put(events.db, "copy", start_ns=at + 50 * US, dur_ns=5 * US, gpu_delay_ns=gpu - at - 50 * US,
               gpu_dur_ns=15 * US, thread=1, stream=2, kind=DEVICE_TO_HOST, bytes=4096, api=2, path=2)
    events.call(at + 60 * US, gpu + 20 * US - at - 60 * US, 1, 3)
    if n % 6 == 5:
        for op, api, start in ((1, 4, 30 * US), (2, 5, 500 * US)):
            events.put(events.db, "memory", start_ns=gpu + start, dur_ns=400 * US, thread=1, op=op, kind=1,
                       device=1, address=0x7000_0000, bytes=64 * MIB, api=api, path=1)
    if n == 10:
        events.call(at + 100 * US, 30 * US, 2, 3, 700)


def timeline(db, put):
    put(db, "process", id=1, pid=4100, parent_pid=4000, name="server", command_line="server --fast", start_ns=0,
        end_ns=STEPS * STEP, state="exited", exit_status=0, backend="cupti", backend_note="CUPTI 24")
    for t, name in ((1, "main"), (2, "detokenizer")):
        put(db, "thread", id=t, process=1, tid=4099 + t, name=name, start_ns=0, end_ns=STEPS * STEP)
    put(db, "device", id=1, uuid="GPU-0", ordinal=0, name="NVIDIA H200", cc_major=9, cc_minor=0, sm_count=132,
        memory_bytes=141 << 30, max_threads_per_sm=2048, max_blocks_per_sm=32)
    for s, name in ((1, "compute"), (2, None), (3, "never used")):
        put(db, "stream", id=s, process=1, context=1, device=1, handle=s * 16, number=s + 6, name=name)
    for number, name in enumerate(APIS, 1):
        put(db, "api", id=number, name=name, category="")
    put(db, "result", id=700, name="CUDA_ERROR_ILLEGAL_ADDRESS")
    for k, (name, short, _) in enumerate(KERNELS, 1):
        put(db, "kernel", id=k, name=name, short_name=short, registers=64, static_shared_bytes=0)
        put(db, "shape", id=k, kernel=k, device=1, grid_x=264, grid_y=1, grid_z=1, block_x=256, block_y=1,
            block_z=1, dynamic_shared_bytes=0, flags=0, blocks_per_sm=4, limiter="registers", waves_x1000=500)
    for f, (name, line) in enumerate((("serve", 10), ("decode", 42)), 1):
        put(db, "frame", id=f, kind="python", symbol=name, file="/srv/model.py", line=line)
        put(db, "path", id=f, parent=f - 1, frame=f)
    events = Events(db, put)
    for n in range(STEPS):
        step(events, MS + n * STEP, n)
    db.execute("INSERT INTO sum_kernel SELECT 1, 1, shape, count(*), sum(gpu_dur_ns), min(gpu_dur_ns), "
               "max(gpu_dur_ns), 0, count(*), sum(dur_ns) FROM launch GROUP BY shape")
    db.execute("INSERT INTO sum_device SELECT 1, min(start_ns + gpu_delay_ns), max(start_ns + gpu_delay_ns + "
               "gpu_dur_ns), sum(gpu_dur_ns), sum(gpu_dur_ns), 0, count(*), 24, 0, 0 FROM launch")
    put(db, "meta", key="first_event", value=0)
    put(db, "meta", key="last_event", value=STEPS * STEP)
    for b in range(STEPS * STEP // (10 * MS) + 1):
        db.execute("INSERT INTO bucket VALUES (0, 1, ?, ?, ?, 0, 20, ?)", (b, 5 * MS, 5 * MS, (2 + b) * 512 * MIB))


def ranges(db, put):
    """A step in three ranges and one that is too deep, a mark in each, and a thread without a call."""
    put(db, "thread", id=3, process=1, tid=4102, name="loader", start_ns=0, end_ns=STEPS * STEP)
    labels = [(None, None, None, "serve"), ("engine", "steps", 0xFF76B900, "decode"),
              (None, None, None, "launches"), (None, None, None, "too deep"),
              ("engine", None, None, "token"), (None, None, None, "load batch")]
    for n, (domain, category, color, text) in enumerate(labels, 1):
        put(db, "label", id=n, process=1, domain=domain, category_name=category, color=color, text=text)
    rows = [(0, STEPS * STEP, 1, 1, 1, 0)]
    for n in range(STEPS):
        at = MS + n * STEP
        rows += [(at - 50 * US, 1200 * US, 1, 1, 2, 1), (at - 5 * US, 40 * US, 1, 1, 3, 2),
                 (at, 5 * US, 1, 1, 4, 3), (at + 900 * US, None, 1, 3, 5, None)]
    rows += [(at, 5 * MS, 3, 1, 6, 0) for at in range(2 * MS, 40 * MS, 10 * MS)]
    # Written when they end; some in the zone map, some behind it.
    rows.sort(key=lambda row: row[0] + (row[1] or 0))
    for start, dur, thread, kind, label, level in rows:
        put(db, "range", start_ns=start, dur_ns=dur, thread=thread, kind=kind, label=label, level=level)
    for first in range(1, len(rows) - 20, 20):
        part = rows[first - 1:first + 19]
        put(db, "chunk", kind="range", first_id=first, last_id=first + 19, min_ns=min(row[0] for row in part),
            max_ns=max(row[0] + (row[1] or 0) for row in part) + 1)


def grow(db, put):
    """As many steps again, behind those that are there."""
    events = Events(db, put)
    for n in range(STEPS):
        step(events, MS + (STEPS + n) * STEP, n)
    db.execute("UPDATE meta SET value = ? WHERE key = 'last_event'", (2 * STEPS * STEP,))


def hostile(db, put):
    """Times, ids and texts that no recorder writes."""
    put(db, "stream", id=1, process=1, device=1, handle=7, number=7, name="st\x1b[31mream\n\u202e")
    put(db, "stream", id=2, process=9, device=99, handle=0, number=-5)
    put(db, "thread", id=77, process=88, tid=-1, name="\u6838\u51fd\u6570" * 40)
    most = 2**63 - 1
    rows = [(0, 0, 0, 0), (-5, -5, -5, -5), (most, most, most, most), (5, most, 0, most), (1000, 10, 50, most - 2000),
            (10**9, 10**9, 10**6, 5 * 10**9), (3 * 10**9, None, None, None), (4 * 10**9, "text", "text", 1.5)]
    for n, (start, dur, delay, gpu) in enumerate(rows * 3):
        put(db, "launch", start_ns=start, dur_ns=dur, gpu_delay_ns=delay, gpu_dur_ns=gpu, thread=77 if n % 2 else 1,
            stream=1 + n % 3, shape=(1010, 12345, None)[n % 3], api=(1, 999)[n % 2], path=n)
        put(db, "call", start_ns=start, dur_ns=dur, thread=n % 4, api=n, result=n, object=0, path=10**6)
        put(db, "copy", start_ns=start, dur_ns=dur, gpu_delay_ns=delay, gpu_dur_ns=gpu, thread=1, stream=1,
            kind=-n * 1000, bytes=gpu, api=1, path=-1)
    db.execute("UPDATE path SET parent = 1001 WHERE id = 1000")
    db.execute("UPDATE path SET parent = 1000 WHERE id = 1001")
