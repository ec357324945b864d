# SPDX-License-Identifier: Apache-2.0
"""Runs inside of embed.c, which gives it launch_native(), first and truth. No module that is a library of
its own: those do not find a libpython that was loaded privately."""
import json
import traceback

stacks = []


def launch():
    number = first + len(stacks)
    stack = traceback.extract_stack(); launch_native(number)
    stacks.append([[f.filename, f.lineno, f.name] for f in stack])


def walk(depth):
    if depth:
        return [walk(depth - 1) for _ in (1,)]
    launch()


def generate(depth):
    yield walk(depth)


for i in range(12):
    sorted([i % 4], key=lambda depth: list(generate(depth)) and 0)
with open("%s.%d" % (truth, first), "w") as out:
    json.dump(stacks, out)
