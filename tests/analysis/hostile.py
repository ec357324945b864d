# SPDX-License-Identifier: Apache-2.0
"""Names from recorded programs are any bytes: no view, JSON or CSV may break on them."""
import os
import sys

sys.dont_write_bytecode = True
import csv
import io
import json

from tap import done, equal, ok, path, run
import fixture

NAMES = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
         'comma, "quote"', "new\nline", "esc\033[2J\033]0;title\a", "nul-free\x01\x02\x7f",
         "c1\u0085\u009b31m", "right\u202eleft\u200b", "宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽宽", "e\u0301" * 30,
         "x" * 10240, "\U0001f600 smile", "", "template<" * 200 + ">" * 200, "%s%n%s", "\\u0000\\"]
BYTES = [b"\xff\xfe\x80", b"cut \xe2\x82", b"\xc0\xaf overlong", b"\xed\xa0\x80 surrogate",
         b"\xf5\x80\x80\x80"]

FILE = path("hostile.db")
f = fixture.Fixture(FILE, command_line="evil\033[31m\nprogram", host="\u202ehost",
                    **{"key\033[31m\n": "value\a"})
f.process(name="p\033]0;x\a", command_line="a\nb\tc\x1b[1m")
f.device(name="GPU\n\033[7m, \"H100\"")
f.add("thread", process=1, tid=1, name="=thread")
f.add("context", process=1, device=1, number=1)
f.add("stream", process=1, context=1, device=1, number=1)
for i, name in enumerate(NAMES + BYTES):
    kernel = f.kernel("placeholder")
    if isinstance(name, bytes):
        f.db.execute("UPDATE kernel SET name = CAST(? AS TEXT), short_name = CAST(? AS TEXT) "
                     "WHERE id = ?", (name, name, kernel))
    else:
        f.db.execute("UPDATE kernel SET name = ?, short_name = ? WHERE id = ?",
                     (name, name, kernel))
    f.launch(1000 * i, 10, 20, 100 + i, 1, 1, f.shape(kernel, 1), f.api("cuLaunchKernel"))
f.db.execute("INSERT INTO counter VALUES (1, ?, 4)", ("lost\033[31m\n",))
f.close()

for env in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C"}):
    for args in (("report",), ("report", "--full", "-n", "0"), ("info",), ("report", "-n0", "kernels")):
        if args[0] == "report":
            args = (*args[:1], FILE, *args[1:])
        else:
            args = (*args, FILE)
        result = run(*args, env=env, text=False)
        name = f"{' '.join(a for a in args if a != FILE)} in {env['LC_ALL']}"
        equal(result.returncode, 0, f"{name}: works")
        bad = {b for b in result.stdout if (b < 0x20 and b != 0x0a) or b == 0x7f}
        equal(bad, set(), f"{name}: no control characters")
        try:
            text = result.stdout.decode("ascii" if env["LC_ALL"] == "C" else "utf-8")
        except UnicodeDecodeError as error:
            ok(False, f"{name}: valid text", error)
            continue
        ok(not set(text) & {"\u202e", "\u200b", "\u0085", "\u009b"},
           f"{name}: nothing that changes how its surroundings look")

result = run("report", "--json", FILE, text=False)
data = json.loads(result.stdout.decode("utf-8"))
got = {k["name"] for k in data["kernels"]}
equal(sorted(set(NAMES) - got), [], "JSON gives every valid name back as it was")
equal(len(got), len(set(NAMES)) + len(BYTES), "and invalid ones with replaced bytes")
ok(any(name.startswith("cut \ufffd") for name in got), "U+FFFD stands for them")

result = run("export", "--trace", FILE, text=False)
got = {e["name"] for e in json.loads(result.stdout.decode("utf-8"))["traceEvents"]
       if e.get("cat") == "kernel"}
equal(sorted(set(NAMES) - got), [], "so does the trace")

result = run("export", "--csv=cuda_gpu_trace", FILE, text=False)
text = result.stdout.decode("utf-8")
rows = list(csv.DictReader(io.StringIO(text, newline="")))
equal(len(rows), len(NAMES) + len(BYTES), "CSV has one record per row whatever the names hold")
ok(all(len(row) == 21 and None not in row for row in rows), "and all of its columns")
by_order = [row["Name"] for row in rows]
for name, cell in zip(NAMES, by_order):
    if name[:1] in "=+-@\t\r\n" and name:
        equal(cell, "'" + name, f"no formula: {name!r}")
    elif all(c in "\t\r\n" or (ord(c) >= 0x20 and not 0x7f <= ord(c) < 0xa0) for c in name):
        equal(cell, name, f"CSV gives it back: {name[:30]!r}")
    else:
        ok(not set(cell) & {"\033", "\a", "\x01", "\u009b"}, f"no control characters: {name!r}")
for report in ("cuda_api_trace", "cuda_kern_exec_trace", "cuda_kern_exec_sum", "cuda_gpu_sum"):
    for row in csv.reader(io.StringIO(run("export", f"--csv={report}", FILE).stdout, newline="")):
        for cell in row:
            if cell[:1] in ("=", "@", "+"):
                ok(False, f"{report}: no formula", cell)
equal(run("export", "--csv=cuda_api_trace", FILE).stdout.count("'=thread"), len(NAMES) + len(BYTES),
      "thread names cannot be formulas either")
done()
