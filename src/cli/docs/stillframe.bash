# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of stillframe. The tables are made from those of the command; nothing here uses a network.

@TABLES@

# Files of these names, and the folders that lead to them.
_stillframe_files() {
	local pattern
	compgen -d -- "$cur"
	for pattern; do
		compgen -f -X "!$pattern" -- "$cur"
	done
}

_stillframe_schedulers() {
	local file
	compgen -f -- "$cur" | while IFS= read -r file; do
		if [ -d "$file" ] || [ -x "$file" ] || [[ $file == *.o ]]; then
			printf '%s\n' "$file"
		fi
	done
}

# A folder that is a run is all that is wanted; others lead to one.
_stillframe_runs() {
	[ -n "$cur" ] || compgen -d -- stillframe.out/
	compgen -d -- "$cur"
}

_stillframe_kernels() {
	if [[ $cur == */* || $cur == '~'* ]]; then
		compgen -f -- "$cur"
		return
	fi
	compgen -W "newest host $("$program" kernel list --offline 2>/dev/null |
		while read -r series release _; do
			[ "$series" = SERIES ] || printf '%s %s ' "$series" "$release"
		done)" -- "$cur"
}

# _stillframe_offer WORD...: words stand for themselves, those with an @ for kinds of things.
_stillframe_offer() {
	local word
	for word; do
		case $word in
		@command) compgen -W "$_stillframe_commands" -- "$cur" ;;
		@dir) compgen -d -- "$cur" ;;
		@file) compgen -f -- "$cur" ;;
		@frame) _stillframe_files '*.frame' '*.core' ;;
		@kernel) _stillframe_kernels ;;
		@run) _stillframe_runs ;;
		@scenario) _stillframe_files '*.yaml' '*.yml' ;;
		@scheduler) _stillframe_schedulers ;;
		*) compgen -W "$word" -- "$cur" ;;
		esac
	done | sort -u
}

_stillframe() {
	local cur=${COMP_WORDS[COMP_CWORD]} before='' program=${COMP_WORDS[0]} command='' place=0 i
	local options takes operands offer
	# What was typed is not expanded.
	# shellcheck disable=SC2088
	[[ $program != '~/'* ]] || program=$HOME/${program#'~/'}
	[ "$COMP_CWORD" -lt 2 ] || command=${COMP_WORDS[1]}
	COMPREPLY=()

	_stillframe_tables "$command" ''
	[ -z "$command" ] || for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			# What comes now is the scheduler's.
			compopt -o default 2>/dev/null
			return
			;;
		# Bash makes words of the sign and of what stands behind it.
		=) [ "$((i + 1))" -eq "$COMP_CWORD" ] || i=$((i + 1)) ;;
		-*) [[ " $takes " != *" ${COMP_WORDS[i]} "* || ${COMP_WORDS[i + 1]} == = ]] || i=$((i + 1)) ;;
		*) place=$((place + 1)) ;;
		esac
	done

	# Where the last word is a value, the one before says of what.
	if [ "$cur" = = ]; then
		cur='' before=${COMP_WORDS[COMP_CWORD - 1]}
	elif [ "$COMP_CWORD" -gt 2 ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	elif [ "$COMP_CWORD" -gt 2 ] && [[ " $takes " == *" ${COMP_WORDS[COMP_CWORD - 1]} "* ]]; then
		before=${COMP_WORDS[COMP_CWORD - 1]}
	fi

	if [ -n "$before" ]; then
		_stillframe_tables "$command" "$before"
	elif [[ $cur == -* ]]; then
		offer=$options
	else
		offer=${operands[place]:-}
	fi
	if [[ $offer == *@* ]]; then
		compopt -o filenames 2>/dev/null
	fi
	# shellcheck disable=SC2086 # it is a list
	mapfile -t COMPREPLY < <(_stillframe_offer $offer)
}

complete -F _stillframe stillframe
