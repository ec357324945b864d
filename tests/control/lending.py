# SPDX-License-Identifier: Apache-2.0
"""Another tool in the process traces with CUPTI: it gets all of it, and gputrail the rest of the time."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import PROGRAM, Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

LINKED = os.path.join(os.path.dirname(PROGRAM), "control-linked")


def until(session, words):
    """Waits until that is taken."""
    end = time.monotonic() + 60
    while f"taken now: {words}" not in session.ctl("status") and time.monotonic() < end:
        time.sleep(0.05)


for name, program in (("looked up", PROGRAM), ("linked", LINKED)):
    # The program itself checks that it gets each of its kernels, with times by its own clock.
    with Session(name, program=(program,)) as s:
        s.do("launch 5", "profile", "launch 7", "profiled 7", "launch 11")
        until(s, "full")
        s.do("launch 13", "profile", "launch 17", "replay 2", "profiled 25")
        until(s, "full")
        s.do("launch 19")
    equal(s.status, 0, f"{name}: the tool sees what it would without gputrail")
    equal(s.one("SELECT count(*) FROM launch"), 5 + 7 + 11 + 13 + 17 + 19, f"{name}: every call")
    equal(s.one("SELECT count(gpu_dur_ns) FROM launch"), 5 + 13 + 19, f"{name}: GPU times of the rest")
    equal(s.one("SELECT max(gpu_dur_ns) FROM launch"), 5000, f"{name}: and right ones")
    equal(s.levels(), ["full", "host", "full", "host", "full"], f"{name}: the file says when")
    equal([cause for cause, in s.ask("SELECT cause FROM detail ORDER BY id")],
          ["start", "lent", "back", "lent", "back"], f"{name}: and why")
    equal(s.losses(), {}, f"{name}: nothing is lost")

with Session("first", program=(LINKED,)) as s:
    s.do("profile", "launch 7", "profiled 7", "launch 1")
    until(s, "full")
    s.do("launch 3")
equal(s.status, 0, "a tool that was first: sees what it would without gputrail")
equal((s.one("SELECT count(*) FROM launch"), s.one("SELECT count(gpu_dur_ns) FROM launch")), (11, 3),
      "a tool that was first: GPU times afterwards")
equal(s.levels(), ["host", "full"], "a tool that was first: the file says when")
equal(s.losses(), {}, "a tool that was first: nothing is lost")

with Session("to the end", program=(LINKED,)) as s:
    s.do("launch 2", "profile", "launch 7")
note = s.one("SELECT backend_note FROM process")
ok("control-linked uses CUPTI" in note, "one that does not end: the file says who", note)
equal(s.one("SELECT count(gpu_dur_ns) FROM launch"), 2, "one that does not end: GPU times until then")

# One that subscribes may do so for good: events stand in for what it has.
with Session("subscribed") as s:
    s.do("launch 3", "subscribe other", "launch 640")
    until(s, "events")
    s.do("launch 640", "release")
    until(s, "full")
    s.do("launch 5")
taken = s.one("SELECT count(gpu_dur_ns) FROM launch WHERE id > 643 AND id <= 1283")
ok(10 < taken < 120, "a subscriber: GPU times of a sixteenth", taken)
equal(s.levels(), ["full", "host", "events", "full"], "a subscriber: the file says when")
equal({key: value for key, value in s.losses().items() if key != "cupti_refused"}, {},
      "a subscriber: nothing is lost")

# While detail is sampled anyway.
with Session("sampled", "--detail=sampled", program=(LINKED,)) as s:
    s.do("launch 5", "profile", "launch 7", "profiled 7")
    time.sleep(1.5)
    s.do("launch 3")
    until(s, "full")
equal(s.status, 0, "sampled: the tool sees what it would without gputrail")
equal(s.losses(), {}, "sampled: nothing is lost")
tap.done()
