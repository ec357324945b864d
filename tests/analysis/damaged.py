# SPDX-License-Identifier: Apache-2.0
"""Files that are not recordings, or no longer whole: a clear message and exit status 3."""
import os
import shutil
import sqlite3
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, run
import fixture

GOOD = path("good.db")
fixture.random_run(GOOD, 3, 300)
RAW = open(GOOD, "rb").read()


def refused(name, wanted, what, commands=(("info",), ("report",), ("report", "--json"),
                                          ("export", "--csv=cuda_gpu_trace"))):
    for command in commands:
        result = run(*command, name)
        label = f"{what}: {' '.join(command)}"
        equal(result.returncode, 3, f"{label}: exit status 3")
        ok(wanted in result.stderr and result.stderr.startswith("gputrail: "), f"{label}: says so",
           result.stderr)


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data)
    return path(name)


refused(path("missing.db"), "No such file", "missing")
os.mkdir(path("folder"))
refused(path("folder"), "is a directory", "a folder")
refused("/dev/null", "not a regular file", "a device")
refused(write("empty.db", b""), "is empty", "empty")
refused(write("text.db", b"hello, this is a text file\n"), "not a gputrail file", "text")
refused(write("short.db", b"SQLite f"), "not a gputrail file", "cut in the magic")
other = path("other.db")
db = sqlite3.connect(other)
db.execute("CREATE TABLE t (x)")
db.commit()
db.close()
refused(other, "not one of gputrail", "somebody else's SQLite file")

newer = path("newer.db")
shutil.copy(GOOD, newer)
db = sqlite3.connect(newer)
db.execute("PRAGMA user_version = 1000")
db.commit()
db.close()
refused(newer, "schema version 1000", "a newer schema")

lacking = path("lacking.db")
shutil.copy(GOOD, lacking)
db = sqlite3.connect(lacking)
db.execute("DROP TABLE sum_kernel")
db.commit()
db.close()
refused(lacking, "no table 'sum_kernel'", "a table that is not there")

view = path("view.db")
shutil.copy(GOOD, view)
db = sqlite3.connect(view)
db.execute("DROP TABLE sum_kernel")
db.execute("CREATE VIEW sum_kernel AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) "
           "SELECT x AS process, x AS device, x AS shape FROM n")
db.commit()
db.close()
refused(view, "no table 'sum_kernel'", "an endless view in place of a table")

column = path("column.db")
shutil.copy(GOOD, column)
db = sqlite3.connect(column)
db.execute("ALTER TABLE sum_kernel RENAME COLUMN total_ns TO something")
db.commit()
db.close()
refused(column, "total_ns", "a column that is not there", (("report",), ("report", "--json")))

for size in (100, 1000, 4096, len(RAW) // 2, len(RAW) - 4096):
    name = write(f"cut{size}.db", RAW[:size])
    result = run("report", "--recount", "--json", name)
    ok(result.returncode == 3 and "damaged" in result.stderr, f"cut after {size} bytes",
       result.returncode, result.stderr)
    equal(result.stdout, "", f"cut after {size} bytes: no half an object")
garbage = RAW[:100] + bytes((b * 7 + 13) & 255 for b in RAW[100:])
refused(write("garbage.db", garbage), "damaged", "garbage after the header")

# Words instead of numbers, negative and huge numbers: nonsense in, no crash.
nonsense = path("nonsense.db")
shutil.copy(GOOD, nonsense)
db = sqlite3.connect(nonsense)
EVENTS = ("launch", "copy", "replay", "graph_node", "shape")
for table in EVENTS + ("sum_kernel", "sum_device", "sum_copy", "sum_api"):
    columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
    for i, column in enumerate(columns):
        if column == "id":
            continue
        value = ["'word'", "-9223372036854775808", "9223372036854775807", "NULL", "1e300",
                 "x'00ff'"][i % 6]
        some = f" WHERE rowid % 3 = {i % 3}" if table in EVENTS else ""
        try:
            db.execute(f"UPDATE OR IGNORE {table} SET {column} = {value}{some}")
        except sqlite3.IntegrityError:
            pass            # an INTEGER PRIMARY KEY takes numbers only
db.commit()
db.close()
for command in (("info",), ("report",), ("report", "--json"), ("report", "--recount"),
                ("export", "--csv=all", "-f", "-o", path("out")),
                ("export", "--trace", "-f", "-o", path("out.json.gz")), ("export", "--html"),
                ("export", "--openmetrics")):
    result = run(*command, nonsense)
    ok(result.returncode in (0, 3), f"nonsense: {' '.join(command[:2])} does not crash",
       result.returncode, result.stderr)
done()
