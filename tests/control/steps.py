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

STEPS, KERNELS, WHOLE, TRIES = 1500, 9, 3, 4
# Each call of a step in its order; the step begins with the copy to the device (copy kind 1).
STEP = ["copy 1"] + KERNELS * ["launch"] + ["graph", "copy 2"]
CALLS = ("SELECT start_ns, gpu_dur_ns IS NOT NULL, 'launch' FROM launch WHERE id > 1 "
         "UNION ALL SELECT start_ns, gpu_dur_ns IS NOT NULL, 'graph' FROM graph_launch "
         "UNION ALL SELECT start_ns, gpu_dur_ns IS NOT NULL, 'copy ' || (kind & 255) FROM copy "
         "WHERE graph_launch IS NULL ORDER BY 1")


def is_whole(window):
    inside = [call for call in calls if window[0] <= call[0] < window[1]]
    steps = len(inside) // len(STEP)
    return (all(timed for _, timed, _ in inside) and steps > 0 and
            [what for _, _, what in inside] == STEP * steps)


def is_disturbed(window):
    """The machine kept the program from being regular, before the window or in it: some step took thrice
    what one takes. Then it may not know of steps, or lose the patience to wait for one."""
    begins = [call[0] for call in calls[::len(STEP)]]
    lengths = [after - begin for begin, after in zip(begins, begins[1:])]
    usual = sorted(lengths)[len(lengths) // 2]
    return any(length > 3 * usual for begin, length in zip(begins, lengths)
               if begin + length > window[0] - 1.5e9 and begin < window[1])


for attempt in range(TRIES):
    with Session(f"steps{attempt}", "--detail=sampled") as s:
        s.do("launch 1", f"steps {STEPS}")
    calls = s.ask(CALLS)
    # The first window opened before anybody could know of steps, the last one may end with the program.
    windows = s.ask("SELECT start_ns, end_ns FROM detail WHERE level = 'full' AND cause = 'sample' "
                    "AND start_ns > ? AND end_ns < ?", calls[0][0], calls[-1][0])
    whole = [window for window in windows if is_whole(window)]
    broken = [window for window in windows if window not in whole and not is_disturbed(window)]
    if len(whole) >= WHOLE or broken:
        break
    print(f"# {len(whole)} of {len(windows)} windows are whole, the others disturbed")

equal(s.one("SELECT count(*) FROM launch"), 1 + KERNELS * STEPS, "every launch is recorded")
equal(s.losses(), {}, "nothing is lost at the edges of windows")
equal([what for _, _, what in calls], STEP * STEPS, "the program made its steps")
THERE = "there were windows of whole steps, and all of each step is measured"
if len(whole) < WHOLE <= len(windows) and not broken:
    tap.skip(THERE, "the machine is so busy that no steps were regular")
else:
    ok(len(whole) >= WHOLE, THERE, s.ask("SELECT * FROM detail"))
equal(broken, [], "windows begin and end with steps unless the machine disturbs them")
timed = sum(timed for at, timed, _ in calls if windows[0][0] <= at < windows[-1][1])
inside = sum(1 for at, _, _ in calls for begin, end in windows if begin <= at < end)
ok(timed == inside or len(whole) < len(windows), "nothing is measured outside of them", timed, inside)
kernel = [row for row in tap.report_json(s.file)["samples"] if row["kernel"]][0]
equal(kernel["total_ns"], 5000 * (1 + STEPS * (KERNELS + 4)), "and the estimate is the truth")
tap.done()
