# SPDX-License-Identifier: Apache-2.0
"""A recorded control-program that is told what to do, and the file it leaves."""
import contextlib
import os
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analysis"))
import tap

PROGRAM = os.path.join(os.environ.get("top_builddir", "."), "tests", "control-program")
SHIM = os.path.join(os.environ.get("top_builddir", "."), "libprofile", ".libs", "libprofile.so")
SIM = os.path.join(os.environ.get("top_builddir", "."), "simcuda", ".libs")
COSTS = tap.path("costs")
with open(COSTS, "w", encoding="utf-8") as file:
    file.write("quick fixed_us=5\nslow fixed_us=20000\n")


class Session:
    """with Session("name", "--detail=graph") as s: s.do("launch 5")"""
    def __init__(self, name, *options, env=None, program=(PROGRAM,)):
        self.file, self.truth = tap.path(name + ".db"), tap.path(name + ".truth")
        full = dict(os.environ, SIMCUDA_COSTS=COSTS, SIMCUDA_TRUTH=self.truth, **(env or {}))
        self.recorder = subprocess.Popen(
            [tap.GPUTRAIL, "record", "--sim", "-o", self.file, *options, "--", *program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=full,
            encoding="utf-8", bufsize=1)

    def __enter__(self):
        return self

    def do(self, *lines):
        for line in lines:
            with self.meanwhile(line):
                pass

    @contextlib.contextmanager
    def meanwhile(self, line):
        """The program does it during the block, or for longer."""
        self.recorder.stdin.write(line + "\n")
        self.recorder.stdin.flush()
        yield
        answer = self.recorder.stdout.readline()
        if answer != "ok\n":
            raise RuntimeError(f"{line}: {answer!r} {self.recorder.stderr.read()}")

    def pid(self):
        with open(f"/proc/{self.recorder.pid}/task/{self.recorder.pid}/children",
                  encoding="utf-8") as file:
            return file.read().split()[0]

    def ctl(self, action, *words):
        for _ in range(20):         # of three seconds: asked again is the same
            result = tap.run("ctl", action, self.pid(), *words)
            if "has not answered yet" not in result.stderr:
                break
        if result.returncode:
            raise RuntimeError(f"ctl {action}: {result.stderr}")
        return result.stdout

    def __exit__(self, *_):
        self.recorder.stdin.close()
        self.status = self.recorder.wait(60)
        self.message = self.recorder.stderr.read()
        self.recorder.stdout.close()
        self.recorder.stderr.close()
        if not os.path.exists(self.file):
            raise RuntimeError(self.message)
        self.db = sqlite3.connect(self.file)

    def ask(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.ask(sql, *values)[0][0]

    def levels(self):
        return [row[0] for row in self.ask("SELECT level FROM detail ORDER BY id")]

    def counters(self):
        return dict(self.ask("SELECT name, sum(value) FROM counter GROUP BY name"))

    def losses(self):
        return tap.report_json(self.file)["losses"]
