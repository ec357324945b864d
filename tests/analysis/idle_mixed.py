#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Causes of idle time planted together, at several rates: each is told apart from the others, by time."""
import os
import sys

from idle_plants import PLANTS
from idle_truth import TRIES, Recorded, Score, taken

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 80
# Rates at which each has some steps without another's in them and beside them.
MIXES = (
    ("small-copies:0.1", "sync-readback:0.15", "host-slow:0.2"),
    ("pageable-copies:0.2", "host-slow:0.05", "jit-in-loop:0.15"),
    ("host-slow:0.3", "alloc-in-loop:0.4", "graph-recapture:0.15"),
    ("sync-readback:0.15", "fragmentation:0.1", "request-gaps"),
)
BY_NAME = {row[0]: row for row in PLANTS}


def alone(how, others):
    """Intervals that another plant took a part of, too, count for nobody."""
    def is_planted(run, start, end, op, plant):
        mine = how(run, start, end, op, plant)
        thread = op["tid"]
        parts = [taken(run, start, end, None if other == "request-gaps" else thread, other)
                 for other in others]
        beside = any(ns > 0.02 * (end - start) or was_held for ns, was_held in parts)
        return None if mine and beside else mine
    return is_planted


def check(mix):
    names = [name.split(":")[0] for name in mix]
    for _ in range(TRIES):
        run = Recorded(",".join(mix), STEPS)
        scores = []
        for name in names:
            _, cause, how, reasons, _, _ = BY_NAME[name]
            how = alone(how, [other for other in names if other != name])
            scores.append(Score(run, name, cause, how, reasons))
            print(f"# {name} of {', '.join(mix)}: {scores[-1]}")
        if all(score.holds() for score in scores):
            break
    for name, score in zip(names, scores):
        score.check(f"{name} beside {', '.join(other for other in names if other != name)}")


if __name__ == "__main__":
    skip_without_simulator()
    for row in MIXES:
        check(row)
    tap.done()
