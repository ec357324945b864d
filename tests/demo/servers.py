# SPDX-License-Identifier: Apache-2.0
"""Runs the demo servers on the simulated GPU and reads what the simulator and the server wrote."""
import csv
import os
import shutil
import subprocess
import sys

TOP = os.environ.get("top_builddir", ".")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analysis"))
import tap  # noqa: E402

SIMULATOR = os.path.join(TOP, "simcuda", ".libs")
C_SERVER = [os.path.join(TOP, "demo", "gputrail-demo")]
PYTHON_SERVER = [sys.executable, os.path.join(TOP, "demo", "server.py")]
DEF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "demo", "plants.def")
LAYERS, STEPS = 4, 40


class Run:
    """One run: exit status, output, operations of the device, facts of what was planted."""

    def __init__(self, server, plant="", steps=STEPS, *more, layers=LAYERS):
        truth, facts = tap.path("truth"), tap.path("facts")
        for file in (truth, facts):
            if os.path.exists(file):
                os.unlink(file)
        environment = dict(os.environ, LD_LIBRARY_PATH=SIMULATOR, SIMCUDA_TRUTH=truth,
                           GPUTRAIL_DEMO_PLANTS=facts)
        arguments = [f"--steps={steps}", f"--layers={layers}", f"--plant={plant}", *more]
        result = subprocess.run(server + arguments, capture_output=True, encoding="utf-8",
                                env=environment, timeout=60)
        self.plant, self.status, self.steps, self.layers = plant, result.returncode, steps, layers
        self.output, self.errors = result.stdout, result.stderr
        self.operations = self.read_operations(truth)
        self.facts = self.read_facts(facts)

    @staticmethod
    def read_operations(path):
        """Rows of the truth file, in the order of submission, with numbers as numbers."""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for row in rows:
            for key in ("tid", "submit_ns", "start_ns", "end_ns", "bytes", "graph", "stream"):
                row[key] = int(row[key] or 0)
            for key in ("grid", "block"):
                row[key] = [int(n) for n in row[key].split(",")] if row[key] else []
        return sorted(rows, key=lambda row: row["submit_ns"])

    @staticmethod
    def read_facts(path):
        """(cause, begin, end, thread, detail)"""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
        return [(cause, int(begin), int(end), int(thread), detail)
                for cause, begin, end, thread, detail in rows]

    def of(self, kind, **wanted):
        """Operations of a kind with these values; name= and not the whole name will do."""
        return [row for row in self.operations if row["kind"] == kind and all(
            value in row[key] if key == "name" else row[key] == value
            for key, value in wanted.items())]

    @property
    def serving_ns(self):
        """When the first step was submitted: its embedding is the first outside of captures."""
        first = self.of("kernel", name="embedding_lookup")
        return first[0]["submit_ns"] if first else 0

    def while_serving(self, kind, **wanted):
        """The same, between the first step and the last kernel."""
        begin = self.serving_ns
        end = max((row["end_ns"] for row in self.of("kernel")), default=0)
        return [row for row in self.of(kind, **wanted) if begin < row["submit_ns"] <= end]


def plants():
    """The names of plants.def."""
    with open(DEF, encoding="utf-8") as lines:
        return [line.split('"')[1] for line in lines if line.startswith("PLANT(")]


def skip_without_simulator():
    """Ends the test where the simulated driver cannot be loaded into these programs."""
    if os.environ.get("sanitizers"):
        print("1..0 # SKIP sanitized libraries cannot be loaded into other programs")
        sys.exit(0)
    if not shutil.which(C_SERVER[0]) or not os.path.exists(os.path.join(SIMULATOR, "libcuda.so.1")):
        print("1..0 # SKIP the demo server or the simulated driver is not built")
        sys.exit(0)
