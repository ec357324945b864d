# SPDX-License-Identifier: Apache-2.0
"""Reads folded stacks and a pprof profile with a reader of its own: totals are the recording's."""
import collections
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
number = 0


def ok(condition, name):
    global number
    number += 1
    print("%sok %d - %s" % ("" if condition else "not ", number, name))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            at += length
            if len(value) != length:
                raise ValueError("cut")
        else:
            raise ValueError("wire type %d" % (key & 7))
        yield key >> 3, value


def packed(data):
    at, values = 0, []
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def message(data):
    result = collections.defaultdict(list)
    for field, value in fields(data):
        result[field].append(value)
    return result


profile = message(open(sys.argv[2], "rb").read())
texts = [t.decode() for t in profile[6]]
types = [tuple(texts[message(t)[i][0]] for i in (1, 2)) for t in profile[1]]
functions = {m[1][0]: (texts[m[2][0]], texts[m[4][0]]) for m in map(message, profile[5])}
locations = {}
for location in map(message, profile[4]):
    lines = [message(line) for line in location[4]]
    locations[location[1][0]] = [functions[line[1][0]][0] for line in lines]
ok(texts[0] == "", "string 0 is empty")
ok(len(set(types)) == len(types) and ("gpu_time", "nanoseconds") in types, "sample types: %s" % types)
totals = [0] * len(types)
stacks = collections.Counter()
for sample in map(message, profile[2]):
    values = packed(b"".join(sample[2]))
    ids = packed(b"".join(sample[1]))
    if len(values) != len(types) or not ids or any(i not in locations for i in ids):
        raise ValueError("sample")
    totals = [a + b for a, b in zip(totals, values)]
    stacks[tuple(locations[i][0] for i in reversed(ids))] += values[types.index(("gpu_time", "nanoseconds"))]
columns = {"gpu_time": "gpu_ns", "host_time": "host_ns", "launches": "launches", "calls": "calls",
           "copied": "copy_bytes", "allocated": "alloc_bytes"}
for (name, _), total in zip(types, totals):
    if name in columns:
        want = database.execute("SELECT coalesce(sum(%s), 0) FROM sum_path WHERE path > 0"
                                % columns[name]).fetchone()[0]
        ok(total == want, "pprof: %s adds up to sum_path (%d, %d)" % (name, total, want))
folded, shapes = 0, True
for line in open(sys.argv[3]):
    stack, value = line.rsplit(" ", 1)
    shapes = shapes and all(stack.split(";"))
    folded += int(value)
gpu = totals[types.index(("gpu_time", "nanoseconds"))]
ok(shapes and folded == gpu > 0, "folded: GPU time adds up too (%d)" % folded)
ok(sum(stacks.values()) == gpu and len(stacks) > 10, "%d different stacks" % len(stacks))
ok(any("serve" in f or "main" in f for s in stacks for f in s), "with the program's functions")
print("1..%d" % number)
