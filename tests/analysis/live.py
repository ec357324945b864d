# SPDX-License-Identifier: Apache-2.0
"""Files that are being recorded, whose recorder died, or that may only be read."""
import multiprocessing
import os
import shutil
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
from tap import TMP, done, equal, ok, path, report_json, run, skip
import fixture


def start_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[19])


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read().strip()


def age(file):
    """Makes it look untouched for a while: a fresh file alone counts as being recorded."""
    for suffix in ("", "-wal"):
        if os.path.exists(file + suffix):
            os.utime(file + suffix, (1000, 1000))


def record(file, commits, stop):
    """Appends rows in WAL mode and writes the summaries now and then, as the recorder does."""
    f = fixture.Fixture(file, state="recording", boot_id=boot_id(), collector_pid=os.getpid(),
                        collector_start_ticks=start_ticks(os.getpid()))
    f.db.commit()
    f.db.execute("PRAGMA journal_mode = WAL")
    f.process(state="running", end_ns=None)
    f.device()
    f.add("thread", process=1, tid=1, name="t")
    f.add("stream", process=1, device=1)
    shape = f.shape(f.kernel("k"), 1)
    api = f.api("cuLaunchKernel")
    number = 0
    stopped = False
    while not stopped:
        stopped = stop.is_set()
        for _ in range(50):
            f.launch(1000 * number, 10, 20, 100, 1, 1, shape, api)
            number += 1
        if number % 500 and not stopped:        # summaries come less often
            f.db.commit()
            commits.value = number
            time.sleep(0.002)
            continue
        f.db.execute("INSERT OR REPLACE INTO sum_kernel VALUES (1,1,?,?,?,100,100,?,?,0)",
                     (shape, number, 100 * number, 1e4 * number, number))
        f.db.execute("INSERT OR REPLACE INTO sum_device VALUES (1,20,?,?,?,0,?,0,0,0)",
                     (1000 * number, 100 * number, 100 * number, number))
        f.db.commit()
        commits.value = number
        time.sleep(0.002)
    os._exit(0)        # no close: the -wal stays, as after SIGKILL


LIVE = path("live.db")
commits = multiprocessing.Value("l", 0)
stop = multiprocessing.Event()
writer = multiprocessing.Process(target=record, args=(LIVE, commits, stop), daemon=True)
writer.start()
while commits.value < 200 and writer.is_alive():
    time.sleep(0.01)
seen, consistent = [], True
for _ in range(15):
    before = commits.value
    data = report_json(LIVE)
    calls = data["kernels"][0]["calls"]
    seen.append(calls)
    device = data["devices"][0]
    equal(device["idle_ns"], sum(device["idle_by_cause"].values()), "causes add up to the idle time while it grows")
    ok(before <= calls, "a reader sees everything that was committed", before, calls)
equal(data["run"]["state"], "recording", "the state is 'recording'")
equal(seen, sorted(seen), "and never less than before")
recount = report_json(LIVE, "--recount")
equal(recount["kernels"][0]["calls"] % 50, 0, "a scan sees whole commits only")
equal(recount["devices"][0]["kernels"], recount["kernels"][0]["calls"],
      "all parts of a scan see the file at one moment")
lost = []
for _ in range(5):
    before = commits.value
    data = report_json(LIVE)
    waits = next((f for f in data["findings"] if f["name"] == "launch-bound"), None)
    ok(waits and waits["count"] >= before - 1, "findings are of everything that was committed", before, waits)
    lost.append(waits["lost_ns"] if waits else 0)
    while commits.value < before + 100 and writer.is_alive():
        time.sleep(0.01)
ok(0 < lost[0] < lost[-1] and lost == sorted(lost), "and grow with it", lost)
text = run("report", "findings", LIVE)
ok(text.returncode == 0 and "launch-bound" in text.stdout, "as text, too", text.stdout, text.stderr)
rows = run("export", "--csv=cuda_gpu_trace", LIVE)
ok(rows.returncode == 0 and (len(rows.stdout.splitlines()) - 1) % 50 == 0, "so does an export",
   rows.stderr)
stop.set()
writer.join()
ok(os.path.exists(LIVE + "-wal"), "the writer left its -wal")
age(LIVE)
total = commits.value
data = report_json(LIVE)
equal(data["run"]["state"], "truncated", "the recorder is gone: 'truncated'")
equal(data["kernels"][0]["calls"], total, "and everything committed is there")
ok("CUT SHORT" in run("report", LIVE).stdout, "the report says so first")

COPY = path("reused.db")
shutil.copy(LIVE, COPY)
shutil.copy(LIVE + "-wal", COPY + "-wal")
db = sqlite3.connect(COPY)
db.execute("UPDATE meta SET value = ? WHERE key = 'collector_pid'", (os.getpid(),))
db.execute("UPDATE meta SET value = ? WHERE key = 'collector_start_ticks'",
           (start_ticks(os.getpid()) + 1,))
db.commit()
db.close()
age(COPY)
equal(report_json(COPY)["run"]["state"], "truncated", "another process with the recorder's pid")

DONE = path("done.db")
fixture.small(DONE)
db = sqlite3.connect(DONE)
db.execute("PRAGMA journal_mode = WAL")
db.close()
before = sorted(os.listdir(TMP))
equal(run("report", DONE).returncode, 0, "a finished WAL file opens")
equal(sorted(os.listdir(TMP)), before, "reading leaves no files behind")

for name in ("we ird.db", "a?mode=rwc.db", "b#c%41.db", "\u5bbd\u00e9.db", "'quote\".db"):
    shutil.copy(DONE, path(name))
    equal(run("report", path(name)).returncode, 0, f"a file named {name!r} opens")
equal(run("report", "/" + DONE).returncode, 0, "a path with two slashes in front")
equal(run("report", os.path.basename(DONE), cwd=TMP).returncode, 0, "a relative path")

# Nobody writes: rows come from the pages of the file. Somebody does: from SQLite. A row that the pages
# leave to SQLite is the middle one.
SEEN = path("seen.db")
fixture.random_run(SEEN, 11, 9000)
with sqlite3.connect(SEEN) as db:
    db.execute("UPDATE launch SET dur_ns = 20.5 WHERE id = (SELECT max(id) / 2 FROM launch)")
    db.execute("UPDATE copy SET bytes = NULL WHERE id % 100 = 0")
    db.execute("INSERT INTO meta VALUES ('touched', 1)")
db.close()
still = report_json(SEEN)
writer = sqlite3.connect(SEEN)
writer.execute("PRAGMA journal_mode = WAL")
writer.execute("UPDATE meta SET value = 2 WHERE key = 'touched'")
writer.commit()
ok(os.path.getsize(SEEN + "-wal") > 0, "the file is being written")
told = report_json(SEEN)
told["run"]["file_bytes"] = still["run"]["file_bytes"]     # with its -wal
equal(told, still, "a report of it is the same as when nobody writes it")
writer.close()

# As somebody who may only read: root may write anywhere, so become nobody.
if os.geteuid() == 0:
    os.chmod(TMP, 0o755)
    folder = path("readonly")
    os.mkdir(folder, 0o755)
    shutil.copy(DONE, os.path.join(folder, "done.db"))
    shutil.copy(LIVE, os.path.join(folder, "live.db"))
    shutil.copy(LIVE + "-wal", os.path.join(folder, "live.db-wal"))
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        result = run("report", "--json", os.path.join(folder, "done.db"), **as_nobody)
    except PermissionError as error:
        skip("read-only folder", f"the build folder is not for everybody: {error}")
    else:
        equal(result.returncode, 0, "a finished file in a read-only folder opens")
        result = run("report", "--json", os.path.join(folder, "live.db"), **as_nobody)
        ok(result.returncode in (0, 3) and (result.returncode == 0 or "-wal" in result.stderr),
           "an unfinished one opens or says what is missing", result.stderr)
        os.chmod(os.path.join(folder, "live.db-wal"), 0)
        result = run("report", os.path.join(folder, "live.db"), **as_nobody)
        ok(result.returncode == 3 and "live.db-wal" in result.stderr,
           "a -wal that may not be read is named", result.returncode, result.stderr)
        os.chmod(os.path.join(folder, "done.db"), 0)
        result = run("report", os.path.join(folder, "done.db"), **as_nobody)
        ok(result.returncode == 3 and "Permission denied" in result.stderr,
           "a file that may not be read", result.stderr)
else:
    skip("read-only folder", "not root: cannot become another user")
done()
