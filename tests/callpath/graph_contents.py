#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What executable graphs are made from, against a program that says what it made: nodes, dependencies,
child graphs and bodies of conditional nodes, nodes changed one by one, made anew. Prints TAP."""
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

BUILD = os.environ["top_builddir"]
TOOL, PROGRAM = (os.path.join(BUILD, *path) for path in
                 (("cmd", "gputrail"), ("tests", "callpath-graph-contents")))
count = 0


def equal(found, wanted, name):
    global count
    count += 1
    print(f"{'ok' if found == wanted else 'not ok'} {count} - {name}")
    if found != wanted:
        print(f"# found  {str(found)[:600]}\n# wanted {str(wanted)[:600]}")


class Run:
    def __init__(self, folder, *arguments, **environment):
        self.file = os.path.join(folder, "run.db")
        done = subprocess.run([TOOL, "record", "--sim", "-f", "-q", "-o", self.file, "--", PROGRAM,
                               *arguments],
                              env={**os.environ, **environment}, capture_output=True, text=True,
                              timeout=60, check=False)
        self.status, self.said = done.returncode, [line.split() for line in done.stdout.splitlines()]
        print("\n".join("# " + line for line in done.stderr.splitlines()[:5]), end="")
        self.db = sqlite3.connect(self.file)
        self.graphs = [row[0] for row in self.db.execute("SELECT id FROM graph ORDER BY created_ns")]

    def rows(self, sql):
        return self.db.execute(sql).fetchall()

    def told(self, word):
        return sorted(tuple(line[1:]) for line in self.said if line[0] == word)

    def report(self):
        return json.loads(subprocess.run([TOOL, "report", "--json", self.file], capture_output=True,
                                         text=True, check=True).stdout)


def number(run, graph):
    return str(run.graphs.index(graph))


def contents(run):
    members = run.rows("SELECT graph, member, type, parent FROM graph_member")
    equal(sorted((number(run, g), str(m), t, "-" if p is None else str(p)) for g, m, t, p in members),
          run.told("node"), "nodes, and what they are inside of")
    equal(sorted((number(run, g), str(a), str(b)) for g, a, b in
                 run.rows("SELECT graph, from_member, to_member FROM graph_edge")),
          run.told("edge"), "dependencies")
    equal(run.rows("SELECT flags FROM graph ORDER BY created_ns"), [(0,), (4,), (0,)],
          "flags of the instantiation: device code may launch the second")


def kernels(run):
    """Each replayed kernel is that of its place in the graph, as it was at that launch."""
    found = run.rows(
        "SELECT k.name, s.grid_x, count(*) FROM replay r JOIN graph_node n ON n.id = r.graph_node"
        " JOIN shape s ON s.id = n.shape JOIN kernel k ON k.id = s.kernel"
        f" WHERE n.graph IN ({run.graphs[0]}, {run.graphs[1]}) AND NOT (n.graph = {run.graphs[1]}"
        " AND s.grid_x < 30) GROUP BY 1, 2")
    equal(sorted((n.split("(")[0], str(x), str(c)) for n, x, c in found), run.told("kernel"),
          "kernels before and after their nodes were changed")
    equal(run.rows("SELECT node_updates, updates, node_update_ns > 0 FROM graph ORDER BY created_ns"),
          [(int(run.told("updates")[0][0]), 0, 1), (0, 0, 0), (0, 0, 0)], "changes of nodes are counted")
    equal(run.rows(f"SELECT count(*), count(DISTINCT node), count(DISTINCT source) FROM graph_node"
                   f" WHERE graph = {run.graphs[0]}"), [(6, 4, 4)], "a changed node is another version")
    lost = run.rows("SELECT n.id FROM graph_node n LEFT JOIN graph_member m ON m.graph = n.graph AND"
                    " m.node = n.source AND m.type = 'kernel' WHERE m.node IS NULL")
    equal(lost, [], "every kernel leads to its place in the graph")
    equal(run.rows("SELECT s.grid_x, m.member, p.type FROM graph_node n JOIN graph_member m ON"
                   " m.graph = n.graph AND m.node = n.source JOIN shape s ON s.id = n.shape LEFT JOIN"
                   " graph_member p ON p.graph = m.graph AND p.member = m.parent WHERE"
                   f" n.graph = {run.graphs[1]} ORDER BY m.member"),
          [(30, 0, None), (10, 3, "graph"), (11, 4, "graph"), (12, 5, "graph"), (13, 6, "graph"),
           (31, 8, "while"), (32, 9, "while")], "inside of a child graph and of a loop, too")


def shown(run):
    report = run.report()
    equal(sorted((g["nodes"], g["chain"], g["kinds"], g["node_updates"], g["by_device"])
                 for g in report["graphs"]),
          [(5, 3, "4 kernel, 1 memset", 0, 0), (5, 3, "4 kernel, 1 memset", 4, 0),
           (8, 6, "7 kernel, 1 graph, 1 memset, 1 while", 0, 1)],
          "report: longest chain, kinds of nodes, changes")
    text = subprocess.run([TOOL, "report", "--width=240", run.file, "nodes"], capture_output=True,
                          text=True, check=True).stdout
    rows = re.findall(rf"^ +{run.graphs[1]} .* 32 1 1 +(\d+) ([\d, ]*?) +(graph|while|) +\d+ first_kernel",
                      text, re.M)
    equal(sorted((int(number), before.strip(), around) for number, before, around in rows),
          [(0, "", ""), (3, "", "graph"), (4, "3", "graph"), (5, "3", "graph"),
           (6, "4, 5, 7", "graph"), (8, "", "while"), (9, "8", "while")],
          "report nodes: what kernels wait for, and are inside of")


def damaged(run):
    """Members inside of each other, rings, members that are not there."""
    with run.db:
        run.db.execute("UPDATE graph_member SET parent = (member + 1) % 5 WHERE graph = 1")
        run.db.execute("UPDATE graph_member SET member = 9223372036854775807, parent = -5 WHERE graph = 2"
                       " AND member = 4")
        run.db.execute("INSERT INTO graph_edge VALUES (1, 3, 0, 0), (1, 1, 1, 0), (1, 77, -1, 0), (9, 0, 1, 0)")
    for view in ("graphs", "nodes"):
        done = subprocess.run([TOOL, "report", run.file, view], capture_output=True, text=True, check=False,
                              timeout=60)
        equal((done.returncode, "first_kernel" in done.stdout or "instantiate" in done.stdout), (0, True),
              f"damaged contents: report {view}")


if os.environ.get("sanitizers"):
    print("1..0 # SKIP preloading needs a build without sanitizers")
    sys.exit(0)
with tempfile.TemporaryDirectory(prefix="gputrail-test.") as tmp:
    run = Run(tmp)
    equal(run.status, 0, "the program ends well")
    contents(run)
    kernels(run)
    shown(run)
    damaged(run)
    for name, environment in (("without call paths", {"GPUTRAIL_CALLPATH": "off"}),
                              ("CUPTI 11.8", {"SIMCUPTI_RELEASE": "11.8"})):
        again = Run(tmp, **environment)
        equal((len(again.rows("SELECT 1 FROM graph_member")), len(again.rows("SELECT 1 FROM graph_edge")),
               again.rows("SELECT count(*) = count(source) FROM graph_node")), (20, 18, [(1,)]),
              f"{name}: the same")
    for nodes, kept in ((5000, 5000), (17000, 0)):
        chain = Run(tmp, "chain", str(nodes))
        lost = chain.rows("SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'graph_parts_lost'")
        equal((chain.status, chain.rows("SELECT count(*) FROM graph_member"),
               chain.rows("SELECT count(*) FROM graph_edge"), lost, [g["chain"] for g in chain.report()["graphs"]]),
              (0, [(kept,)], [(max(kept - 1, 0),)], [(nodes - kept,)], [kept or None]),
              f"a graph of {nodes} nodes: {'all of it' if kept else 'none of it, which is counted'}")
    refused = Run(tmp, SIMCUPTI_REFUSE="39")
    equal((refused.status, refused.rows("SELECT count(*) FROM graph_member")), (0, [(0,)]),
          "without CUPTI there are no ids to tell nodes by, and none is told")
print(f"1..{count}")
