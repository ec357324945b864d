# SPDX-License-Identifier: Apache-2.0
# Mutated recordings: analysis-fuzz does the work on a file that the fixture writes.
. "${top_srcdir:?}/tests/lib.sh"
"$PYTHON3" -B "$top_srcdir/tests/analysis/fixture.py" "$tmp/valid.db" 5 200 ||
	skip_all "the fixture needs python3 with sqlite3"
"$PYTHON3" -B -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO activity_source VALUES (1, \"gpm\", 1, 1000000, 300, 1, \"\", 0)")
db.executemany("INSERT INTO activity VALUES (1, ?, 1000000, 1, 1, ?, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)",
               [(i * 1000000, i * 3000) for i in range(300)])
db.executemany("INSERT INTO graph_member VALUES (1, ?, ?, \"kernel\", ?, 0)",
               [(i, i + 1, i // 4 if i > 3 else None) for i in range(300)])
db.executemany("INSERT INTO graph_edge VALUES (1, ?, ?, 0)", [(i, i + 1) for i in range(299)] + [(299, 0)])
db.execute("UPDATE graph_node SET source = id")
db.commit()' "$tmp/valid.db" || exit 99
exec "$top_builddir/tests/analysis-fuzz" "$tmp/valid.db" "$tmp/mutated.db"
