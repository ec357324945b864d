#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every view looks as it did, in a real terminal and played from a script. To accept new looks:
#   make check TESTS=tui/screens.sh GPUTRAIL_UPDATE_SCREENS=1   and review the diff of screens/.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture plain.db plain
fixture empty.db empty
fixture hostile.db hostile
fixture nopaths.db nopaths
fixture timeline.db timeline
fixture ranges.db ranges
fixture serving.db serving
fixture slower.db slower
views="overview kernels apis copies memory processes losses paths"

for size in 80x24 200x60; do
	width=${size%x*} height=${size#*x}
	terminal "$width" "$height" "$gputrail" plain.db
	shows "Nothing was lost"
	n=0
	for view in $views; do
		n=$((n + 1))
		keys "$n"
		screen_is "$view-$size"
		ok "$view at $size"
	done
	keys 2 Enter
	screen_is "shapes-$size"
	ok "shapes at $size"
	keys q 6 j Enter
	screen_is "threads-$size"
	ok "threads at $size"
	keys q 2 i
	screen_is "details-$size"
	ok "details at $size"
	keys q '?'
	screen_is "help-$size"
	ok "help at $size"
	keys q s
	screen_is "sort-$size"
	ok "sort menu at $size"

	keys q 8 E End
	screen_is "paths-unfolded-$size"
	ok "call paths all unfolded at $size"
	keys Home o
	screen_is "paths-bottom-up-$size"
	ok "call paths from the calling function up at $size"
	keys o m
	screen_is "paths-flat-$size"
	ok "functions by host time at $size"
	keys o M f
	text "attention"
	keys Enter
	screen_is "paths-filtered-$size"
	ok "filtered call paths at $size"
	keys i
	screen_is "paths-details-$size"
	ok "details of a function at $size"
	keys q '?'
	screen_is "paths-help-$size"
	ok "help of the tree at $size"

	terminal "$width" "$height" "$gputrail" timeline.db
	shows "Nothing was lost"
	keys 9
	shows "48.1 ms shown"
	screen_is "timeline-$size"
	ok "timeline at $size"
	keys + + + j b
	screen_is "timeline-zoomed-$size"
	ok "timeline zoomed in on idle time at $size"
	keys Enter
	screen_is "timeline-idle-$size"
	ok "details of idle time at $size"
	keys q j j n n Enter
	screen_is "timeline-event-$size"
	ok "details of a kernel at $size"
	keys q '?'
	screen_is "timeline-help-$size"
	ok "help of the timeline at $size"

	keys q 0
	shows "[0-9] findings"
	screen_is "findings-$size"
	ok "findings at $size"
	keys Enter
	screen_is "finding-$size"
	ok "a finding in full at $size"
	keys q 1
	screen_is "overview-findings-$size"
	ok "the overview begins with what costs most at $size"

	terminal "$width" "$height" "$gputrail" ranges.db
	shows "Nothing was lost"
	keys 9
	shows "48.0 ms shown"
	keys j j j j j j j + + + n
	shows "1.20 ms at 0.024950000 s: decode"
	screen_is "ranges-$size"
	ok "ranges below their threads at $size"
	keys Enter
	screen_is "ranges-details-$size"
	ok "details of a range at $size"

	terminal "$width" "$height" "$gputrail" serving.db
	shows "[0-9]% useful\|useful *[0-9]"
	keys 2 Enter
	screen_is "times-$size"
	ok "how long the launches of a shape took at $size"
	keys S
	screen_is "steps-$size"
	ok "steps at $size"
	keys Enter
	screen_is "step-list-$size"
	ok "the slowest steps at $size"
	keys 5
	screen_is "memory-use-$size"
	ok "memory over the run at $size"
	keys Enter j
	screen_is "holders-$size"
	ok "who holds the memory at $size"
	terminal "$width" "$height" "$gputrail" tui serving.db slower.db
	screen_is "diff-$size"
	ok "two recordings at $size"

	# The same without a terminal.
	script=
	n=0
	for view in $views; do
		n=$((n + 1))
		script="$script $n :screen $view-$size.txt"
	done
	COLUMNS=$width LINES=$height "$gputrail" tui --keys "$script" plain.db </dev/null >out 2>err
	is "script at $size: exit status" $? 0
	is "script at $size: writes nothing to the terminal" "$(cat out err)" ""
	for view in $views; do
		cmp -s "$view-$size.txt" "$top_srcdir/tests/tui/screens/$view-$size.screen"
		ok "script shows $view at $size"
	done
done
terminal 80 24 "$gputrail" tui --ascii plain.db
screen_is overview-ascii
ok "overview with ASCII only"
LC_ALL=C.UTF-8 grep -qP '[^\x00-\x7F]' "$tmp/now"
is "not a character beyond ASCII" $? 1
keys 8
screen_is paths-ascii
ok "a tree with ASCII only"
terminal 80 24 "LC_ALL=C $gputrail plain.db"
screen_is overview-ascii
ok "the C locale means ASCII"
terminal 80 24 "$gputrail" empty.db
screen_is overview-empty
ok "overview of an empty recording"
keys 2
screen_is kernels-empty
ok "kernels of an empty recording"
keys S
screen_is steps-empty
ok "steps of an empty recording"
terminal 80 24 "$gputrail" hostile.db
screen_is overview-hostile
ok "losses come first"
keys 8 C
screen_is paths-hostile
ok "and in call paths"
keys 2
screen_is kernels-hostile
ok "wide, control and direction characters in names"
keys l
screen_is kernels-hostile-scrolled
ok "names scrolled through the middle of wide characters"
terminal 80 24 "$gputrail" hostile.db
shows Incomplete
keys 9
screen_is timeline-hostile
ok "a timeline of impossible times and names"
terminal 80 24 "$gputrail" tui --ascii timeline.db
shows "Nothing was lost"
keys 9
shows "48.1 ms shown"
keys + +
screen_is timeline-ascii
ok "a timeline with ASCII only"
LC_ALL=C.UTF-8 grep -qP '[^\x00-\x7F]' "$tmp/now"
is "not a character beyond ASCII" $? 1
terminal 80 24 "$gputrail" plain.db
shows "Nothing was lost"
keys 9
screen_is timeline-empty
ok "a recording without events"
terminal 40 10 "$gputrail" timeline.db
shows "Nothing"
keys 9
shows "48.1 ms shown"
keys +
screen_is timeline-40x10
ok "a timeline at the smallest size"
terminal 40 10 "$gputrail" plain.db
screen_is overview-40x10
ok "the smallest size"
keys 2
screen_is kernels-40x10
ok "a table at the smallest size"
keys 8
screen_is paths-40x10
ok "a tree at the smallest size"
terminal 80 24 "$gputrail" nopaths.db
keys 8
screen_is paths-none
ok "a recording without call paths says so"
done_testing
