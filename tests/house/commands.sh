#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every command answers --help, has a man page, and refuses what it does not know.
. "${top_srcdir:?}/tests/lib.sh"
"$gputrail" --version | grep -q '^gputrail [0-9]'
ok "--version"
"$gputrail" --help >"$tmp/help"
ok "--help"
"$gputrail" >"$tmp/out" 2>"$tmp/err"
is "no command: exit 2" "$?" 2
"$gputrail" nonesuch 2>"$tmp/err"
is "unknown command: exit 2" "$?" 2
grep -q "nonesuch" "$tmp/err"
ok "unknown command is named"
sed -n 's/^COMMAND(\([a-z]*\), *"\(.\).*/\1 \2/p' "$top_srcdir/cmd/commands.def" >"$tmp/commands"
while read -r name help; do
	[ "$help" = '"' ] && continue	# internal
	grep -q "^  $name " "$tmp/help"
	ok "$name: listed in --help"
	"$gputrail" help "$name" >"$tmp/out" 2>"$tmp/err" </dev/null
	grep -q "^usage: gputrail $name" "$tmp/out"
	ok "help $name"
	"$gputrail" "$name" --help >"$tmp/out" 2>"$tmp/err" </dev/null
	ok "$name: --help succeeds"
	grep -q "^usage: gputrail $name" "$tmp/out"
	ok "$name: --help shows its usage on stdout"
	"$gputrail" "$name" --nonesuch >"$tmp/out" 2>"$tmp/err" </dev/null
	is "$name: unknown option exits 2" "$?" 2
	[ -f "$top_srcdir/man/gputrail-$name.scd" ]
	ok "$name: man page"
	# Every long option of --help is in the man page.
	"$gputrail" "$name" --help </dev/null | grep -oE '(^|[ ,])--[a-z][a-z-]+' | tr -d ' ,' |
		grep -vx -e --help | sort -u |
		while read -r option; do
			grep -q -e "$(echo "$option" | sed 's/-/\\\\*-/g')" "$top_srcdir/man/gputrail-$name.scd" ||
				echo "$option"
		done >"$tmp/undocumented"
	is "$name: options in the man page" "$(tr '\n' ' ' <"$tmp/undocumented")" ""
done <"$tmp/commands"
done_testing
