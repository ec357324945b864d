# SPDX-License-Identifier: Apache-2.0
# Mutated recordings: analysis-fuzz does the work on a file that the fixture writes.
. "${top_srcdir:?}/tests/lib.sh"
"$PYTHON3" -B "$top_srcdir/tests/analysis/fixture.py" "$tmp/valid.db" 5 200 ||
	skip_all "the fixture needs python3 with sqlite3"
exec "$top_builddir/tests/analysis-fuzz" "$tmp/valid.db" "$tmp/mutated.db"
