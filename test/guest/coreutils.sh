#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ls, sha256sum, md5sum, sort and their like.
# vm:
# vm-slow: --mem 6G --lwk-mem 1G
. "$(dirname "$0")/lib.sh"

# The quick machine has 20 MB, the slow one 300 MB.
size=20
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || size=300
# Bytes that do not repeat, made quickly.
big=$scratch/big
perl -e 'srand 1; my $b = pack "N*", map { int rand 2**32 } 1 .. 65536;
	for (my $i = 0; $i < $ARGV[0] * 4; $i++) { print substr($b, $i % 251), pack("N", $i) }' $size >"$big"

run_good "ls -laR /usr/share/doc" ls -laR /usr/share/doc
is "and by sha256sum on Linux" "$(mcexec ls -laR /usr/share/doc | sha256sum)" \
	"$(sha256sum <"$scratch/native.out")"
run_good "sha256sum of $size MB" sha256sum "$big"
run_good "md5sum of $size MB" md5sum "$big"
run_good "wc" wc "$big"
run_good "cksum by a pipe" bash -c 'cat "$0" | cksum' "$big"
run_good "cp and cmp" bash -c 'cp "$0" copy && cmp "$0" copy && rm copy' "$big"
run_good "split and cat" bash -c 'head -c 3000000 "$0" >in && split -b 700000 in part. &&
	cat part.* | cmp - in && ls part.*' "$big"
run_good "dd" bash -c 'dd if="$0" of=out bs=70000 count=20 skip=3 status=none && cksum out' "$big"
run_good "od" bash -c 'od -An -tx1 -N 4000 "$0"' "$big"
run_good "sort" bash -c 'seq 20000 | sort -k1.2 -r | tail -n 50; seq 300 | sort -R --random-source="$0"' "$big"
run_good "uniq, tr, cut, paste, join" bash -c 'seq 2000 | tr 0-9 a-j | cut -c 1-2 | sort | uniq -c |
	paste - - - - ; join <(seq 10 | sort) <(seq 5 20 | sort)'
run_good "mkdir, mv, ln, chmod, stat, rm" bash -c 'mkdir -p a/b/c && touch a/b/f && ln -s f a/b/l &&
	ln a/b/f a/b/h && chmod 640 a/b/f && mv a/b/f a/b/g && stat -c "%A %h %s %F" a/b/* && rm -r a/b/c && ls -R'
run_good "date, printf, expr, factor" bash -c 'date -u -d @1234567890 +%c; printf "%x %e\n" 77 1.5;
	expr 6 \* 7; factor 1234567890123; seq -s+ 5 | bc'
run_good "id, pwd, uname" bash -c 'id; pwd; uname -srm; whoami'
run_good "tee and process substitution" bash -c 'mkfifo last; seq 1000 | tee >(tail -n 1 >last) >all & cat last; wait; cksum all; rm last'
lwk_balanced "nothing is left"
done_testing
