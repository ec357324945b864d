# SPDX-License-Identifier: Apache-2.0
"""gputrail export --csv: headers, definitions and figures of nsys's reports."""
import os
import sys

sys.dont_write_bytecode = True
import csv
import io
import signal
import sqlite3
import statistics
import subprocess

from tap import GPUTRAIL, done, equal, ok, path, report_json, run
import fixture

HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS = dict(line.rstrip("\n").split(": ", 1)
               for line in open(os.path.join(HERE, "nsys-headers.txt"), encoding="utf-8")
               if not line.startswith("#"))


def export(file, report, *options):
    result = run("export", f"--csv={report}", *options, file)
    if result.returncode:
        raise RuntimeError(f"exit {result.returncode}: {result.stderr}")
    return result.stdout


def rows(file, report):
    return list(csv.DictReader(io.StringIO(export(file, report))))


SMALL = path("small.db")
fixture.small(SMALL)
for name, header in HEADERS.items():
    equal(export(SMALL, name).split("\n", 1)[0], header, f"header of {name}")
listing = run("export", "--list").stdout.splitlines()
listed = [line.replace("[", ":").split(":")[0] for line in listing if not line.startswith(" ")]
OWN = listed[len(HEADERS):]
equal(listed[:len(HEADERS)], list(HEADERS), "--list has them all")
equal(dict(zip(OWN, [line.strip() for line in listing[2 * len(HEADERS) + 1::2]])),
      {name: export(SMALL, name).split("\n", 1)[0] for name in OWN}, "our own with their headers")

kern = rows(SMALL, "cuda_gpu_kern_sum")
equal(list(kern[0].values()),
      ["70.6", "3600", "3", "1200.0", "1000.0", "600", "2000", "721.1",
       "void gemm<float, 128>(float const*, float*)"], "cuda_gpu_kern_sum")
ok(abs(sum(float(r["Time (%)"]) for r in kern) - 100) < 0.2, "shares are of the listed rows")
gb = rows(SMALL, "cuda_gpu_kern_gb_sum")
equal([(r["GridXYZ"].split(), r["BlockXYZ"].split(), r["Instances"]) for r in gb],
      [(["132", "1", "1"], ["256", "1", "1"], "2"), (["8", "1", "1"], ["1024", "1", "1"], "2"),
       (["8", "2", "1"], ["256", "1", "1"], "1")], "cuda_gpu_kern_gb_sum")
size = {r["Operation"]: r for r in rows(SMALL, "cuda_gpu_mem_size_sum")}
equal((size["[CUDA memcpy Host-to-Device]"]["Total (MB)"], size["[CUDA memset]"]["Total (MB)"]),
      ("4.000", "0.066"), "cuda_gpu_mem_size_sum")
time = {r["Operation"]: r for r in rows(SMALL, "cuda_gpu_mem_time_sum")}
equal(time["[CUDA memcpy Host-to-Device]"]["Total Time (ns)"], "1000", "cuda_gpu_mem_time_sum")
categories = [r["Category"] for r in rows(SMALL, "cuda_api_gpu_sum")]
equal({c: categories.count(c) for c in set(categories)},
      {"CUDA_API": 6, "CUDA_KERNEL": 2, "MEMORY_OPER": 2}, "cuda_api_gpu_sum")
equal(sum(int(r["Total Time (ns)"]) for r in rows(SMALL, "cuda_gpu_sum")), 3600 + 1500 + 1400,
      "cuda_gpu_sum")

calls = rows(SMALL, "cuda_api_trace")
equal([(r["Start (ns)"], r["Name"], r["Result"]) for r in calls[:3]],
      [("500", "cuMemAlloc_v2", "0"), ("700", "cuMemAlloc_v2", "2"),
       ("1000", "cuMemcpyHtoDAsync_v2", "0")], "cuda_api_trace is in time order")
equal(len({r["CorrID"] for r in calls}), len(calls), "correlation ids are unique")
by_corr = {r["CorrID"]: r for r in calls}
gpu = rows(SMALL, "cuda_gpu_trace")
equal([by_corr[r["CorrId"]]["Name"] for r in gpu],
      ["cuMemcpyHtoDAsync_v2", "cuLaunchKernel", "cuLaunchKernel", "cuLaunchKernel",
       "cuGraphLaunch", "cuGraphLaunch", "cuMemsetD8Async"],
      "each GPU operation leads to the call that caused it, those in graphs to the graph launch")
equal([r["Start (ns)"] for r in gpu],
      ["1300", "2400", "2500", "5000", "9000", "9200", "10600"], "cuda_gpu_trace is in time order")
equal((gpu[0]["Bytes (MB)"], gpu[0]["Throughput (MB/s)"], gpu[0]["SrcMemKd"], gpu[0]["DstMemKd"],
       gpu[0]["GrdX"]), ("4.000", "4000000.000", "Pageable", "Device", ""), "a copy's columns")
equal((gpu[2]["GrdX"], gpu[2]["BlkX"], gpu[2]["Reg/Trd"], gpu[2]["Device"], gpu[2]["Ctx"],
       gpu[2]["Strm"], gpu[2]["Bytes (MB)"]),
      ("132", "256", "32", "NVIDIA H100 80GB HBM3 (0)", "1", "7", ""), "a kernel's columns")

trace = rows(SMALL, "cuda_kern_exec_trace")
equal([(r["API Start (ns)"], r["Queue Start (ns)"], r["Queue Dur (ns)"], r["Kernel Start (ns)"],
        r["Total Dur (ns)"], r["TID"]) for r in trace],
      [("2000", "2100", "400", "2500", "1500", "101"), ("2200", "", "", "2400", "800", "102"),
       ("4000", "4100", "900", "5000", "3000", "101"), ("8000", "8400", "600", "9000", "1500", "101"),
       ("8000", "8400", "800", "9200", "2200", "101")],
      "queue time only when the kernel starts after its call")
sums = rows(SMALL, "cuda_kern_exec_sum")
equal([(r["TID"], r["Count"], r["QCount"], r["QMed (ns)"], r["API Name"]) for r in sums],
      [("101", "2", "2", "650.0", "cuLaunchKernel"), ("101", "2", "2", "700.0", "cuGraphLaunch"),
       ("102", "1", "0", "", "cuLaunchKernel")], "cuda_kern_exec_sum")


# The names of kernels: that of the function, and the mangled one.
MANY = path("names.db")
f = fixture.Fixture(MANY)
f.process()
f.device()
f.add("thread", process=1, tid=1)
f.add("stream", process=1, device=1)
for i, (name, short) in enumerate([("void gemm<64>(float*)", "gemm"), ("void gemm<128>(float*)", "gemm"),
                                   ("norm(int)", "norm")]):
    f.launch(i * 100, 1, 5, 10 + i, 1, 1, f.shape(f.kernel(name, short, mangled=f"_Z{i}"), 1),
             f.api("cuLaunchKernel"))
f.close()
for report, key in (("cuda_gpu_kern_sum", "Name"), ("cuda_gpu_kern_gb_sum", "Name"),
                    ("cuda_gpu_sum", "Operation"), ("cuda_gpu_trace", "Name"),
                    ("cuda_kern_exec_trace", "Kernel Name"), ("cuda_kern_exec_sum", "Kernel Name")):
    for argument, wanted in (("", ["norm(int)", "void gemm<128>(float*)", "void gemm<64>(float*)"]),
                             (":base", ["gemm", "norm"]), (":mangled", ["_Z0", "_Z1", "_Z2"])):
        equal(sorted({r[key] for r in rows(MANY, report + argument)}), wanted,
              f"names of {report}{argument}")
base = {r["Name"]: (r["Instances"], r["Total Time (ns)"]) for r in rows(MANY, "cuda_gpu_kern_sum:base")}
equal(base, {"gemm": ("2", "21"), "norm": ("1", "12")}, "kernels of one name are one row")
result = run("export", "--csv=cuda_gpu_kern_sum:base,cuda_gpu_kern_sum", "-o", path("names"), MANY)
equal(sorted(os.listdir(path("names"))),
      ["names_cuda_gpu_kern_sum.csv", "names_cuda_gpu_kern_sum_base.csv"], "and have files of their own")
equal(run("export", "--csv=cuda_api_sum:base", MANY).returncode, 2, "a report without kernels has none")

# Our own reports say what --json says.
report = report_json(SMALL)
for name in ("apis", "copies", "devices", "failures", "kernels", "memory", "processes"):
    wanted = [[("" if row[k] is None else row[k]) for k in rows(SMALL, "gputrail_" + name)[0]] for row in report[name]]
    got = [[v if not isinstance(w, (int, float)) else float(v) for v, w in zip(r.values(), row)]
           for r, row in zip(rows(SMALL, "gputrail_" + name), wanted)]
    ok(len(got) == len(wanted) and all(abs(g - w) <= 0.06 if isinstance(w, (int, float)) else g == w
       for a, b in zip(got, wanted) for g, w in zip(a, b)), f"{name} has the figures of --json", got, wanted)
equal(len(rows(SMALL, "gputrail_occupancy")), 3, "occupancy has a row for each launch shape")
causes = {k: v for k, v in report["devices"][0]["idle_by_cause"].items() if v}
equal({r["cause"]: int(r["total_ns"]) for r in rows(SMALL, "gputrail_bubbles")}, causes, "bubbles by cause")
intervals = rows(SMALL, "gputrail_bubbles_trace")
sums = {}
for r in intervals:
    sums[r["cause"]] = sums.get(r["cause"], 0) + int(r["duration_ns"])
equal(sums, causes, "the intervals add up to them")
equal([(int(r["start_ns"]), r["gpu"], r["previous"], r["next"]) for r in intervals][0],
      (2300, "0", "[CUDA memcpy Host-to-Device]", "gemm"), "an interval between its operations")


def check_sums(file, seed, report, key, values):
    """Against Python's statistics of the trace's values."""
    groups = {}
    for name, value in values:
        groups.setdefault(name, []).append(value)
    wanted = {name: (sum(v), len(v), f"{statistics.median(v):.1f}", min(v), max(v))
              for name, v in groups.items()}
    table = rows(file, report)
    count = [c for c in ("Instances", "Num Calls", "Count") if c in table[0]][0]
    equal({r[key]: (int(r["Total Time (ns)"]), int(r[count]), r["Med (ns)"], int(r["Min (ns)"]),
                    int(r["Max (ns)"])) for r in table}, wanted,
          f"run {seed}: {report} has exact sums and medians")
    deviations = {name: statistics.stdev(v) if len(v) > 1 else 0 for name, v in groups.items()}
    ok(all(abs(float(r["StdDev (ns)"]) - deviations[r[key]]) <= 0.051 for r in table),
       f"run {seed}: {report} has exact deviations")


for seed in (11, 12):
    file = path(f"random{seed}.db")
    truth = fixture.random_run(file, seed, 500)
    gpu = rows(file, "cuda_gpu_trace")
    equal(len(gpu), len(truth.gpu), f"run {seed}: every GPU operation is there once")
    equal(sorted((int(r["Start (ns)"]), int(r["Duration (ns)"])) for r in gpu),
          sorted((g[1], g[2] - g[1]) for g in truth.gpu), f"run {seed}: with its times")
    starts = [int(r["Start (ns)"]) for r in gpu]
    equal(starts, sorted(starts), f"run {seed}: in time order")
    check_sums(file, seed, "cuda_gpu_kern_sum", "Name",
               [(r["Name"], int(r["Duration (ns)"])) for r in gpu if r["GrdX"]])
    check_sums(file, seed, "cuda_gpu_mem_time_sum", "Operation",
               [(r["Name"], int(r["Duration (ns)"])) for r in gpu if not r["GrdX"]])
    check_sums(file, seed, "cuda_api_sum", "Name",
               [(r["Name"], int(r["Duration (ns)"])) for r in rows(file, "cuda_api_trace")])

out = path("out")
result = run("export", "--csv=all", "-o", out, SMALL)
equal(sorted(os.listdir(out)), sorted(f"small_{name}.csv" for name in listed), "one file each")
equal(sorted(result.stdout.split()), sorted(os.path.join(out, n) for n in os.listdir(out)),
      "their names are printed")
before = open(os.path.join(out, "small_cuda_gpu_kern_sum.csv"), encoding="utf-8").read()
equal(before, export(SMALL, "cuda_gpu_kern_sum"), "the same as on standard output")
result = run("export", "--csv=cuda_gpu_kern_sum", "-o", out, SMALL)
ok(result.returncode == 1 and "exists" in result.stderr, "nothing is overwritten")
equal(run("export", "--csv=cuda_gpu_kern_sum", "-o", out, "-f", SMALL).returncode, 0,
      "but with --force")
for args, code, what in (
        (("--csv=all", "-o", "-", SMALL), 2, "several reports on standard output"),
        (("--csv=nosuch", SMALL), 2, "no such report"), (("--csv=all",), 2, "no file"),
        ((SMALL,), 2, "no report"), (("--csv=cuda_api_sum", path("none.db")), 3, "no such file"),
        (("--csv=cuda_api_sum", "-o", SMALL, SMALL), 1, "a file for a folder"),
        (("--help",), 0, "--help")):
    result = run("export", *args)
    equal(result.returncode, code, f"exit status: {what}")
if os.path.exists("/dev/full"):
    with open("/dev/full", "w", encoding="utf-8") as sink:
        code = subprocess.run([GPUTRAIL, "export", "--csv=cuda_gpu_trace", SMALL], stdout=sink,
                              stderr=subprocess.PIPE, check=False)
    ok(code.returncode == 1 and b"cannot write" in code.stderr, "a full disk is said", code)

# Interrupted in the middle: no half a file.
BIG = path("big.db")
fixture.small(BIG)
db = sqlite3.connect(BIG)
db.execute("WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) "
           "INSERT INTO launch (id, start_ns, dur_ns, gpu_delay_ns, gpu_dur_ns, thread, stream, shape) "
           "SELECT i, (i * 7919) % 1000003, 5, 5, 5, 1, 1, 1 FROM n")
db.commit()
db.close()
victim = subprocess.Popen([GPUTRAIL, "export", "--csv=cuda_gpu_trace", "-o", path("cut"), BIG],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
target = path("cut/big_cuda_gpu_trace.csv")
while victim.poll() is None and not os.path.exists(target):
    os.sched_yield()
victim.send_signal(signal.SIGINT)
message = victim.communicate()[1]
ok(victim.returncode == -signal.SIGINT and b"interrupted" in message and
   not os.path.exists(target), "interrupted: dies of the signal and leaves no half a file",
   victim.returncode, message)
done()
