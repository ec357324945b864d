#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# callpath_cost.sh BUILD_DIR: all comparisons of callpath_cost, and instructions per path.
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 2
./callpath_cost || exit $?
for python in ${PYTHONS:-python3}; do
	"$python" "$here/callpath_cost.py" "$PWD/.libs/callpath_cost_python.so"
done
command -v valgrind >/dev/null || exit 0
count() { valgrind --tool=callgrind --callgrind-out-file=/dev/null ./callpath_cost ir "$@" 2>&1 |
	sed -n 's/.*Collected : //p'; }
echo "instructions per path   ours   theirs"
for depth in 10 30 60 100; do
	empty=$(($(count empty $depth 3000) - $(count empty $depth 1000)))
	memo=$(($(count memo $depth 3000) - $(count memo $depth 1000) - empty))
	unw=$(($(count unw $depth 3000) - $(count unw $depth 1000) - empty))
	printf 'depth %-17d %6d %8d\n' $depth $((memo / 2000)) $((unw / 2000))
done
