# SPDX-License-Identifier: Apache-2.0
"""Windows of sampled detail hold whole steps, where the program has steps: nothing of one is left out."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

STEPS, KERNELS = 1500, 9
with Session("steps", "--detail=sampled") as s:
    s.do("launch 1", f"steps {STEPS}")
equal(s.one("SELECT count(*) FROM launch"), 1 + KERNELS * STEPS, "every launch is recorded")
equal(s.losses(), {}, "nothing is lost at the edges of windows")

# Each call of a step in its order; the step begins with the copy to the device (copy kind 1).
calls = s.ask("SELECT start_ns, gpu_dur_ns IS NOT NULL, 'launch' FROM launch WHERE id > 1 "
              "UNION ALL SELECT start_ns, gpu_dur_ns IS NOT NULL, 'graph' FROM graph_launch "
              "UNION ALL SELECT start_ns, gpu_dur_ns IS NOT NULL, 'copy ' || (kind & 255) FROM copy "
              "WHERE graph_launch IS NULL ORDER BY 1")
STEP = ["copy 1"] + KERNELS * ["launch"] + ["graph", "copy 2"]
equal([what for _, _, what in calls], STEP * STEPS, "the program made its steps")
first, last = calls[0][0], calls[-1][0]

# The first window opened before anybody could know of steps, the last one may end with the program.
windows = s.ask("SELECT start_ns, end_ns FROM detail WHERE level = 'full' AND cause = 'sample' "
                "AND start_ns > ? AND end_ns < ?", first, last)
ok(len(windows) >= 3, "there were windows", s.ask("SELECT * FROM detail"))
whole = 0
for begin, end in windows:
    inside = [call for call in calls if begin <= call[0] < end]
    steps = len(inside) // len(STEP)
    whole += (all(timed for _, timed, _ in inside) and steps > 0 and
              [what for _, _, what in inside] == STEP * steps)
# A machine that stops the program for a fifth of a second may end the patience of one.
ok(whole >= len(windows) - 1, "windows begin and end with steps, and all of a step is measured",
   f"{whole} of {len(windows)}")
timed = sum(timed for at, timed, _ in calls if windows[0][0] <= at < windows[-1][1])
inside = sum(1 for at, _, _ in calls for begin, end in windows if begin <= at < end)
ok(timed == inside or whole < len(windows), "nothing is measured outside of them", timed, inside)
kernel = [row for row in tap.report_json(s.file)["samples"] if row["kernel"]][0]
equal(kernel["total_ns"], 5000 * (1 + STEPS * (KERNELS + 4)), "and the estimate is the truth")
tap.done()
