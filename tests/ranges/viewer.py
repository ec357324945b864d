# SPDX-License-Identifier: Apache-2.0
"""The viewer's timeline tells in which ranges a piece of work was launched, and idle time began; and of
a range what was launched in it."""
import os
import re
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "analysis"))
from tap import GPUTRAIL, done, equal, path

FILE = path("timeline.db")
STEPS = 24          # of the fixture


def fixture(file, kind):
    subprocess.run([sys.executable, os.path.join(HERE, "..", "tui", "fixture.py"), file, kind], check=True)


def play(file, words):
    """Plays keys; :screen SCREEN is read and comes back, a list of lines each."""
    with open(path("script"), "w", encoding="utf-8") as script:
        script.write("\n".join(words))
    subprocess.run([GPUTRAIL, "tui", "--script", path("script"), "--ascii", file], check=True, timeout=60,
                   env=dict(os.environ, COLUMNS="200", LINES="60", TERM="xterm"),
                   stdin=subprocess.DEVNULL, capture_output=True)
    shown = []
    for word in words:
        if word.startswith(":screen "):
            with open(word[8:], encoding="utf-8") as file:
                shown.append(file.read().splitlines())
    return shown


fixture(FILE, "timeline")
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
shown = play(FILE, ["9", "+", "+", "+", "j", "b", "Enter", f":screen {screens[0]}", "q", "j",
                    "j", "n", "n", "Enter", f":screen {screens[1]}"])
for screen, what in zip(shown, ("idle time", "a kernel")):
    lines = [line for line in screen if re.search(r"\| (In range|  +) +(lib: )?[a-z]+ range", line)]
    equal([("In range" in line, "lib: inner range" in line, "outer range" in line) for line in lines],
          [(True, True, False), (False, False, True)], f"{what}: innermost first, and no others")

# A graph launched in the range around all, whose work comes long after it.
FILE = path("ranges.db")
fixture(FILE, "ranges")
db = sqlite3.connect(FILE)
db.execute("INSERT INTO graph_node (id, graph, node, stream, shape, path) VALUES (1, 1, 1, 1, 1, 1)")
db.executemany("INSERT INTO graph_launch (id, start_ns, dur_ns, gpu_delay_ns, gpu_dur_ns, thread, stream,"
               " graph, nodes, api, path) VALUES (?, ?, 10, 60000000, 1000000, ?, 1, 1, 2, 1, 1)",
               [(1, 47_990_000, 1), (2, 47_990_000, 2)])
db.executemany("INSERT INTO replay (start_ns, gpu_dur_ns, graph_launch, graph_node) VALUES (?, 1234567, ?, 1)",
               [(107_990_000, 1), (109_990_000, 1), (107_990_000, 2)])
db.executemany("INSERT INTO chunk SELECT ?, min(id), max(id), ?, ? FROM replay",
               [("node", 107_990_000, 111_300_000)])
db.commit()
db.close()
screens = path("outermost"), path("next")
shown = play(FILE, ["9", *"jjjjjj", "Enter", f":screen {screens[0]}", "q", *"j+++n",
                    "Enter", f":screen {screens[1]}"])
rows = subprocess.run([GPUTRAIL, "report", FILE, "ranges"], check=True, capture_output=True, text=True,
                      env=dict(os.environ, TERM="dumb")).stdout.splitlines()
for screen, text, label, each in zip(shown, ("serve", "decode"), (":serve", "engine:decode"), (1, STEPS)):
    facts = [[part.strip() for part in line.split("|")[1].split("  ", 1)]
             for line in screen if line.count("|") == 2 and "  " in line.split("|")[1].strip()]
    facts = {fact[0]: fact[1].strip() for fact in facts if len(fact) == 2}
    work, unit, operations = next(row.split()[1:4] for row in rows if row.endswith(" " + label))
    equal((facts.get("Range"), facts.get("Operations launched")), (text, str(int(operations) // each)),
          f"{text}: what was launched in it, as the report counts")
    equal(facts.get("GPU work launched"), f"{work} {unit}" if each == 1 else "575 us",
          f"{text}: and how long that took")
done()
