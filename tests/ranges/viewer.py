# SPDX-License-Identifier: Apache-2.0
"""The viewer's timeline tells in which ranges a piece of work was launched, and idle time began."""
import os
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "analysis"))
from tap import GPUTRAIL, done, equal, path

FILE = path("timeline.db")
subprocess.run([sys.executable, os.path.join(HERE, "..", "tui", "fixture.py"), FILE, "timeline"],
               check=True)
db = sqlite3.connect(FILE)
threads = [thread for (thread,) in db.execute("SELECT id FROM thread")]
last = db.execute("SELECT max(start_ns) FROM launch").fetchone()[0]
db.executemany("INSERT INTO label (id, process, domain, text) VALUES (?, 1, ?, ?)",
               [(1, None, "outer range"), (2, "lib", "inner range"), (3, None, "another thread"),
                (4, None, "over by then")])
for thread in threads:
    db.executemany("INSERT INTO range (start_ns, dur_ns, thread, kind, label) VALUES (?, ?, ?, 1, ?)",
                   [(0, last + 1, thread, 1), (1, last, thread, 2), (0, 1, thread, 4)])
db.execute("INSERT INTO range (start_ns, dur_ns, thread, kind, label) VALUES (0, ?, 99, 1, 3)", (last,))
db.commit()
# Half of them in the zone map, half behind its last chunk.
db.execute("INSERT INTO chunk VALUES ('range', 1, 2, 0, ?)", (last + 2,))
db.commit()
db.close()

screens = path("idle"), path("event")
with open(path("script"), "w", encoding="utf-8") as script:
    script.write("\n".join(["9", "+", "+", "+", "j", "b", "Enter", f":screen {screens[0]}", "q", "j",
                            "j", "n", "n", "Enter", f":screen {screens[1]}"]))
subprocess.run([GPUTRAIL, "tui", "--script", path("script"), "--ascii", FILE], check=True, timeout=60,
               env=dict(os.environ, COLUMNS="200", LINES="60", TERM="xterm"),
               stdin=subprocess.DEVNULL, capture_output=True)
for screen, what in zip(screens, ("idle time", "a kernel")):
    with open(screen, encoding="utf-8") as file:
        text = file.read()
    lines = [line for line in text.splitlines() if "range" in line]
    equal([("In range" in line, "lib: inner range" in line, "outer range" in line) for line in lines],
          [(True, True, False), (False, False, True)], f"{what}: innermost first, and no others")
done()
