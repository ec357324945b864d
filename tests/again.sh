#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that measure in real time and failed once more, each alone, at most twice. A machine that is
# busy with the other tests at that time may have kept a test from what it waits for; a bug is still there.
# Usage, in the folder of the logs, when the others have finished: MAKE=make again.sh TEST...
set -u

has_failed() {
	grep -Eq '^:test-result: (FAIL|XPASS|ERROR)' "$1.trs"
}

for test in "$@"; do
	base=${test%.sh}
	base=${base%.py}
	for attempt in 1 2; do
		has_failed "$base" || break
		[ "$attempt" -gt 1 ] ||
			failures=$(sed -En "s,^(FAIL|XPASS|ERROR): $test ,,p" "$base.log" |
				tr '\n' ';')
		echo "AGAIN $test, alone, attempt $attempt"
		mv "$base.log" "$base.log.failed$attempt"
		rm -f "$base.trs"
		${MAKE:?} "$base.log"
		has_failed "$base" ||
			echo "RETRIED $test: failed under load, passed alone (${failures%;})"
	done
done
