#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sort, awk, sed, grep, find, tar, bc, perl on real files.
# vm:
. "$(dirname "$0")/lib.sh"

docs=/usr/share/common-licenses
run_good "sort" sort $docs/GPL-2 $docs/GPL-3
run_good "sort -u by words" bash -c "tr -cs A-Za-z '\n' <$docs/GPL-3 | sort -f | uniq -ci | sort -rn | head -n 40"
run_good "awk" awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) if (n[w] > 20) print n[w], w | "sort" }' \
	$docs/GPL-3
run_good "awk, numbers" awk 'BEGIN { for (i = 0; i < 3000; i++) s += sin(i) * log(i + 1); printf "%.12f\n", s }'
run_good "sed" sed -n '/License/{s/\([A-Z]\)\([a-z]*\)/\2\1/g;p}' $docs/GPL-3
run_good "sed -i" bash -c "cp $docs/BSD . && sed -i.old 's/the/THE/g' BSD && cat BSD BSD.old"
run_good "grep -r" grep -rn 'warranty' $docs
run_good "grep -E -o" grep -Eoh '\b[a-z]+ing\b' $docs/GPL-2
run_good "find" bash -c "find /usr/share/doc/[a-c]* -name '*.gz' -size +2k -printf '%p %s %y\n' | sort"
run_good "find -exec" find $docs -type f -name 'L*' -exec wc -l {} +
run_good "xargs" bash -c "ls $docs | sort | xargs -n 3 echo with"
run_good "tar" bash -c "tar -C /usr/share -cf - common-licenses | tar -tvf - | sort;
	tar -C /usr/share -czf out.tgz common-licenses && mkdir x && tar -C x -xzf out.tgz &&
	diff -r x/common-licenses $docs && rm out.tgz && echo same"
run_stdin=$scratch/sums
printf 'scale=60\n4*a(1)\ne(1)\n2^300\ndefine f(n) { if (n < 2) return 1; return n * f(n - 1); }\nf(60)\n' >"$run_stdin"
run_good "bc, much" bc -lq
run_stdin=/dev/null
run_good "perl" perl -e 'my %h; $h{$_ % 97} .= chr(65 + $_ % 26) for 1 .. 5000;
	print "$_ ", length $h{$_}, substr($h{$_}, 0, 9), "\n" for sort { $a <=> $b } keys %h;
	my $t = join ",", map { $_ ** 3 } 1 .. 300; print length $t, scalar(() = $t =~ /12/g), "\n"'
run_good "perl, fork and pipes" perl -e 'for my $i (1 .. 5) { open my $p, "-|", "echo", $i * $i or die; print <$p> }
	my $pid = fork; if (!$pid) { exit 9 } waitpid $pid, 0; print $? >> 8, "\n"'
run_good "diff and patch-like tools" bash -c "diff $docs/GPL-2 $docs/LGPL-2 | head -n 100; ! cmp -s $docs/GPL-2 $docs/GPL-3"
run_good "file" file -b "$prog/start" $docs/GPL-3
lwk_balanced "nothing is left"
done_testing
