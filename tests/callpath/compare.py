# SPDX-License-Identifier: Apache-2.0
"""Compares a recording with the stacks that its programs wrote down by launching.py. Prints TAP lines.
Usage: compare.py RECORDING TRUTH NUMBER-OF-THE-LAST-TEST"""
import glob
import json
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
truth = {}
for name in glob.glob(sys.argv[2] + ".*"):
    first = int(name.rsplit(".", 1)[1])
    truth.update(enumerate(json.load(open(name)), first))
number = int(sys.argv[3])
frames = {row[0]: row[1:] for row in database.execute("SELECT id, kind, symbol, file, line FROM frame")}
paths = {row[0]: row[1:] for row in database.execute("SELECT id, parent, frame FROM path")}


def path_frames(path):
    result = []
    while path:
        path, frame = paths[path]
        result.append(frames[frame])
    return result[::-1]


def ok(condition, name):
    global number
    number += 1
    print("%sok %d - %s" % ("" if condition else "not ", number, name))


launches = list(database.execute(
    "SELECT h.grid_x, l.path FROM launch l JOIN shape h ON h.id = l.shape"))
ok(len(launches) == len(truth) and {x for x, _ in launches} == set(truth),
   "every launch is recorded once (%d)" % len(launches))
different = no_native = outer = 0
for grid, path in launches:
    frames_here = path_frames(path)
    got = [[file, line, name.rsplit(".", 1)[-1]] for kind, name, file, line in frames_here
           if kind == "python"]
    if got != [list(f) for f in truth[grid]]:
        different += 1
        if different == 1:
            print("# want", truth[grid], "\n# got ", got)
    kinds = [kind for kind, *_ in frames_here]
    # The launch went through ctypes: native frames stand inside of the last Python frame, and
    # the thread's start outside of the first.
    no_native += kinds[-1] != "native"
    outer += kinds[0] == "python"
ok(different == 0, "Python frames equal traceback.extract_stack()")
ok(no_native == 0, "the innermost frame is native")
ok(outer == 0, "the outermost frame is native")
sums = database.execute("SELECT sum(launches), sum(gpu_ns) FROM sum_path").fetchone()
rows = database.execute("SELECT count(*), sum(gpu_dur_ns) FROM launch").fetchone()
ok(tuple(sums) == tuple(rows), "sum_path adds up to the launches (%s, %s)" % (sums, rows))
chains = {}
for row in database.execute("SELECT c.id, s.value, m.value, unresolved, originalIP FROM CUDA_CALLCHAINS c"
                            " JOIN StringIds s ON s.id = c.symbol LEFT JOIN StringIds m ON m.id = c.module"
                            " ORDER BY c.id, stackDepth DESC"):
    chains.setdefault(row[0], []).append(row[1:])
wrong = 0
for path in paths:
    want = path_frames(path)
    got = chains.get(path, [])
    wrong += len(got) != len(want)
    for (kind, name, file, line), (symbol, module, unresolved, _) in zip(want, got):
        wrong += unresolved != (name is None) or (name is not None and symbol != name)
        wrong += kind == "python" and module != "%s:%d" % (file, line)
ok(wrong == 0 and chains, "CUDA_CALLCHAINS has all frames of all paths (%d)" % len(paths))
