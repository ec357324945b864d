#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the viewer refuses, in words and with the right exit status, before it touches the terminal.
. "${top_srcdir:?}/tests/lib.sh"
[ -n "$PYTHON3" ] || skip_all "no python3"
cd "$tmp" || exit 99
"$PYTHON3" "$top_srcdir/tests/tui/fixture.py" plain.db plain || exit 99

# refused NAME STATUS PATTERN COMMAND...
refused() {
	_name=$1 _status=$2 _pattern=$3
	shift 3
	"$@" >out 2>err </dev/null
	is "$_name: exit status" $? "$_status"
	grep -q -e "$_pattern" err
	ok "$_name: says so"
	is "$_name: nothing on stdout" "$(cat out)" ""
	grep -q "$(printf '\033')" err
	is "$_name: no escape sequences" $? 1
}
: >empty.db
head -c 5000 /dev/urandom >noise.db
head -c 9000 plain.db >cut.db
cp plain.db newer.db
"$PYTHON3" -c 'import sqlite3; db = sqlite3.connect("newer.db"); db.execute("PRAGMA user_version = 99"); db.commit()'
"$PYTHON3" -c 'import sqlite3; db = sqlite3.connect("other.db"); db.execute("CREATE TABLE t (x)"); db.commit()'
refused "missing file" 3 "gone.db" "$gputrail" tui gone.db
refused "missing file, no command" 3 "gone.db" "$gputrail" gone.db
refused "empty file" 3 "empty.db" "$gputrail" tui empty.db
refused "no database" 3 "noise.db" "$gputrail" tui noise.db
refused "cut file" 3 "cut.db" "$gputrail" tui --keys q cut.db
refused "newer schema" 3 "newer" "$gputrail" tui newer.db
refused "somebody else's database" 3 "other.db" "$gputrail" tui other.db
refused "a folder" 3 "." "$gputrail" tui .
refused "no terminal" 2 "gputrail report" "$gputrail" tui plain.db
refused "no file" 2 "no FILE" "$gputrail" tui
refused "three files" 2 "two recordings" "$gputrail" tui plain.db plain.db plain.db
refused "unknown theme" 2 "no theme 'pink'" "$gputrail" tui --theme pink plain.db
refused "unknown key" 2 "'Frobnicate' is no key" "$gputrail" tui --keys "j Frobnicate" plain.db
refused "unknown command" 2 "':dance' is no key" "$gputrail" tui --keys ":dance" plain.db
refused "missing script" 2 "cannot read script 'gone'" "$gputrail" tui --script gone plain.db
"$gputrail" plain.db --keys "2 j Enter q q q :screen never" </dev/null
is "q at the first level quits the script too" $? 0
[ ! -e never ]
ok "and what follows is not played"
printf '# a comment\n2\n/ "flash"\n:screen script.txt\nEnter\n:size 120x40\n:screen wide.txt\n' >script
"$gputrail" tui --script script plain.db </dev/null
is "--script: exit status" $? 0
grep -q "^/flash" script.txt
ok "quoted text is typed into the prompt"
grep -q "search" wide.txt
ok "and Enter accepts it"
is ":size changes the size" "$(wc -l <wide.txt | tr -d ' ')" 40
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("plain.db")
db.execute("UPDATE meta SET value = ? WHERE key = ?", ("recording", "state"))
db.commit()'
touch -d '1 hour ago' plain.db
"$gputrail" tui --keys ":screen died.txt" plain.db </dev/null
grep -q "truncated" died.txt && grep -q "recorder ended early" died.txt
ok "a recording whose recorder died is told from one in progress"
if command -v script >/dev/null && command -v tmux >/dev/null; then
	TERM=dumb script -qec "$gputrail plain.db" /dev/null >out 2>&1 </dev/null
	grep -q "terminal type 'dumb'.*gputrail report" out
	ok "TERM=dumb is refused in words"
	TERM=nonesuch script -qec "$gputrail plain.db" /dev/null >out 2>&1 </dev/null
	grep -q "terminal type 'nonesuch'.*unknown" out
	ok "an unknown TERM is refused in words"
else
	skip "TERM=dumb" "no script(1)"
fi
done_testing
