#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a recording any number of call paths, up to 24 frames deep, for measuring what reads them.

usage: many_paths.py RECORDING.db [PATHS]       200,000 instead of those that it has
"""
import random
import sqlite3
import sys

FRAMES = 2_000
DEPTH = 24
NEAR = 4_000        # a new branch leaves one of as many paths before it


def paths(count, rng):
    depth = [0]
    for path in range(1, count + 1):
        parent = path - 1
        if depth[parent] >= DEPTH or rng.random() > 0.7:
            parent = rng.randrange(max(0, path - NEAR), path)
        while depth[parent] >= DEPTH:
            parent = rng.randrange(path)
        depth.append(depth[parent] + 1)
        yield path, parent, rng.randrange(FRAMES) + 1


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    rng = random.Random(1)
    with sqlite3.connect(sys.argv[1]) as db:
        for table in "path", "frame", "sum_path":
            db.execute(f"DELETE FROM {table}")
        db.executemany("INSERT INTO frame (id, kind, symbol, file, line) VALUES (?, 'python', ?, 'model.py', ?)",
                       ((i, f"f{i}", i) for i in range(1, FRAMES + 1)))
        db.executemany("INSERT INTO path (id, parent, frame) VALUES (?, ?, ?)", paths(count, rng))
        db.executemany("INSERT INTO sum_path (path, launches, gpu_ns, host_ns, calls, copy_bytes, alloc_bytes,"
                       " replay_gpu_ns) VALUES (?, 1, ?, 900, 2, 0, 0, 0)",
                       ((i, rng.randrange(1, 9_000)) for i in range(1, count + 1)))


if __name__ == "__main__":
    main()
