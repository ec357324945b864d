# SPDX-License-Identifier: Apache-2.0
"""Detail for a part of the time: calls stay complete, totals are estimated and say how well."""
import os
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()


def until(session, level, work):
    """Works until that is taken; the number of times."""
    times = 0
    end = time.monotonic() + 60
    while f"taken now: {level}" not in session.ctl("status") and time.monotonic() < end:
        session.do(*work)
        times += 1
    return times


def groups(s):
    """Of how many random groups of seconds (collector/estimate.c) work was measured: of the launches,
    and of the graph's. A bound needs two; a short window on a busy machine may have neither."""
    db = sqlite3.connect(s.file)
    origin = int(db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()[0])
    found = []
    for table in ("launch", "graph_launch"):
        rows = db.execute(f"SELECT DISTINCT ({origin} + start_ns) / 1000000000 FROM {table} "
                          "WHERE gpu_dur_ns IS NOT NULL")
        found.append(len({second * 0x9e3779b97f4a7c15 % 2**64 >> 60 for second, in rows}))
    db.close()
    return min(found)


WORK = ("launch 50", "replay 10", "copy 5")
for detail, options in (("sampled", ()), ("auto", ("--max-overhead=0.0001%",))):
    with Session(detail, f"--detail={detail}", *options) as s:
        rounds = 0
        for level in ("full", "host", "full", "host", "full", "host"):
            s.do(*WORK)
            rounds += 1 + until(s, level, WORK)
        end = time.monotonic() + 60
        while groups(s) < 2 and time.monotonic() < end:
            s.do(*WORK)
            rounds += 1
        status = s.ctl("status")
    equal(s.ask("SELECT (SELECT count(*) FROM launch), (SELECT count(*) FROM graph_launch), "
                "(SELECT count(*) FROM copy WHERE graph_launch IS NULL)")[0],
          (50 * rounds, 10 * rounds, 5 * rounds), f"{detail}: every call")
    timed = s.one("SELECT count(gpu_dur_ns) FROM launch")
    ok(0 < timed < 50 * rounds, f"{detail}: GPU times of a part", timed, 50 * rounds)
    levels = s.levels()
    ok({"full", "host"} == set(levels) and len(levels) >= 6, f"{detail}: the file says when", levels)
    equal(s.losses(), {}, f"{detail}: nothing is lost at the edges")
    # The kernel takes 5 us whenever it runs: the estimate is the truth to the nanosecond.
    report = tap.report_json(s.file)
    kernel = [row for row in report["samples"] if row["kernel"]][0]
    equal(kernel["total_ns"], 5000 * (50 * rounds + 40 * rounds), f"{detail}: estimated total")
    ok(kernel["error_ns"] is not None and kernel["error_ns"] <= 0.01 * kernel["total_ns"],
       f"{detail}: and its bound", kernel)
    ok(kernel["measured_ns"] < kernel["total_ns"] and kernel["missing"] > 0,
       f"{detail}: told apart from what was measured", kernel)
    ok(any("memcpy" in row["name"] for row in report["samples"]), f"{detail}: copies, too")
    counters = s.counters()
    ok(counters["overhead_hook_ns"] > 0 and counters["overhead_thread_ns"] > 0,
       f"{detail}: the recorder's own cost is in the file", counters)
    text = tap.run("report", s.file).stdout
    ok("Estimated from samples" in text and "taken" in text, f"{detail}: the report says so", text)
    ok("sampling" in status and ("budget" in status) == (detail == "auto"), f"{detail}: so does ctl",
       status)

# A budget that all of it fits in: always on.
with Session("rich", "--detail=auto", "--max-overhead=100%") as s:
    s.do("launch 5")
    until(s, "host", ())
    until(s, "full", ())
    time.sleep(1.2)
    s.ctl("mark", "steady")
    s.do("launch 20")
steady = s.one("SELECT start_ns FROM mark")
equal(s.one("SELECT count(gpu_dur_ns) FROM launch WHERE start_ns > ?", steady), 20,
      "auto: with budget enough there are no pauses")
result = tap.run("record", "--max-overhead=2%", "--", "true")
ok(result.returncode == 2 and "budget of" in result.stderr, "a budget needs --detail=auto")
result = tap.run("record", "--detail=auto", "--max-overhead=0", "--", "true")
ok(result.returncode == 2 and "above 0" in result.stderr, "and is above 0")
tap.done()
