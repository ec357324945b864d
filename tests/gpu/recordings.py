# SPDX-License-Identifier: Apache-2.0
"""Recording a program, and the figures that the checks are about."""
import json
import os
import sqlite3
import statistics
import subprocess
import time

LIMIT_S = 120


class Said:
    """What a program says that a recording of it must hold: program.h has the words."""

    def __init__(self, text):
        self.kernels, self.facts, self.events, self.copies = {}, {}, [], None
        self.sets = self.graph_launches = 0
        self.used = self.skip = None
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            parts = rest.split()
            if word == "kernels":
                self.kernels[parts[0]] = self.kernels.get(parts[0], 0) + int(parts[1])
            elif word == "copies":
                self.copies = (int(parts[0]), int(parts[1]))
            elif word == "sets":
                self.sets += int(parts[0])
            elif word == "graph_launches":
                self.graph_launches += int(parts[0])
            elif word == "event":
                self.events.append(float(parts[1]))
            elif word == "used":
                self.used = int(parts[0])
            elif word == "skip":
                self.skip = rest
            elif word == "fact":
                self.facts[parts[0]] = " ".join(parts[1:])


class Recording:
    """A recorded run: its file, what it printed, how it ended, how long it took."""

    def __init__(self, place, name, command, *options, environment=None, timeout=LIMIT_S):
        self.file = os.path.join(place.scratch, name + ".db")
        simulated = ["--sim"] if place.simulated else []
        if os.path.exists(self.file):
            os.unlink(self.file)
        start = time.monotonic()
        result = place.run(
            [place.tool, "record", "-f", "-q", "-o", self.file, *simulated, *options, "--", *command],
            timeout, place.environment(command, **(environment or {})))
        self.seconds = time.monotonic() - start
        self.status, self.output, self.errors = result.returncode, result.stdout, result.stderr
        self.said = Said(self.output)
        self.place = place
        self._db = None

    def exists(self):
        """A program that never used CUDA leaves no file."""
        return os.path.exists(self.file)

    @property
    def db(self):
        if self._db is None:
            self._db = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
        return self._db

    def one(self, sql, *values):
        row = self.db.execute(sql, values).fetchone()
        return row[0] if row else None

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def counter(self, *names):
        marks = ",".join("?" * len(names))
        return self.one(f"SELECT coalesce(sum(value), 0) FROM counter WHERE name IN ({marks})", *names)

    def report(self):
        result = subprocess.run([self.place.tool, "report", "--json", self.file],
                                capture_output=True, text=True, check=False)
        return json.loads(result.stdout)

    # Figures --------------------------------------------------------------------------------------
    def kernel_count(self, name):
        """Executions of kernels with this in their name, inside graphs or not."""
        return sum(self.one(
            f"SELECT count(*) FROM {table} e JOIN shape s ON s.id = e.shape"
            " JOIN kernel k ON k.id = s.kernel WHERE k.name LIKE ?", f"%{name}%")
            for table in ("launch", "node", "orphan"))

    def kernel_times(self, name):
        """GPU times in ns, in order."""
        return [row[0] for row in self.rows(
            "SELECT gpu_dur_ns FROM launch l JOIN shape s ON s.id = l.shape"
            " JOIN kernel k ON k.id = s.kernel WHERE k.name LIKE ? AND gpu_dur_ns IS NOT NULL"
            " ORDER BY start_ns", f"%{name}%")]

    def operations(self):
        """(GPU operations seen, those joined to a call)"""
        orphans = self.one("SELECT count(*) FROM orphan")
        joined = self.one("SELECT (SELECT count(*) FROM launch WHERE gpu_dur_ns IS NOT NULL)"
                          " + (SELECT count(*) FROM node WHERE graph_launch IS NOT NULL)"
                          " + (SELECT count(*) FROM copy WHERE gpu_dur_ns IS NOT NULL)")
        loose = self.one("SELECT count(*) FROM node WHERE graph_launch IS NULL")
        return joined + orphans + loose, joined

    def coverage(self):
        seen, joined = self.operations()
        return joined / seen if seen else None

    def without_times(self):
        return self.one("SELECT (SELECT count(*) FROM launch WHERE gpu_dur_ns IS NULL) +"
                        " (SELECT count(*) FROM copy WHERE gpu_dur_ns IS NULL)")

    def before_their_call(self):
        """GPU work that began before the call that asked for it: a clock that is off. Times of
        sampled events have an error of their own."""
        if "events" in self.backends():
            return 0
        return self.one("SELECT (SELECT count(*) FROM launch WHERE gpu_delay_ns < 0) +"
                        " (SELECT count(*) FROM copy WHERE gpu_delay_ns < 0 AND api IS NOT NULL)")

    def backends(self):
        return sorted({row[0] for row in self.rows("SELECT backend FROM process")})

    def notes(self):
        return "; ".join(sorted({row[0] or "" for row in
                                 self.rows("SELECT backend_note FROM process")}))


def error_of(ours, theirs):
    """(median of the differences in ns, as a share of the median)"""
    differences = [abs(a - b) for a, b in zip(ours, theirs)]
    if not differences:
        return None, None
    middle = statistics.median(differences)
    return middle, middle / statistics.median(theirs)
