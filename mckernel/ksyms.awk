# SPDX-License-Identifier: GPL-2.0-only
# From `nm -n` of the image to the assembly of its own symbol table (arch/x86_64/backtrace.c).
BEGIN {
	count = 0
}
$2 ~ /^[tT]$/ && $3 !~ /^\./ && $3 != "image_start" && $3 != "text_end" {
	address[count] = $1
	name[count++] = $3
}
END {
	print "\t.section .ksyms, \"a\""
	print "\t.balign 8"
	print "\t.globl ksyms"
	print "ksyms:"
	printf "\t.long %d\n", count
	place = 0
	for (i = 0; i < count; i++) {
		printf "\t.long 0x%s - 0xffffffff80000000, %d\n", address[i], place
		place += length(name[i]) + 1
	}
	for (i = 0; i < count; i++)
		printf "\t.asciz \"%s\"\n", name[i]
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
