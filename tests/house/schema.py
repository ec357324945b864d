# SPDX-License-Identifier: Apache-2.0
"""docs/schema.md has a row for each table of a recording, and its tables of Markdown are whole."""
import os
import re
import sys

sys.dont_write_bytecode = True
SOURCE = os.environ.get("top_srcdir", ".")
sys.path.insert(0, os.path.join(SOURCE, "tests", "analysis"))
from tap import done, equal, ok


def text_of(*name):
    with open(os.path.join(SOURCE, *name), encoding="utf-8") as file:
        return file.read()


doc = text_of("docs", "schema.md")
tables = re.findall(r"^CREATE TABLE (\w+)", text_of("collector", "schema.sql"), re.M)
rows = re.findall(r"^\| (`[^|]*`) \|", doc, re.M)
documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
ok(len(tables) > 20, "the schema has tables")
equal([table for table in tables if table not in documented], [], "each has its row")
lines = doc.splitlines()
equal([line for before, line, after in zip(lines, lines[1:], lines[2:])
       if line.startswith("| ") and not before and not after.startswith("|---")], [],
      "no row stands outside of its table")
done()
