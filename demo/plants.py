# SPDX-License-Identifier: Apache-2.0
"""Which bottlenecks this run plants, how often, and the record of each that was planted."""
import os
import threading
import time

import cuda


class Plants:
    """The causes of --plant; the table is plants.def."""

    def __init__(self, causes=""):
        rows = cuda.read_rows("plants.def", "PLANT")
        table = {name: float(rate) for _, name, _, rate, _ in rows}
        self.places = {name: place for place, name in enumerate(table)}
        self.rates = {}
        for cause in filter(None, causes.split(",")):
            name, _, rate = cause.partition(":")
            if name not in table:
                raise ValueError(f"no plant '{name}'\n'--list-plants' lists them")
            try:
                self.rates[name] = float(rate) if rate else table[name]
            except ValueError:
                self.rates[name] = 0
            if not 0 < self.rates[name] <= 1:
                raise ValueError(f"rate of '{cause}' is not above 0 and at most 1")
        self.lock = threading.Lock()
        self.facts = open_facts("GPUTRAIL_DEMO_PLANTS", "plant")
        self.steps = open_facts("GPUTRAIL_DEMO_STEPS", "step")

    def __contains__(self, name):
        return name in self.rates

    def due(self, occasion):
        """Plants due at an occasion; each has occasions of its own, as in the C server."""
        golden = occasion % 1000003 * 0.6180339887498949
        return frozenset(name for name, rate in self.rates.items()
                         if (golden + self.places[name] * 0.7548776662466927) % 1 < rate)

    def record(self, name, begin_ns, detail=""):
        """The calling thread planted this from begin_ns until now."""
        self.write(self.facts, name, begin_ns, detail)

    def record_step(self, step, begin_ns, detail):
        """The calling thread launched this step from begin_ns until now."""
        self.write(self.steps, step, begin_ns, detail)

    def write(self, file, name, begin_ns, detail):
        """One line."""
        if not file:
            return
        line = f"{name}\t{begin_ns}\t{time.monotonic_ns()}\t{threading.get_native_id()}\t{detail}\n"
        with self.lock:
            file.write(line)

    def close(self):
        """Writes out what is on record."""
        for file in (self.facts, self.steps):
            if file:
                file.close()


def open_facts(variable, what):
    """The file that a variable names, with a line that tells what is in it; None: not wanted."""
    path = os.environ.get(variable)
    if not path:
        return None
    file = open(path, "w", encoding="utf-8")
    file.write(f"# {what}\tbegin_ns\tend_ns\tthread\tdetail\n")
    return file


def host_work(duration_ns):
    """Keeps the calling thread on its CPU."""
    end_ns = time.monotonic_ns() + duration_ns
    while time.monotonic_ns() < end_ns:
        pass
