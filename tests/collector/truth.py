# SPDX-License-Identifier: Apache-2.0
"""Compares a recording with the truth file of the simulated driver: everything once, same times.

usage: truth.py FILE.db TRUTH...      prints differences, exit 1 if there are any
"""
import collections
import csv
import sqlite3
import sys


COPIES = ("unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD", "HtoH", "PtoP")


def read_truth(paths):
    seen = collections.defaultdict(collections.Counter)
    for path in paths:
        with open(path, newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                kind = row["kind"]
                times = (int(row["start_ns"]), int(row["end_ns"]))
                if kind == "kernel":
                    seen["kernel"][(row["name"], row["grid"], row["block"]) + times] += 1
                elif kind == "copy":
                    seen["copy"][(COPIES.index(row["copy_kind"]), int(row["bytes"])) + times] += 1
                elif kind == "set":
                    seen["set"][(int(row["bytes"]),) + times] += 1
                elif kind == "alloc" and row["status"] == "done":
                    seen["alloc"][int(row["address"], 16), int(row["bytes"])] += 1
                elif kind == "free" and row["status"] == "done":
                    seen["free"][int(row["address"], 16)] += 1
    return seen


SHAPE = ("k.mangled, s.grid_x||','||s.grid_y||','||s.grid_z, "
         "s.block_x||','||s.block_y||','||s.block_z")
JOIN = "LEFT JOIN shape s ON s.id = e.shape LEFT JOIN kernel k ON k.id = s.kernel"


def read_file(path):
    db = sqlite3.connect(path)
    origin = int(db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()[0])
    seen = collections.defaultdict(collections.Counter)
    for source in (f"SELECT {SHAPE}, e.start_ns + e.gpu_delay_ns, e.gpu_dur_ns FROM launch e {JOIN}",
                   f"SELECT {SHAPE}, e.start_ns, e.gpu_dur_ns FROM node e {JOIN}",
                   f"SELECT {SHAPE}, e.start_ns, e.dur_ns FROM orphan e {JOIN} WHERE e.kind = 0"):
        for name, grid, block, start, dur in db.execute(source):
            if start is None:
                seen["kernel"][(name, grid, block, None, None)] += 1
            else:
                seen["kernel"][(name, grid, block, origin + start, origin + start + dur)] += 1
    for kind, size, start, dur in db.execute(
            "SELECT kind & 255, bytes, start_ns + gpu_delay_ns, gpu_dur_ns FROM copy"):
        times = (None, None) if start is None else (origin + start, origin + start + dur)
        if kind == 64:
            seen["set"][(size,) + times] += 1
        else:
            seen["copy"][(kind, size) + times] += 1
    for op, address, size in db.execute("SELECT op, address, bytes FROM memory WHERE op IN (1, 2)"):
        if op == 1:
            seen["alloc"][address, size] += 1
        else:
            seen["free"][address] += 1
    return seen


def main():
    truth, file = read_truth(sys.argv[2:]), read_file(sys.argv[1])
    wrong = 0
    for kind in ("kernel", "copy", "set", "alloc", "free"):
        missing, extra = truth[kind] - file[kind], file[kind] - truth[kind]
        print(f"# {kind}: {sum(truth[kind].values())} in truth, {sum(missing.values())} missing, "
              f"{sum(extra.values())} extra")
        for what, items in (("missing", missing), ("extra", extra)):
            for item, count in list(items.items())[:3]:
                print(f"#   {what} {count}x {item}")
        wrong += bool(missing or extra)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
