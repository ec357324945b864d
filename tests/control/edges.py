# SPDX-License-Identifier: Apache-2.0
"""GPU detail that ends and begins while a call has its id and has not reached the driver yet: on a busy
machine that lasts as long as its thread waits for the processor, here for 4 ms of every launch."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

LAUNCHES, CHANGES = 250, 8
for paths in ("native", "off"):
    name = f"call paths {paths}"
    with Session("edges-" + paths, "--callpath=" + paths, env={"SIMCUDA_SUBMIT_NS": "4000000"}) as s:
        s.do("init")
        with s.meanwhile(f"launch {LAUNCHES}"):
            for change in range(CHANGES):
                s.ctl("detail", "full" if change % 2 else "host")
        s.do("launch 1")
    equal(s.one("SELECT count(*) FROM launch"), LAUNCHES + 1, f"{name}: every call")
    levels = s.levels()
    ok(levels.count("host") == levels.count("full") - 1 == CHANGES // 2,
       f"{name}: the file says when", levels)
    equal(s.losses(), {}, f"{name}: no launch misses its times, no times their launch")
tap.done()
