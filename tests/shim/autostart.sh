#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# With LD_PRELOAD alone the shim starts a collector, one for the whole tree, unseen by the host.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
process=$here/.libs/shim-process
GPUTRAIL_CUPTI=off LD_LIBRARY_PATH=$here/shim/fake/.libs
GPUTRAIL_COLLECTOR=$here/shim-consumer
export GPUTRAIL_CUPTI LD_LIBRARY_PATH GPUTRAIL_COLLECTOR
unset GPUTRAIL_SOCKET

GPUTRAIL_OUTPUT=$tmp/one LD_PRELOAD=$shim "$process" no-child
is "no child to notice: exit status" "$?" 0
await [ -e "$tmp/one" ]		# the collector ends after its root
ok "the collector ended after the program"
is "launches" "$(grep -c '^LAUNCH' "$tmp/one")" 3
if [ -n "$sanitizers" ]; then
	skip "nothing inherited" "sanitizers handle signals"
else
	is "nothing inherited" "$(grep '^INHERITED' "$tmp/one")" \
		"INHERITED preload=0 socket=0 ignored=0 blocked=0 descriptors=4 leader=1"
fi

# A tree: the shell is the root, three programs in it share its collector.
GPUTRAIL_OUTPUT=$tmp/tree LD_PRELOAD=$shim sh -c '"$0" exit & "$0" exit & "$0" spawn; wait; exit 5' "$process"
is "tree: exit status" "$?" 5
await [ -e "$tmp/tree" ]
ok "tree: one collector"
is "tree: processes" "$(grep -c '^HELLO' "$tmp/tree")" 3
is "tree: launches" "$(grep -c '^LAUNCH' "$tmp/tree")" 9

# Programs without CUDA start none.
GPUTRAIL_OUTPUT=$tmp/none LD_PRELOAD=$shim sh -c 'true; exit 4'
is "without CUDA: exit status" "$?" 4
sleep 0.1
is "without CUDA: no collector" "$(ls "$tmp" | grep -c none)" 0

GPUTRAIL_COLLECTOR=/nonexistent GPUTRAIL_OUTPUT=$tmp/missing LD_PRELOAD=$shim "$process" exit
is "no collector to start: exit status" "$?" 7
done_testing
