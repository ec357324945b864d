# SPDX-License-Identifier: Apache-2.0
"""driver_api.def against driver-entrypoints.tsv, a reference made from the public headers and
export lists of CUDA 11.4 to 13.2: variants, versions, tiers and callback ids. Prints TAP."""
import csv
import os
import re
import sys

top = os.environ["top_srcdir"]
rows = {}
for match in re.finditer(r"^API\((\w+), (\w+), (\d), (\d+), ([01]), (\d+), (\w+),",
                         open(top + "/driver/driver_api.def").read(), re.M):
    symbol, base, tier, since, per_thread, cbid, category = match.groups()
    rows[symbol] = (base, int(tier), int(since), int(per_thread), int(cbid), category)
reference = list(csv.reader(open(top + "/tests/shim/driver-entrypoints.tsv"), delimiter="\t"))[1:]
number = 0


def check(name, wrong):
    global number
    number += 1
    print("%sok %d - %s" % ("not " if wrong else "", number, name))
    for line in list(wrong)[:10]:
        print("#", line)


bases = {row[0]: row for row in reference}
symbols = {symbol.strip(): row for row in reference for symbol in row[1].split(",")}
versions = {}
for row in reference:
    for entry in row[2].split(";"):
        match = re.match(r"\s*(\d+)(/pt[ds]s?z?|/ptds|/ptsz)?=(\w+)", entry)
        if match:
            versions[match.group(3)] = (int(match.group(1)), match.group(2) is not None)

check("the table has %d rows, all of them in the reference" % len(rows),
      [s for s in rows if s not in symbols] or ([] if len(rows) > 600 else ["too few rows"]))
# What has no public prototype up to 13.0: graphics interop, and entry points of 13.1 and later.
beyond = {"interop-graphics", "undocumented"}
check("no recorded entry point of the reference up to 13.0 is missing",
      [s for s, row in symbols.items() if s not in rows and row[5] in "12" and
       row[4] not in beyond and float(row[3] or 99) <= 13.0 and not row[4].startswith("interop")
       and s in versions])
check("base names", [s for s in rows if symbols[s][0] != rows[s][0]])
check("versions that introduced them",
      ["%s %d, not %d" % (s, rows[s][2], versions[s][0]) for s in rows
       if s in versions and versions[s][0] != rows[s][2]])
check("per-thread variants",
      [s for s in rows if rows[s][3] != (s.endswith("_ptsz") or s.endswith("_ptds"))] +
      [s for s in rows if s in versions and versions[s][1] and not rows[s][3]])
check("every variant of an entry point has its tier",
      [b for b in {r[0] for r in rows.values()}
       if len({r[1] for r in rows.values() if r[0] == b}) != 1])
check("nothing is recorded less than the reference asks",
      ["%s tier %d, reference %s" % (s, rows[s][1], symbols[s][5]) for s in rows
       if rows[s][1] > int(symbols[s][5])])
check("callback ids",
      ["%s %d, reference %s" % (s, rows[s][4], symbols[s][8]) for s in rows
       if rows[s][4] and str(rows[s][4]) not in re.findall(r"\d+", symbols[s][8])])
print("1..%d" % number)
