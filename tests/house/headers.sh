#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, so that no file depends on the order of its includes.
. "${top_srcdir:?}/tests/lib.sh"
cd "$top_srcdir" || exit 99
for header in driver/*.h wire/*.h simcuda/*.h libprofile/*.h collector/*.h analysis/*.h tui/*.h \
	cmd/*.h demo/*.h; do
	[ -f "$header" ] || continue
	printf '#include "%s"\n' "$header" >"$tmp/alone.c"
	# shellcheck disable=SC2086 # CC may be several words
	$CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -I"$top_builddir" $SQLITE_CFLAGS \
		$NCURSES_CFLAGS -fsyntax-only "$tmp/alone.c" >"$tmp/log" 2>&1
	ok "$header"
	sed 's/^/# /' "$tmp/log" | head -n 10
done
done_testing
