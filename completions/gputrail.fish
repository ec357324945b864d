# SPDX-License-Identifier: Apache-2.0
# Completion of gputrail for fish; gputrail itself says what there is (COMMAND --help=words).

function __gputrail_words --description 'the words for option or argument $argv[1] of the command'
	set -l tokens (commandline -opc)
	$tokens[1] $tokens[2] --help=words </dev/null 2>/dev/null | while read -l -d \t name words help
		if test $argv[1] = (string replace -r '=\??$' '' -- $name)
			echo $words
		end
	end
end

function __gputrail_offer --description 'what may stand where the cursor is'
	set -l tokens (commandline -opc)
	set -l current (commandline -ct)
	if test (count $tokens) -lt 2
		$tokens[1] --help=words 2>/dev/null
		__fish_complete_path $current
		return
	end
	if string match -qr -- '^--[a-z-]+=' $current
		set -l option (string replace -r '=.*' '' -- $current)
		__gputrail_values (__gputrail_words $option) $option= (string replace -r '^[^=]*=' '' -- $current)
	else if string match -q -- '-*' $current
		$tokens[1] $tokens[2] --help=words </dev/null 2>/dev/null | while read -l -d \t name words help
			if string match -q -- '--*' $name
				printf '%s\t%s\n' (string replace -r '\?$' '' -- $name) $help
			end
		end
	else
		set -l words (__gputrail_words '*')
		set -l files 0
		for token in $tokens[3..-1]
			string match -q -- '-*' $token; or set files 1
		end
		if test $files = 1; and string match -q 'FILE *' $words
			set words (string replace 'FILE ' '' $words)
		else if string match -q 'FILE *' $words
			set words FILE
		end
		__gputrail_values $words '' $current
	end
end

function __gputrail_values --description 'words, or the files, folders, commands they stand for' -a words before current
	switch $words
		case - TEXT
		case FILE DIR
			for path in (__fish_complete_path $current)
				echo $before$path
			end
		case COMMAND
			__fish_complete_command
		case '*'
			set -l list (string match -r '.*,' -- $current; or echo '')
			for word in (string split -n ' ' $words)
				echo $before$list$word
			end
	end
end

complete -c gputrail -f -a '(__gputrail_offer)'
