# SPDX-License-Identifier: Apache-2.0
"""Which bottlenecks this run plants, how often, and the record of each that was planted."""
import os
import threading
import time

import cuda


class Plants:
    """The causes of --plant; the table is plants.def."""

    def __init__(self, causes=""):
        table = {name: float(rate)
                 for _, name, _, rate, _ in cuda.read_rows("plants.def", "PLANT")}
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
        path = os.environ.get("GPUTRAIL_DEMO_PLANTS")
        self.lock = threading.Lock()
        self.facts = open(path, "w", encoding="utf-8") if path else None
        if self.facts:
            self.facts.write("# plant\tbegin_ns\tend_ns\tthread\tdetail\n")

    def __contains__(self, name):
        return name in self.rates

    def due(self, occasion):
        """Plants due at an occasion: those of equal rate together."""
        place = (occasion % 1000003 * 0.6180339887498949) % 1
        return frozenset(name for name, rate in self.rates.items() if place < rate)

    def record(self, name, begin_ns, detail=""):
        """The calling thread planted this from begin_ns until now."""
        if not self.facts:
            return
        line = f"{name}\t{begin_ns}\t{time.monotonic_ns()}\t{threading.get_native_id()}\t{detail}\n"
        with self.lock:
            self.facts.write(line)

    def close(self):
        """Writes out what is on record."""
        if self.facts:
            self.facts.close()


def host_work(duration_ns):
    """Keeps the calling thread on its CPU."""
    end_ns = time.monotonic_ns() + duration_ns
    while time.monotonic_ns() < end_ns:
        pass
