# SPDX-License-Identifier: Apache-2.0
# Completion of gputrail for bash; gputrail itself says what there is (COMMAND --help=words).

# Offers the words of $2 that begin with $1, or files, folders, commands.
_gputrail_offer()
{
	local current=$1 words=$2 prefix=
	case $words in
	-|TEXT) return ;;
	DIR) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
	COMMAND) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -c -f -- "$current"); return ;;
	FILE) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	esac
	[[ $words == all\ * || $words == *-*\ * ]] && [[ $current == *,* ]] && prefix=${current%,*},
	mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "${current##*,}")
}

_gputrail()
{
	local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} option='' optional='' name words help i files=0
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		compopt -o filenames
		mapfile -t COMPREPLY < <("$program" --help=words 2>/dev/null | cut -f1 |
			grep -- "^${current//[^a-z]/.}"; compgen -f -- "$current")
		return
	fi
	# bash takes "--color=al" for three words.
	if [[ $current == = ]]; then
		option=$before optional='?' current=
	elif [[ $before == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]} optional='?'
	elif [[ $before == --* ]]; then
		option=$before
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i]} != = && ${COMP_WORDS[i - 1]} != = &&
			${COMP_WORDS[i - 1]} != -o ]] && ((files++))
	done
	while IFS=$'\t' read -r name words help; do
		if [[ -n $option && ( $name == "$option=" || $name == "$option=$optional" ) ]]; then
			COMPREPLY=()
			_gputrail_offer "$current" "$words"
			return
		fi
		if [[ $current == -* && $name == --* && ${name%%=*} == "$current"* ]]; then
			name=${name%\?}
			COMPREPLY+=("$name")
		elif [[ $current != -* && $name == '*' ]]; then
			if ((files)) && [[ $words == FILE\ * ]]; then
				_gputrail_offer "$current" "${words#FILE }"
			else
				[[ $words == FILE\ * ]] && words=FILE
				_gputrail_offer "$current" "$words"
			fi
		fi
	done < <("$program" "$command" --help=words </dev/null 2>/dev/null)
	[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace
}
complete -F _gputrail gputrail
