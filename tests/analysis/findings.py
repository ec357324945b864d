#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Findings and the waterfall on recordings whose truth is known, and what the documents say of them."""
import csv
import io
import os
import re
import sqlite3

from fixture import Fixture, random_run
from tap import done, equal, ok, path, report_json, run

US, MS = 1000, 1000000
DTOH = 2 | 3 << 8 | 2 << 16 | 1 << 24


def scene(name):
    """A process that has read a result back at 1 ms, so that all that follows counts."""
    f = Fixture(path(name))
    f.device(memory_bytes=80 << 30)
    f.process()
    f.add("thread", process=1, tid=100, name="main")
    f.add("context", process=1, device=1, handle=1, number=1)
    f.add("stream", process=1, context=1, device=1, handle=16, number=13, priority=0, flags=1)
    copy(f, 0, 1 * MS, US, DTOH, 4)
    return f


def kernel(f, name, blocks, per_sm=2, threads=256):
    waves = blocks * 1000 // (132 * per_sm) if per_sm else None
    return f.shape(f.kernel(name), 1, (blocks, 1, 1), (threads, 1, 1), blocks_per_sm=per_sm,
                   limiter="registers", waves_x1000=waves)


def launch(f, call, at, dur, shape):
    f.launch(call, US, at - call, dur, 1, 1, shape, f.api("cuLaunchKernel"))


def copy(f, call, at, dur, kind, size):
    f.copy(call, US, at - call, dur, 1, 1, kind, size, f.api("cuMemcpyDtoHAsync_v2", "COPY"))


def saved(f):
    f.summarise()
    f.db.commit()
    return f.db.execute("PRAGMA database_list").fetchone()[2]


def found(data, name):
    return next((row for row in data["findings"] if row["name"] == name), None)


def waterfall(data, name):
    for device in data["devices"]:
        parts = device["waterfall"]
        if parts:
            equal(sum(parts.values()), device["span_ns"],
                  f"{name}: the waterfall of device {device['id']} adds up to the span")
            equal({k[5:]: v for k, v in parts.items() if k.startswith("idle.")},
                  device["idle_by_cause"], f"{name}: with the idle time of each cause")


# What one kernel leaves unused, to the formula: 132 SMs, 2 blocks of 8 of 64 warps on each.
def unused(name, blocks, part, share, **more):
    f = scene("unused.db")
    launch(f, 1 * MS, 1 * MS + US, 8 * MS, kernel(f, "k", blocks, **more))
    data = report_json(saved(f))
    waterfall(data, name)
    parts = data["devices"][0]["waterfall"]
    ok(abs(parts[part] - share * 8 * MS) <= 2, f"{name}: {part} is {share}",
       f"{parts[part]} ns of {8 * MS}")
    return data


data = unused("a third of the SMs", 44, "uncovered", 2 / 3)
row = found(data, "low-coverage")
ok(row and abs(row["lost_ns"] - 8 * MS * 2 / 3) <= 2, "low-coverage is found with that time", row)
ok(row and "44 blocks for 132 SMs" in row["advice"], "and says so", row)
equal(row["evidence"], [{"table": "", "row": None, "stream": 1, "start_ns": 1 * MS + US,
                         "dur_ns": 8 * MS}], "with the kernel as evidence")
ok(row and row["gain_ns"] is None and row["step_ns"] is None and
   row["gain_low_ns"] < row["gain_high_ns"] == row["lost_ns"], "without steps its gain has bounds only", row)
data = unused("one wave and a half", 396, "wave_tail", 1 / 4)
ok(found(data, "wave-tail"), "wave-tail is found")
data = unused("few warps", 200, "occupancy", 1 / 2, threads=64)
ok("registers" in found(data, "low-occupancy")["advice"], "low-occupancy names what limits it")
unused("two full waves", 528, "useful", 1)
data = unused("a persistent kernel", 132, "opaque", 1)
ok(found(data, "mega-kernel"), "mega-kernel is found")
ok(not found(data, "low-coverage") and not found(data, "low-occupancy"), "and nothing else of it")
data = unused("limits of the device unknown", 44, "unknown_shape", 1, per_sm=None)
equal(data["findings"], [], "of which there is no finding")

# Two kernels beside each other cover what both cover.
f = scene("beside.db")
left, right = kernel(f, "left", 66), kernel(f, "right", 44)
launch(f, 1 * MS, 1 * MS + US, 6 * MS, left)
launch(f, 1 * MS, 1 * MS + US, 3 * MS, right)
parts = report_json(saved(f))["devices"][0]["waterfall"]
ok(abs(parts["uncovered"] - (3 * MS / 6 + 3 * MS / 2)) <= 2, "SMs are uncovered beside all kernels", parts)

# The same kernel takes twice as long while one of another stream runs; of the same stream, that is a launch
# that begins early.
def contended(name, stream, slow):
    f = scene(name)
    f.add("stream", process=1, context=1, device=1, handle=17, number=14, priority=0, flags=1)
    ours, other = kernel(f, "decode", 264), kernel(f, "prefill", 264)
    for step in range(40):
        at = 2 * MS + step * MS
        if step % 2:
            f.launch(at - 5 * US, US, 4 * US, 900 * US, 1, stream, other, f.api("cuLaunchKernel"))
        launch(f, at - 4 * US, at, (slow if step % 2 else 100) * US, ours)
    return found(report_json(saved(f)), "contention")


row = contended("contended.db", 2, 200)
ok(row and (row["concerned_ns"], row["count"]) == (20 * 100 * US, 20) and
   "2 times as long beside" in row["advice"] and "200 us instead of 100 us" in row["advice"] and
   row["what"] == "decode", "contention: what launches take longer beside others", row)
equal(contended("uncontended.db", 2, 120), None, "none for a fifth")
equal(contended("one-stream.db", 1, 200), None, "none within a stream")

# An urgent kernel behind a long one, 20 times for 600 us: unless it is no more urgent, depends on the other
# by events, through a third stream even, was submitted later, or waited for its own stream.
def behind(name, priority=-5, events=(), submitted=200 * US, own_work=False, long=800 * US):
    f = scene(name)
    f.add("stream", process=1, context=1, device=1, handle=17, number=14, priority=priority, flags=1)
    f.add("stream", process=1, context=1, device=1, handle=18, number=15, priority=-3, flags=1)
    slow, urgent = kernel(f, "prefill", 264), kernel(f, "decode", 264)
    for step in range(20):
        at = 2 * MS + step * 2 * MS
        launch(f, at - 5 * US, at, long, slow)
        if own_work:
            f.launch(at - 4 * US, US, 4 * US, long + US, 1, 2, urgent, f.api("cuLaunchKernel"))
        for i, (api, *handles) in enumerate(events):
            f.call(at + (50 + i) * US, 500, 1, f.api(api), object=handles[0], second=handles[1])
        f.launch(at + submitted - US, US, long - submitted + 2 * US, 100 * US, 1, 2, urgent,
                 f.api("cuLaunchKernel"))
    return found(report_json(saved(f)), "head-of-line")


row = behind("behind.db")
ok(row and (row["concerned_ns"], row["count"], row["what"]) == (20 * 601 * US, 20, "prefill") and
   "decode waits longest, 601 us" in row["advice"], "head-of-line: what waits for what, how long", row)
ok(behind("other-event.db", events=[("cuEventRecord", 7, 18), ("cuStreamWaitEvent", 17, 7)]),
   "events of other streams change nothing")
for what, more in {
        "of equal priority": {"priority": 0},
        "of lower priority": {"priority": 3},
        "after a wait for its event": {"events": [("cuEventRecord", 7, 16),
                                                  ("cuStreamWaitEvent", 17, 7)]},
        "after a wait through a third stream": {
            "events": [("cuEventRecordWithFlags", 7, 16), ("cuStreamWaitEvent_ptsz", 18, 7),
                       ("cuEventRecord_ptsz", 8, 18), ("cuStreamWaitEvent", 17, 8)]},
        "submitted when the other had ended": {"submitted": 801 * US},
        "behind work of its own stream": {"own_work": True},
        "behind a short kernel": {"long": 300 * US}}.items():
    equal(behind("not-behind.db", **more), None, f"none for a kernel {what}")

# A map for every launch, three of them in turns; the value of the call is a hash of the map.
f = scene("maps.db")
shape = kernel(f, "k", 264)
for step in range(120):
    at = 2 * MS + step * 200 * US
    f.call(at, 60 * US, 1, f.api("cuTensorMapEncodeTiled"), value=1000 + step % 3)
    launch(f, at + 62 * US, at + 65 * US, 100 * US, shape)
row = found(report_json(saved(f)), "repeated-lookups")
ok(row and row["count"] == 120 and "117 times with a map the same" in row["advice"],
   "repeated-lookups: how many maps are equal", row)

# A read-back in every step: time, count, share, gain; thresholds decide what it is called.
f = scene("readback.db")
shape = kernel(f, "k", 264)
wait = f.api("cuStreamSynchronize", "SYNC")
for step in range(100):
    at = 2 * MS + step * 2 * MS
    launch(f, at - 5 * US, at, 1 * MS, shape)
    copy(f, at, at + MS, US, DTOH, 64)
    f.call(at + 2 * US, MS, 1, wait)
for i, (function, line) in enumerate((("main", 9), ("serve", 5), ("step", 7), ("wait", 3)), 1):
    f.add("frame", id=i, kind="native", symbol=function, file="/a/server.c", line=line)
    f.add("path", id=i, parent=i - 1, frame=i)
f.db.execute("UPDATE call SET path = 4")
file = saved(f)
text = run("report", file, "findings").stdout
ok("at wait (server.c:3)\n    from step (server.c:7) < serve (server.c:5) < main (server.c:9)" in text,
   "the place, and where it was called from", text)
row = found(report_json(file), "sync-readback")
equal((row["lost_ns"], row["count"], row["severity"]), (99 * (999 * US), 99, "critical"),
      "sync-readback: lost time and count")
ok(row["gain_low_ns"] <= row["gain_ns"] <= row["gain_high_ns"] == row["lost_ns"],
   "the gain is predicted, with bounds", row)
ok(row["step_now_ns"] == 2 * MS and abs(row["step_ns"] - (2 * MS - 999 * US)) <= 10 * US and
   row["step_low_ns"] < row["step_ns"] < row["step_high_ns"] < 1.1 * MS,
   "as is what a step would take", row)
ok("instead of 2.00 ms" in run("report", "--width", "300", file, "findings").stdout, "and told so")
equal([e["dur_ns"] for e in row["evidence"]], [999 * US] * 5, "five of the longest are its evidence")
row = found(report_json(file, "--threshold", "sync-readback.critical=60"), "sync-readback")
equal(row["severity"], "warning", "--threshold changes its severity")
with open(path("thresholds"), "w", encoding="utf-8") as out:
    out.write("# ours\nsync-readback.least = 99\n")
bad = run("report", "--thresholds", path("thresholds"), file, "findings")
equal((bad.returncode, "line 2" in bad.stderr), (2, True), "a bad line of --thresholds is named")
with open(path("thresholds"), "w", encoding="utf-8") as out:
    out.write("# ours\n\n  sync-readback.least=99\t# never\n")
equal(found(report_json(file, "--thresholds", path("thresholds")), "sync-readback"), None,
      "--thresholds reads a file")
for wrong in ("sync-readback=1", "sync-readback.lest=1", "sync-readback.least=x", "readback.least=1",
              "sync-readback.least=-1", "sync-readback.least=nan", "=", ""):
    equal(run("report", "--threshold", wrong, file).returncode, 2, f"--threshold {wrong!r} is refused")

# In which range of the program: the innermost in which the thread waited, not that in which it then launched;
# steps' names tell nothing. With work, the range of its launch; with calls, theirs.
db = sqlite3.connect(file)
for number, text in enumerate(("decode", "ProfilerStep#7", "serve", "aten::mm, seq = 5, op_id = 9", "elsewhere"), 1):
    db.execute("INSERT INTO label (id, process, text) VALUES (?, 1, ?)", (number, text))
for step in range(100):
    at = 2 * MS + step * 2 * MS
    for label, start, end in ((3, -100, 1990), (2, -100, 1990), (1, 0, 1800), (4, -8, -2)):
        db.execute("INSERT INTO range (start_ns, dur_ns, thread, kind, label) VALUES (?, ?, 1, 4, ?)",
                   (at + start * US, (end - start) * US, label))
    db.execute("INSERT INTO range (start_ns, dur_ns, thread, kind, label) VALUES (?, ?, 2, 4, 5)", (at, MS))
db.execute("INSERT INTO range (start_ns, thread, kind, label) VALUES (?, 1, 3, 5)", (3 * MS,))
db.commit()
db.close()
equal(found(report_json(file), "sync-readback")["range"], "decode", "the range that the thread waited in")
ok("\n    in range decode\n" in run("report", file, "findings").stdout, "the text tells it")
f = scene("ranges.db")
shape = kernel(f, "k", 20)
for step in range(100):
    at = 2 * MS + step * MS
    launch(f, at - 5 * US, at, 900 * US, shape)
    f.call(at + 20 * US, 5 * US, 1, f.api("cuMemFree_v2"), result=1)
    for text, start, end in ((f"prefill, seq = {step}, op_id = {step}", -8, -1), ("freeing", 10, 40), ("all", -9, 100)):
        f.add("range", start_ns=at + start * US, dur_ns=(end - start) * US, thread=1, kind=1,
              label=f.one("SELECT id FROM label WHERE text = ?", text) or f.add("label", process=1, text=text))
data = report_json(saved(f))
equal([found(data, name)["range"] for name in ("low-coverage", "failed-calls")], ["prefill", "freeing"],
      "the range of a launch, and of a call")

# Text, CSV and JSON tell the same.
data = report_json(file)
table = list(csv.DictReader(io.StringIO(run("export", "--csv=findings", file).stdout)))
equal([(r["name"], int(r["lost_ns"]), r["advice"]) for r in table],
      [(r["name"], r["lost_ns"], r["advice"]) for r in data["findings"]], "CSV has the rows of JSON")
text = run("report", "--full", "--width", "1000", file, "findings").stdout
ok(all(r["advice"] in text for r in data["findings"]), "the text has their advice", text)
equal(run("report", "--full", "--width", "1000", "findings", file).stdout, text,
      "the view may come before the file")
ok("sync-readback" in run("report", file).stdout.split("Devices")[0], "the overview begins with them")
ok("speculation that does not pay" in text, "and what cannot be seen")
falls = run("report", file, "waterfall").stdout
ok("sync_readback" in falls and "useful" in falls, "the waterfall as text", falls)

# A batch of 16 requests that falls to 8, then 4; steps of 2 ms. With prompts in between it is filled.
def batches(name, sizes, prompt_every=0, steps=10):
    f = scene(name)
    decode, prompt = kernel(f, "decode_attention_kernel", 264), kernel(f, "flash_fwd_varlen_kernel", 264)
    for step, size in enumerate(size for size in sizes for _ in range(steps)):
        at = 2 * MS + step * 2 * MS
        prompts = prompt_every and step % prompt_every == 0
        dur = 1900 * US if prompts else 1 * MS
        launch(f, at - 5 * US, at, dur, prompt if prompts else decode)
        copy(f, at, at + dur, US, DTOH, 4 * size)
    return report_json(saved(f))


row = found(batches("shrinks.db", (16, 8, 4, 16)), "shrinking-batch")
ok(row and (row["lost_ns"], row["count"]) == (10 * MS + 15 * MS, 20),
   "shrinking-batch: what a full batch would not take", row)
ok(row and "16 requests shrinks to 4" in row["advice"], "with the batch", row)
equal(found(batches("falls-little.db", (16, 8, 16)), "shrinking-batch"), None, "none of half a batch")
equal(found(batches("refilled.db", (16, 8, 4), 2), "shrinking-batch"), None, "none with prompts in between")
row = found(batches("again.db", (3, 2), 5, 25), "prompts-again")
ok(row and row["count"] == 10 and "every 12.6 tokens" in row["advice"],
   "prompts-again: the tokens of each prompt", row)
equal(found(batches("long-outputs.db", (64, 60), 5, 25), "prompts-again"), None, "none where they are many")

# Any events.
for seed in range(6):
    random_run(path("random.db"), seed=seed, launches=400)
    db = sqlite3.connect(path("random.db"))
    db.execute("UPDATE shape SET blocks_per_sm = 1 + id % 4")
    db.commit()
    db.close()
    waterfall(report_json(path("random.db"), "--recount"), f"random {seed}")

# The table of detectors is documented.
doc = open(os.path.join(os.environ["top_srcdir"], "docs", "findings.md"), encoding="utf-8").read()
rows = dict(re.findall(r"^\| `([a-z-]+)` \| [B0-9, ]+ \| .* \| (.*) \|$", doc, re.M))
listed = run("report", "--detectors", "--width", "300").stdout
limits = {}
for name, key, value in re.findall(r"^ +([a-z-]+)\.([a-z_]+) +([\d.]+)  ", listed, re.M):
    limits.setdefault(name, {})[key] = float(value)
equal(sorted(rows), sorted(limits), "docs/findings.md has every detector")
numbers = set(re.findall(r"B\d+", listed)) | set(re.findall(r"B\d+", text))
equal(sorted({f"B{n}" for n in range(1, 56)} - numbers), [], "each number of the catalogue is looked for or told as not seen")
for name, keys in limits.items():
    three = [f"{keys[k]:g}" if keys[k] <= 100 else "–" for k in ("least", "warning", "critical")]
    ok(rows.get(name, "").startswith(" / ".join(three)) and
       all(f"`{k}` {v:g}:" in rows.get(name, "") for k, v in keys.items()
           if k not in ("least", "warning", "critical")),
       f"docs/findings.md has the thresholds of {name}", rows.get(name), keys)
done()
