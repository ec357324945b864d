# SPDX-License-Identifier: Apache-2.0
# Helpers of the viewer's tests: a real terminal (tmux) with the viewer in it.
# Sourced after tests/lib.sh; the caller's shell is the parent of the tmux server.
command -v tmux >/dev/null || skip_all "no tmux"
[ -n "$PYTHON3" ] || skip_all "no python3"
socket=none terminals=0
cat >"$tmp/tmux.conf" <<'END'
set -g default-terminal screen-256color
set -g status off
set -g escape-time 0
END
unset NO_COLOR GPUTRAIL_THEME TMUX
trap 'terminal_close; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

# fixture NAME KIND
fixture() { "$PYTHON3" "$top_srcdir/tests/tui/fixture.py" "$1" "$2" || echo "# no fixture $1"; }
# terminal WIDTH HEIGHT COMMAND...: runs it in a new terminal.
terminal() {
	_width=$1 _height=$2
	shift 2
	terminal_close
	# A server of its own each time: the last one may not be gone yet.
	terminals=$((terminals + 1))
	socket=$tmp/tmux-$terminals
	# Nothing is remembered from one to the next, but where a test wants it.
	export XDG_STATE_HOME="${state:-$tmp/state-$terminals}"
	tmux -u -S "$socket" -f "$tmp/tmux.conf" new-session -d -x "$_width" -y "$_height" "$*"
}
terminal_close() { [ "$socket" = none ] || tmux -S "$socket" kill-server 2>/dev/null; return 0; }
# keys KEY...: as tmux names them.
keys() { tmux -S "$socket" send-keys -t 0 "$@"; }
text() { tmux -S "$socket" send-keys -t 0 -l "$1"; }
resize() { tmux -S "$socket" resize-window -t 0 -x "$1" -y "$2"; }
# Lines without trailing blanks: tmux keeps some, depending on how they were written.
capture() { tmux -S "$socket" capture-pane -t 0 -p "$@" 2>/dev/null | sed 's/ *$//'; }
# shows PATTERN: waits until some line matches; fails after half a minute, or more on a slow machine.
shows() {
	_tries=500
	until capture >"$tmp/now" && grep -q -e "$1" "$tmp/now"; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || { sed 's/^/# /' "$tmp/now"; return 1; }
		sleep 0.05
	done
}
hides() {
	_tries=500
	while capture >"$tmp/now" && grep -q -e "$1" "$tmp/now"; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || { sed 's/^/# /' "$tmp/now"; return 1; }
		sleep 0.05
	done
}
# The line under the cursor, known by its background; `selected PATTERN` waits for it.
selected() {
	_tries=500
	until capture -e | grep -e '48;5;24m' | sed "s/$(printf '\033')\[[0-9;]*m//g" |
		grep -q -e "$1"; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || { capture -e | sed 's/^/# /'; return 1; }
		sleep 0.05
	done
}
# screen_is NAME: waits until the screen is the golden one.
screen_is() {
	_golden=$top_srcdir/tests/tui/screens/$1.screen
	_tries=500
	if [ -n "$GPUTRAIL_UPDATE_SCREENS" ]; then
		# What does not change any more, however slow the machine is.
		while sleep 0.5 && capture >"$_golden" && sleep 0.5; do
			capture | cmp -s - "$_golden" && break
		done
	fi
	until capture >"$tmp/now" && cmp -s "$tmp/now" "$_golden"; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || { diff "$_golden" "$tmp/now" | sed 's/^/# /'; return 1; }
		sleep 0.05
	done
}
