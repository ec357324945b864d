# SPDX-License-Identifier: Apache-2.0
# The net below tests in real time: one that fails beside others and passes alone has passed, and that is
# said; one that fails alone as well, or is not declared to be of that kind, has failed.
. "${top_srcdir:?}/tests/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GNUMAKEFLAGS

# unsteady NAME FAILURES: a test that fails so many times. Each run leaves a line in NAME.runs.
unsteady() {
	cat >"$tmp/$1.sh" <<-END
		echo run >>$tmp/$1.runs
		echo ok 1 - always
		[ \$(wc -l <$tmp/$1.runs) -gt $2 ] || printf 'not '
		echo ok 2 - at times
		echo 1..2
	END
}

# suite NAME...: these tests, all in real time but `other`. What it printed is in out.
suite() {
	tests= realtime=
	rm -f "$tmp"/*.runs
	for name in "$@"; do
		tests="$tests $tmp/$name.sh"
		[ "$name" = other ] || realtime="$realtime $tmp/$name.sh"
	done
	make -C "$top_builddir/tests" check-TESTS TESTS="$tests" REALTIME_TESTS="$realtime" \
		TEST_SUITE_LOG="$tmp/suite.log" check_PROGRAMS= check_LTLIBRARIES= check_SCRIPTS= \
		dist_check_SCRIPTS= >"$tmp/out" 2>&1
}

runs() {
	wc -l <"$tmp/$1.runs"
}

unsteady fine 0
unsteady once 1
unsteady twice 2
unsteady broken 99
unsteady other 1

suite fine once twice
ok "failed beside others, passed alone: the suite passes"
is "and counts the last attempts" "$(grep passed, "$tmp/out")" "6 passed, 0 failed, 0 skipped"
is "what was run again is said" "$(grep -o 'RETRIED.*' "$tmp/out" | sed "s|$tmp/||")" \
	"RETRIED once.sh: failed under load, passed alone (2 - at times)
RETRIED twice.sh: failed under load, passed alone (2 - at times)"
is "runs of each" "$(runs fine) $(runs once) $(runs twice)" "1 2 3"
grep -q '^not ok 2' "$tmp/once.log.failed1"
ok "the log of the attempt that failed is kept"

! suite fine broken
ok "failed alone as well: the suite fails"
is "and says so" "$(grep passed, "$tmp/out")" "3 passed, 1 failed, 0 skipped"
is "after two more attempts" "$(runs broken) $(grep -c RETRIED "$tmp/out")" "3 0"

! suite once other
ok "not declared to be in real time: the suite fails"
is "what was run again was" "$(runs once) $(runs other)" "2 1"
is "all are counted" "$(grep passed, "$tmp/out")" "3 passed, 1 failed, 0 skipped"
done_testing
