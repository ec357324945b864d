# SPDX-License-Identifier: Apache-2.0
"""gputrail report and info: exact figures, JSON, options."""
import os
import re
import sqlite3
import sys

sys.dont_write_bytecode = True
from tap import GPUTRAIL, done, equal, ok, path, report_json, run
import fixture

SMALL = path("small.db")
fixture.small(SMALL)
data = report_json(SMALL)

equal(data["schema_version"], 1, "JSON has its schema version")
equal((data["run"]["state"], data["run"]["span_ns"], data["run"]["threads"]),
      ("complete", 10**9, 2), "what the run is")
equal(data["run"]["command_line"], "server --port 8000", "the recorded command")
device = data["devices"][0]
equal([device[k] for k in ("id", "name", "span_ns", "busy_ns", "idle_ns", "compute_ns",
                           "copy_ns", "kernels", "copies", "sets", "graph_launches")],
      [1, "NVIDIA H100 80GB HBM3", 9700, 5700, 4000, 4300, 1400, 5, 1, 1, 1],
      "the device's union of all streams, by hand")
gemm, norm = data["kernels"]
equal((gemm["short_name"], gemm["calls"], gemm["total_ns"], gemm["min_ns"], gemm["max_ns"],
       gemm["launches"], gemm["shapes"]), ("gemm", 3, 3600, 600, 2000, 3, 2), "first kernel")
equal((norm["short_name"], norm["calls"], norm["total_ns"], norm["launches"]),
      ("rms_norm", 2, 1500, 0), "kernel that ran inside a graph only")
equal(gemm["grid"], "132 1 1", "grid of the shape that took the most time")
ok(abs(gemm["occupancy_percent"] - 50) < 1e-6 and norm["occupancy_percent"] == 100,
   "theoretical occupancy", gemm["occupancy_percent"], norm["occupancy_percent"])
ok(abs(gemm["waves"] - (0.5 * 3000 + 0.03 * 600) / 3600) < 1e-6, "waves weighted by time")
ok(abs(gemm["stddev_ns"] - 721.110255) < 1e-3, "standard deviation of the sample")
api = {a["name"]: a for a in data["apis"]}
equal((api["cuLaunchKernel"]["calls"], api["cuLaunchKernel"]["total_ns"]), (3, 500),
      "calls by entry point")
equal((api["cuMemAlloc_v2"]["calls"], api["cuMemAlloc_v2"]["failed"]), (2, 1), "failed calls")
equal(data["failures"], [{"count": 1, "error": "CUDA_ERROR_OUT_OF_MEMORY", "result": 2,
                          "name": "cuMemAlloc_v2", "first_ns": 700, "place": ""}],
      "failed calls by name of their error")
equal(data["missing"], {}, "a file of this version lacks nothing")
copy = {c["operation"]: c for c in data["copies"]}
htod = copy["[CUDA memcpy Host-to-Device]"]
equal((htod["count"], htod["bytes"], htod["source"], htod["destination"],
       htod["bytes_per_second"]), (1, 4000000, "Pageable", "Device", 4e12), "copies")
equal((data["memory"][0]["high_bytes"], data["memory"][0]["kind"]), (1048576, "device"), "memory")
equal(data["losses"], {"lost_records": 0}, "losses by name")
equal(data["coverage"], {"cupti_records": 7, "route_dlsym": 12}, "coverage is no loss")
equal(data["lost"], 0, "sum of the losses")
equal(gemm["label"], "gemm", "a short name that is unique needs no template arguments")
equal(len(report_json(SMALL, "--by-shape")["kernels"]), 3, "one row per launch shape")

SAME = path("same.db")
f = fixture.Fixture(SAME)
f.process()
f.device()
f.add("thread", process=1, tid=1)
f.add("stream", process=1, device=1)
for i, (name, short) in enumerate([
        ("void ns::gemm<128, tuple<int, 4>>(float*)", "gemm"), ("void ns::gemm<64>(float*)", "gemm"),
        ("void gemm(int)", "gemm"), ("void pre_gemm<1, (x)2>()", "pre_gemm")]):
    f.launch(i * 10, 1, 1, 9 - i, 1, 1, f.shape(f.kernel(name, short), 1), f.api("cuLaunchKernel"))
f.close()
equal([k["label"] for k in report_json(SAME)["kernels"]],
      ["gemm<128, tuple<int, 4>>", "gemm<64>", "gemm", "pre_gemm"],
      "kernels that share a short name are told apart")

for seed in range(1, 6):
    file = path(f"random{seed}.db")
    truth = fixture.random_run(file, seed, 400)
    data = report_json(file)
    wanted = []
    for device in (1, 2):
        t = truth.device_truth(device)
        wanted.append([t[3], t[2] - t[1] - t[3], t[4], t[5], t[6], t[7], t[8], t[9]])
    got = [[d["busy_ns"], d["idle_ns"], d["compute_ns"], d["copy_ns"], d["kernels"], d["copies"],
            d["sets"], d["graph_launches"]] for d in data["devices"]]
    equal(got, wanted, f"run {seed}: the summaries are shown")
    recounted = report_json(file, "--recount")
    equal(recounted["devices"], data["devices"],
          f"run {seed}: one ordered scan finds the union that brute force finds")
    equal([recounted[k] for k in ("kernels", "apis", "copies")],
          [data[k] for k in ("kernels", "apis", "copies")], f"run {seed}: so with all else")

# GPUs are called by their ordinal, or in their order where two have the same.
for ordinals, wanted in (((1, 0), [0, 1]), ((0, 0), [0, 1]), ((4, 2), [2, 4])):
    GPUS = path("gpus.db")
    f = fixture.Fixture(GPUS)
    f.process()
    f.add("thread", process=1, tid=1)
    for i, ordinal in enumerate(ordinals):
        f.device(ordinal=ordinal, uuid=f"GPU-{i}")
        f.add("stream", process=1, device=i + 1)
        f.launch(i * 10, 1, 1, 2, 1, i + 1, f.shape(f.kernel(f"k{i}"), i + 1), f.api("cuLaunchKernel"))
    f.close()
    data = report_json(GPUS)
    equal([d["gpu"] for d in data["devices"]], wanted, f"GPUs with ordinals {ordinals}")
    numbers = {d["id"]: d["gpu"] for d in data["devices"]}
    equal([k["gpu"] for k in data["kernels"]], [numbers[k["device"]] for k in data["kernels"]],
          f"and their kernels, {ordinals}")
    bubbles = run("report", GPUS, "bubbles").stdout
    equal([int(n) for n in re.findall(r"Idle time of GPU (\d+)", bubbles)],
          [numbers[1], numbers[2]], f"and their bubbles, {ordinals}")

# What an older file lacks is told, and the rest is shown.
OLD = path("old.db")
fixture.small(OLD)
whole = report_json(OLD)
db = sqlite3.connect(OLD)
db.execute("DROP TABLE sum_path")
nodes = "id INTEGER PRIMARY KEY, start_ns, gpu_dur_ns, graph_launch, stream, shape, node"
rows = db.execute("SELECT id, start_ns, gpu_dur_ns, graph_launch, stream, shape, node FROM node")
rows = rows.fetchall()
db.execute("DROP VIEW node")
db.execute(f"CREATE TABLE node ({nodes})")      # once it was a table with all there is to a kernel
db.executemany("INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
db.execute("DROP TABLE replay")
db.execute("DROP TABLE graph_node")
db.execute("PRAGMA writable_schema = ON")
db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'api INTEGER', 'api_later INTEGER') "
           "WHERE name = 'graph_launch'")
db.commit()
db.close()
data = report_json(OLD)
equal(list(data["missing"]), ["sum_path", "graph_launch.api", "node.path"], "--json lists it")
equal([data[k] for k in ("kernels", "apis", "devices")],
      [whole[k] for k in ("kernels", "apis", "devices")], "an older file's figures are the same")
text = run("report", OLD).stdout
ok("NOT IN THIS FILE, recorded by gputrail 0.1.0: call paths of kernels inside graphs (node.path)"
   in text.splitlines(), "the report says what is not there", text)
ok("node.path" in run("info", OLD).stdout, "so does info")
result = run("export", "--folded", OLD)
ok(result.returncode == 0 and "does not hold what happened at each call path (sum_path)"
   in result.stderr, "so does export", result.stderr)
equal(run("export", "--csv=cuda_gpu_trace", OLD).stdout,
      run("export", "--csv=cuda_gpu_trace", SMALL).stdout, "which writes the rest")
for command in (("report", "--recount"), ("report", "--json", "--recount"), ("export", "--trace")):
    equal(run(*command, OLD).returncode, 0, f"older file: {' '.join(command)}")

# A process without GPU times, a kernel that was only launched, losses, and a call only counted.
HOST = path("host.db")
f = fixture.Fixture(HOST)
f.process(backend="none", backend_note="no libcupti found")
f.device()
f.add("thread", process=1, tid=1, name="t")
f.add("stream", process=1, device=1)
shape = f.shape(f.kernel("lonely"), 1, blocks_per_sm=None, waves_x1000=None)
f.launch(0, 10, None, None, 1, 1, shape, f.api("cuLaunchKernel"))
f.db.execute("INSERT INTO sum_kernel VALUES (1, 1, 1, 0, 0, 0, 0, 0.0, 1, 10)")
f.db.execute("INSERT INTO sum_api VALUES (1, ?, 5, 0, 55, NULL, NULL, 0)",
             (f.api("cuCtxGetCurrent", "CTX"),))
f.db.execute("INSERT INTO counter VALUES (1, 'lost_records', 17)")
f.db.execute("INSERT INTO counter VALUES (1, 'from_the_future', 3)")
f.close()
data = report_json(HOST)
lonely = data["kernels"][0]
equal([lonely[k] for k in ("calls", "average_ns", "occupancy_percent", "waves")],
      [1, None, None, None], "what is not known is null")
recounted = report_json(HOST, "--recount")
equal(recounted["kernels"], data["kernels"], "launches without GPU times are recounted too")
equal([recounted["devices"][0][k] for k in ("kernels", "busy_ns")], [1, None],
      "and a device without GPU times is not idle but unknown")
counted = [a for a in data["apis"] if a["name"] == "cuCtxGetCurrent"][0]
equal([counted[k] for k in ("calls", "total_ns", "min_ns")], [5, 55, None],
      "calls that were only counted")
equal(data["lost"], 20, "losses are summed, unknown ones too")
text = run("report", HOST).stdout
lines = text.splitlines()
first = [i for i, line in enumerate(lines) if line.startswith("LOST: 17")]
ok(first and first[0] < lines.index("Devices"), "losses come before anything else", text)
ok("NO GPU TIMES for process 100: no libcupti found" in text, "missing GPU times are said", text)

text = run("report", SMALL).stdout
for title in ("Nothing was lost.", "Devices", "Kernels", "Driver calls", "Copies and sets",
              "Memory", "Processes"):
    ok(title in text.splitlines(), f"the overview has '{title}'")
ok("\033" not in text, "no colour in a pipe")
ok("\033" in run("report", "--color=always", SMALL).stdout, "--color=always")
for width in (40, 80, 100, 132, 200):
    lines = run("report", f"--width={width}", SMALL).stdout.splitlines()
    ok(width < 80 or max(map(len, lines)) <= width, f"nothing is wider than {width} columns",
       max(lines, key=len))
ok("5 more; -n 0 prints all" in run("report", "-n", "1", SMALL, "apis").stdout, "-n limits rows")
ok(" 4.00 TB/s " in run("report", SMALL, "copies").stdout, "rates in units of 1000, as links have")
names = [line.split()[-1] for line in run("report", "--sort=name", SMALL, "apis")
         .stdout.splitlines()[2:]]
equal(names, sorted(names), "--sort=name")
ok("void gemm<float, 128>(float const*, float*)" in run("report", "--full", SMALL).stdout,
   "--full prints full names")
equal(run("report", SMALL, "losses", "devices").returncode, 0, "several views")

for args, code, what in (
        (("report",), 2, "no file"), (("report", SMALL, "nosuchview"), 2, "no such view"),
        (("report", "nosuchview", SMALL), 2, "no such view before the file"),
        (("report", "kernels"), 2, "a view and no file"),
        (("report", "--nosuch", SMALL), 2, "no such option"),
        (("report", "-n", "x", SMALL), 2, "a number that is none"),
        (("report", "--sort=nosuch", SMALL), 2, "no such column"),
        (("report", "--color=pink", SMALL), 2, "no such colour mode"),
        (("report", "--help"), 0, "--help"), (("info", "--help"), 0, "info --help"),
        (("info",), 2, "info without a file"), (("info", SMALL), 0, "info")):
    result = run(*args)
    equal(result.returncode, code, f"exit status: {what}")
    ok(bool(result.stderr) == (code != 0), f"message: {what}", result.stderr)

equal(run("report", "-n1", "apis", SMALL).stdout, run("report", "-n1", SMALL, "apis").stdout,
      "the file may stand behind the views")
for args in ((SMALL, "kernel"), ("kernel", SMALL)):
    ok("no view 'kernel'" in run("report", *args).stderr, f"what is no view is named: {args[0]}")
ok("report FILE kernels" in run("report", "kernels").stderr, "a view alone: what to type is told")


def interrupted(file):
    """How a report of `file` ends that is interrupted once its first line is there."""
    import pty
    import signal
    import subprocess
    leader, follower = pty.openpty()
    with subprocess.Popen([GPUTRAIL, "report", file], stdout=follower, stderr=follower) as process:
        os.close(follower)
        data = os.read(leader, 65536)
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(leader, 65536):
                data += chunk
        except OSError:
            pass
        os.close(leader)
        return process.wait(), data.decode("utf-8")


# Each of these rows takes milliseconds to read: the scan would last for a minute.
SLOW = path("slow.db")
fixture.small(SLOW)
with sqlite3.connect(SLOW) as connection:
    connection.executescript("""
        CREATE TABLE rows AS SELECT * FROM launch; DROP TABLE launch;
        CREATE TABLE launch (id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER,
            gpu_delay_ns INTEGER AS (0) VIRTUAL,
            gpu_dur_ns INTEGER, thread INTEGER, stream INTEGER, shape INTEGER, api INTEGER, path INTEGER);
        INSERT INTO launch WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n
            WHERE i < 4000) SELECT NULL, i * 100, 10, 50, thread, stream, shape, api, path
            FROM n, (SELECT * FROM rows LIMIT 1);
        DROP TABLE rows; PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = replace(sql, 'AS (0)',
            'AS (0 * length(hex(zeroblob(5000000 + id % 2))))') WHERE name = 'launch'""")
connection.close()
status, text = interrupted(SLOW)
equal(status, -2, "an interrupted report ends by the signal")
ok("interrupted" in text and "Devices" not in text, "and says so", text)


def on_terminal(*args, **env):
    """What a command prints on a terminal of 90 columns."""
    import fcntl
    import pty
    import struct
    import subprocess
    import termios
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    full = {**os.environ, "TERM": "xterm", **env}
    full.pop("COLUMNS", None)
    full = {k: v for k, v in full.items() if v is not None}
    with subprocess.Popen([GPUTRAIL, *args], stdout=follower, stderr=follower, env=full):
        os.close(follower)
        data = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            data += chunk
    os.close(leader)
    return data.decode("utf-8")


ok("\033[1mDevices" in on_terminal("report", SMALL, NO_COLOR=None), "colour on a terminal")
ok("\033" not in on_terminal("report", SMALL, NO_COLOR="1"), "NO_COLOR is respected")
ok("\033" not in on_terminal("report", SMALL, TERM="dumb"), "TERM=dumb has no colour")
equal([w for w in map(len, on_terminal("report", SMALL, NO_COLOR="1").replace("\r", "")
                      .splitlines()) if w > 90], [], "the terminal's width is kept")

# What is documented is there, and the other way round.
doc = open(os.path.join(os.environ["top_srcdir"], "docs", "report-json.md"),
           encoding="utf-8").read()
documented = {name for name in re.findall(r"^\| `([a-z_0-9.\[\]]+)`", doc, re.M)
              if not name.startswith(("steps.", "activity[", "ranges["))}   # tested with their reports
data = report_json(SMALL)
actual = set()
for key, value in data.items():
    if key in ("activity", "ranges"):
        continue
    if isinstance(value, list):
        actual |= {f"{key}[].{k}" for row in value for k in row}
    elif isinstance(value, dict) and key == "run":
        actual |= {f"{key}.{k}" for k in value}
    else:
        actual.add(key)
equal(sorted(actual - documented), [], "every member is in docs/report-json.md")
equal(sorted(documented - actual), [], "docs/report-json.md has no member that is not there")
done()
