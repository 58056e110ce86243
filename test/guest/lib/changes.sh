# SPDX-License-Identifier: GPL-2.0-only
# A file in which Linux takes pages away from programs of the LWK, again and again. Part of ../lib.sh.
#
# shellcheck shell=bash

# The file; and who maps it.
file=
writer=
changer=

# How often its pages have been taken away.
changes() {
	od -An -tu8 -N8 "$file"
}
changes_past() {
	[ "$(changes)" -gt "$1" ]
}

# changes_go_on [OPTION...]: of mcexec, for the program on the LWK, which is $writer.
changes_go_on() {
	"$prog/shared" make "$file"
	mcexec "$@" "$prog/shared" write "$file" >/dev/null 2>&1 &
	writer=$!
	"$prog/shared" change truncate "$file" 1000000000 &
	changer=$!
	ok "pages are taken away" wait_until changes_past 50
}

# changes_end: the LWK is dead. So is the program, and Linux has what it wanted back.
changes_end() {
	end_of $writer
	is "the program that has pages of Linux's ends" "$((status > 0))" 1
	ok "Linux goes on to take them away" wait_until changes_past $(($(changes) + 50))
	kill -KILL $changer
	end_of $changer
	is "and can be killed" $status 137
}
