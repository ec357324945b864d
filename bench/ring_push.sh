#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Instructions per push of a 128-byte record, counted by callgrind: bench/ring_push.sh PROGRAM
program=${1:-./ring_push}
valgrind=${VALGRIND:-valgrind}
count() {
	$valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" 2>&1 |
		sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
few=$(count 10000)
many=$(count 110000)
[ -n "$few" ] && [ -n "$many" ] || { echo "ring_push: valgrind did not run" >&2; exit 1; }
echo "instructions per push: $(( (many - few) / 100000 ))"
