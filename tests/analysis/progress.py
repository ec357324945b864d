# SPDX-License-Identifier: Apache-2.0
"""Whatever takes long tells on a terminal how far it is, and says nothing where there is none."""
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from tap import GPUTRAIL, done, ok, path, run
import fixture

ROWS = 150_000


def changed(name, *statements):
    """A copy of the recording, changed."""
    file = path(name)
    shutil.copyfile(BIG, file)
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return file


def many(rows):
    return f"WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "


BIG = path("small.db")
fixture.small(BIG)
BIG = changed("big.db", many(ROWS) + "INSERT INTO launch (id, start_ns, dur_ns, gpu_delay_ns, "
              "gpu_dur_ns, thread, stream, shape) SELECT i, i * 9, 5, 5, 5, 1, 1, 1 FROM n")
KILLED = changed("killed.db", "UPDATE meta SET value = 'recording' WHERE key = 'state'",
                 "UPDATE meta SET value = 0 WHERE key = 'collector_pid'")
NAMELESS = changed("nameless.db", "INSERT OR IGNORE INTO module (id, path) VALUES (900, '/nowhere')",
                   many(4 * ROWS) + "INSERT INTO frame (id, kind, module, address) "
                   "SELECT i, 'native', 900, i FROM n")
PATHS = changed("paths.db", many(ROWS) + "INSERT INTO frame (id, kind, symbol) "
                "SELECT i, 'native', 'f' || i FROM n", many(ROWS) + "INSERT OR IGNORE INTO path "
                "SELECT i, iif(i % 20, i - 1, 0), i FROM n", many(ROWS) + "INSERT OR IGNORE INTO sum_path "
                "(path, launches, gpu_ns, calls) SELECT i, 1, i, 1 FROM n")
TRACE = path("trace.json")
ok(run("export", "--trace", "-o", TRACE, BIG).returncode == 0, "a trace to import")


def read_some(fd, wait):
    """What is there; None at the end."""
    if not select.select([fd], [], [], wait)[0]:
        return b""
    try:
        return os.read(fd, 65536) or None
    except OSError:
        return None


def told(*args):
    """Exit status and what it writes to a terminal: it is stopped again and again until it says
    something, so that it takes long on any machine."""
    leader, follower = os.openpty()
    process = subprocess.Popen([GPUTRAIL, *args], stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    text = b""
    while (more := read_some(leader, 0.01)) is not None:
        text += more
        if b"\r" not in text and process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            process.send_signal(signal.SIGCONT)
    os.close(leader)
    return process.wait(), text.decode()


for what, words, args in (
        ("report", ("looking for what costs time",), ("report", BIG)),
        ("report --json", ("reading",), ("report", "--json", BIG)),
        ("steps", ("looking for steps",), ("report", BIG, "steps")),
        ("idle time", ("looking at idle time",), ("report", BIG, "bubbles")),
        ("call paths", ("call paths",), ("report", PATHS, "callpaths")),
        ("CSV", ("cuda_api_sum",), ("export", "--csv=cuda_api_sum", BIG)),
        ("the trace", ("trace",), ("export", "--trace", BIG)),
        ("the page", ("page",), ("export", "--html", BIG)),
        ("folded stacks", ("call paths",), ("export", "--folded", PATHS)),
        ("diff", ("big.db",), ("diff", BIG, BIG)),
        ("import", ("reading", "sorting and writing"), ("import", TRACE, "-o", path("imported.db"))),
        ("symbolise", ("naming frames",), ("symbolise", NAMELESS)),
        ("recover", ("reading rows", "adding up call paths"), ("recover", KILLED))):
    code, text = told(*args)
    lines = text.split("\r")
    ok(code == 0 and any(word + ": " in text for word in words) and "\r\x1b[K" in text and
       not any(word in lines[-1] for word in words), f"{what}: progress, cleared at the end", code,
       text[-300:])
quiet = run("report", "--json", BIG)
ok("\r" not in quiet.stdout + quiet.stderr, "nothing of it where there is no terminal")
done()
