# SPDX-License-Identifier: GPL-2.0-only
# Completion of the commands' words in bash. Installed once for each command, under
# its name; needs nothing of the package bash-completion but that it loads the file.
#
# shellcheck shell=bash

# _mck_offer WORD...: those that begin like the word at the cursor.
_mck_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "${COMP_WORDS[COMP_CWORD]}")
}

# Files, or what else bash completes where nothing is known.
_mck_files() {
	COMPREPLY=()
	compopt -o default 2>/dev/null
}

# Leaves in $operands what stands before the cursor and is no option. LETTERS: the
# options that are followed by a value of their own.
_mck_operands() {
	local letters=$1 i word
	operands=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -[$letters] ]]; then
			i=$((i + 1))
		elif [[ $word != -* ]]; then
			operands+=("$word")
		fi
	done
}

# The indices of the instances that there are.
_mck_instances() {
	local device
	for device in /dev/mcos[0-9]*; do
		[ ! -c "$device" ] || echo "${device#/dev/mcos}"
	done
}

# Offers the targets of a verb, or the verb's operand. What resources a verb can
# name is what a query shows.
_mck_ihkconfig() {
	local operands
	_mck_operands ' '
	case ${#operands[@]}:${operands[1]:-}:${operands[2]:-} in
	0:*) _mck_offer 0 --json --help --version ;;
	1:*) _mck_offer reserve release query create destroy get ;;
	2:reserve:* | 2:release:* | 2:query:*) _mck_offer cpu mem ;;
	2:get:*) _mck_offer os_instances counters buildid ;;
	2:destroy:*) _mck_offer "$(_mck_instances)" ;;
	3:release:cpu) _mck_offer "$(ihkconfig 0 query cpu 2>/dev/null)" ;;
	3:release:mem | 3:reserve:mem) _mck_offer all ;;
	3:query:* | 3:get:*) _mck_offer --json ;;
	*) COMPREPLY=() ;;
	esac
}

_mck_ihkosctl() {
	local operands
	_mck_operands ' '
	case ${#operands[@]}:${operands[1]:-}:${operands[2]:-} in
	0:*) _mck_offer "$(_mck_instances)" --json --help --version ;;
	1:*) _mck_offer assign release query query_free_mem set get load kargs boot shutdown kmsg clear_kmsg ;;
	2:assign:* | 2:release:* | 2:query:*) _mck_offer cpu mem ;;
	2:get:*) _mck_offer status ikc_map counters buildid ;;
	2:set:*) _mck_offer ikc_map ;;
	2:load:*) _mck_files ;;
	2:shutdown:*) _mck_offer --force ;;
	2:query_free_mem:*) _mck_offer --json ;;
	3:assign:cpu) _mck_offer "$(ihkconfig 0 query cpu 2>/dev/null)" ;;
	3:release:cpu) _mck_offer "$(ihkosctl "${operands[0]}" query cpu 2>/dev/null)" ;;
	3:assign:mem | 3:release:mem) _mck_offer all ;;
	3:query:* | 3:get:*) _mck_offer --json ;;
	*) COMPREPLY=() ;;
	esac
}

_mck_mcexec() {
	local operands word=${COMP_WORDS[COMP_CWORD]}
	_mck_operands centMmhsSuf
	# Behind a first operand that is an index stands the program.
	[[ ${operands[0]:-} != [0-9]* ]] || operands=("${operands[@]:1}")
	if [ ${#operands[@]} -gt 0 ]; then
		_mck_files
	elif [[ $word == -* ]]; then
		_mck_offer -c -e -m -s -h -t -M -S --stack-premap= --extend-heap-by= --mpol-threshold= \
			--straight-map-threshold= --mpol-no-heap --mpol-no-stack --mpol-no-bss --mpol-shm-premap \
			--no-bind-ikc-map --disable-sched-yield --enable-vdso --disable-vdso --help --version
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -[centMmhsSuf] ]]; then
		COMPREPLY=()
	elif [[ $word == */* ]]; then
		_mck_files
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_mck_instances)" -- "$word"; compgen -c -- "$word")
	fi
}

_mck_mcreboot() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-o) mapfile -t COMPREPLY < <(compgen -u -- "${COMP_WORDS[COMP_CWORD]}") ;;
	-T | -k) _mck_offer 0 1 ;;
	-d) _mck_offer 0 24 ;;
	-f) _mck_offer LOG_LOCAL{0..7} ;;
	-c | -m | -r | -e | -i | -q) COMPREPLY=() ;;
	*) _mck_offer -c -m -r -o -t -s -h -O -T -d -e -f -i -k -q -R --help --version ;;
	esac
}

_mck_mcstop() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-r) _mck_files ;;
	*) _mck_offer -k -R -r --help --version ;;
	esac
}

complete -F _mck_ihkconfig ihkconfig
complete -F _mck_ihkosctl ihkosctl
complete -F _mck_mcexec mcexec
complete -F _mck_mcreboot mcreboot.sh
complete -F _mck_mcstop mcstop+release.sh
