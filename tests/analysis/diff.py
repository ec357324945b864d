#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gputrail diff: figures of two runs whose truth is known, conditions, exit status."""
import csv
import io
import json
import math

from steps_scene import MS, US, Server
from tap import done, equal, ok, path, run


def make(name, steps=100, **more):
    server = Server(name)
    for i in range(steps):
        server.step(prefill=i % 10 == 4, **more)
    server.f.close()
    return server


base, slow, less = make("base"), make("slow", gemm=140 * US, pause=200 * US), make("less", steps=50)


def changes(before, after):
    text = run("diff", "--csv", before, after).stdout
    return {r["name"]: r for r in csv.DictReader(io.StringIO(text))}


def period(server):
    gaps = sorted(b - a for a, b in zip(server.firsts, server.firsts[1:]))
    return gaps[math.ceil(len(gaps) / 2) - 1]


rows = changes(base.file, slow.file)
equal((float(rows["step.p50"]["before"]), float(rows["step.p50"]["after"])),
      (period(base), period(slow)), "medians of all steps")
equal((float(rows["step.count"]["before"]), rows["step.count"]["change"]), (99, "0.000"), "counts")
equal(float(rows["step.decode.count"]["after"]), 89, "steps of a phase")
equal(float(rows["family.gemm"]["change"]), 100 * US, "one GEMM of a step took longer")
launches = {n: float(r["change"]) for n, r in rows.items() if n.startswith("launch.")}
equal(sorted((n.split(".")[2], n.split(".")[3], c) for n, c in launches.items() if c),
      [("11", "sm90_gemm_kernel", 100 * US)] * 2, "it is named, in both kinds of steps")
ok(200 * US <= float(rows["idle.host_busy"]["change"]) < 210 * US, "the host paused", rows["idle.host_busy"])
equal(changes(base.file, base.file)["idle"]["change"], "0.000", "a run is equal to itself")
same = {n: float(r["change"]) for n, r in rows.items()}
document = json.loads(run("diff", "--json", base.file, slow.file).stdout)
equal({m["name"]: round(m["change"], 3) for m in document["metrics"]}, same, "JSON has the same")
text = run("diff", base.file, slow.file).stdout
ok("step.p50" in text and "GPU time of a step by kernel family" in text, "the text has the parts", text)
ok("+100 us" in text and "family.gemm" in text, "changes have their sign", text)
rows = changes(base.file, less.file)
equal(rows["step.count"]["change"], "-50.000", "fewer steps")

for condition, status in (
        ("step.p50>+5%", 4), ("step.p50>+5000%", 0), ("step.p50<+0%", 0), ("step.p50<-1%", 0),
        ("family.gemm>+99us", 4), ("family.gemm>+101us", 0), ("family.gemm>0.2ms", 4),
        ("family.gemm>1s", 0), ("step.count<-1", 0), ("gpu0.busy<99.5%", 4), ("gpu0.busy<0.5%", 0),
        ("nosuch.name>+5%", 1), ("idle.nothing>1", 1), ("idle.lookups>+1", 0), ("run.idle.lookups>1", 0),
        ("run.span>+5%", 4), ("run.family.gemm>+5%", 4), ("run.family.gemm<+5%", 0), ("run.busy<1", 0),
        ("path.host_busy.nobody<int>>+1us", 1), ("launch.nothing.1.k>+5%", 1)):
    result = run("diff", "--fail-if", condition, base.file, slow.file)
    equal(result.returncode, status, f"--fail-if '{condition}'")
    ok(bool(result.stderr) == bool(status) and (condition in result.stderr or not status),
       f"and says {'so' if status else 'nothing'}", result.stderr)
equal(run("diff", "--fail-if", "step.p50>+5%", slow.file, base.file).returncode, 0, "faster is no regression")
result = run("diff", "--fail-if", "step.p50>+500%", "--fail-if", "family.gemm>+9us", base.file, slow.file)
equal(result.returncode, 4, "one of several")
for bad in ("step.p50", "step.p50>", "step.p50>+5x", ">+5%", "step.p50=5", "step.p50>nan"):
    equal(run("diff", "--fail-if", bad, base.file, slow.file).returncode, 2, f"'{bad}' is refused")
equal(run("diff", base.file).returncode, 2, "one file is too few")
equal(run("diff", base.file, path("none.db")).returncode, 3, "a missing file")
equal(run("diff", "--json", "--csv", base.file, slow.file).returncode, 2, "JSON and CSV")
# Call paths that only one of them has: new ones may be too much, of what is gone nothing is told.
def blamed(name, function):
    server = Server(name)
    for _ in range(40):
        server.step(pause=300 * US)
    path_id = server.f.path("main", function)
    for table in ("launch", "copy"):
        server.f.db.execute(f"UPDATE {table} SET path = ?", (path_id,))
    server.f.close()
    return server.file


left, right = blamed("left", "wait<int>"), blamed("right", "other")
name = "host_busy.wait<int> (model.py:7)"
for condition, status in ((f"path.{name}>+1us", 4), (f"path.{name}>+1s", 0), (f"path.{name}>+5%", 4),
                          (f"path.{name}<-1us", 1), (f"run.path.{name}>1ms", 4), (f"run.path.{name}<1ms", 0)):
    equal(run("diff", "--fail-if", condition, right, left).returncode, status, f"new: --fail-if '{condition}'")
equal(run("diff", "--fail-if", f"path.{name}>+1us", left, right).returncode, 1, "gone: it fails")
ok(run("diff", left, left).stdout.count("lookups") == 0, "what neither has is not printed")
once = Server("once")
once.step()
once.f.close()
result = run("diff", base.file, once.file)
equal((result.returncode, "step.p50" in result.stdout, "run.span" in result.stdout), (0, True, True),
      "a run without steps compares as far as it goes")
done()
