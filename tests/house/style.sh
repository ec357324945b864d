#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every tracked source file follows the house style that a machine can check.
. "${top_srcdir:?}/tests/lib.sh"
cd "$top_srcdir" || exit 99
command -v git >/dev/null && git rev-parse --git-dir >/dev/null 2>&1 || skip_all "not a git checkout"
sources=$(git ls-files '*.c' '*.h' '*.S' '*.sh' '*.py' '*.def' '*.am' '*.ac' '*.sql' '*.scd' '*.txt' |
	while read -r f; do [ -f "$f" ] && echo "$f"; done)

# none NAME COMMAND...: passes when the command prints nothing.
none() {
	_name=$1
	shift
	_found=$("$@" 2>/dev/null | head -n 10)
	[ -z "$_found" ]
	ok "$_name"
	[ -z "$_found" ] || echo "$_found" | sed 's/^/# /'
}

without_spdx() {
	for f in $sources; do head -n 5 "$f" | grep -q SPDX-License-Identifier || echo "$f"; done
}
too_long() {
	git ls-files '*.c' '*.h' '*.S' '*.py' | grep -v '^driver/' |
		while read -r f; do
			[ -f "$f" ] && n=$(wc -l <"$f") && [ "$n" -gt 700 ] && echo "$n lines: $f"
		done
}
wide_lines() {
	for f in $(git ls-files '*.c' '*.h' | grep -v '^driver/'); do
		[ -f "$f" ] && expand -t 8 "$f" | awk -v f="$f" 'length > 110 { print f ":" NR ": " length }'
	done
}
trailing_space() { git grep -nIE '[[:blank:]]+$' -- '*.c' '*.h' '*.def' '*.sh' '*.py' '*.am' '*.ac'; }
unfinished() { git grep -nwE 'TODO|FIXME|XXX|HACK' -- '*.c' '*.h' '*.def' '*.sh' '*.py' ':!tests/house/style.sh'; }

none "every source file has an SPDX line" without_spdx
none "no source file above 700 lines" too_long
none "no line above 110 columns" wide_lines
none "no trailing blanks" trailing_space
none "nothing marked unfinished" unfinished
done_testing
