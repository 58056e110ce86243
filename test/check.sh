#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks the sources themselves, and the linked LWK; speaks TAP.
set -u
cd "$(dirname "$(realpath "$0")")/.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done)

# Prints the files whose names match the extended regular expression.
matching() {
	printf '%s\n' "${files[@]}" | grep -E "$1"
}

# report NAME: passes when stdin is empty, else shows it.
report() {
	local lines
	lines=$(cat)
	if [ -z "$lines" ]; then
		pass "$1"
	else
		fail "$1"
		note "$lines"
	fi
}

missing_spdx() {
	local f
	for f in $(matching '(\.[chS]|\.sh|\.lds|\.py|\.awk|\.cmake|CMakeLists\.txt|Kbuild|Makefile)$') \
		$(matching '^(boot|\.ci|test)/' | xargs -r grep -lE -m 1 '^#!'); do
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
			echo "$f: no SPDX line at its head"
	done
}

badly_formatted() {
	matching '\.[ch]$' | xargs -r clang-format -n 2>&1 | grep -E 'warning:|error:' |
		sed 's/: warning: code should be clang-formatted.*//' | head -n 40
}

unnumbered_todos() {
	matching '\.([chS]|sh|lds|md|awk)$' | grep -v '^test/check.sh$' |
		xargs -r grep -nE '\b(TODO|FIXME|XXX)\b' | grep -vE '(TODO|FIXME) ?\(?#[0-9]+'
}

# Each header of include/ and include/ihk compiles alone, in each world.
lonely_headers() {
	local header flavour
	for header in $(matching '^include/.*\.h$'); do
		for flavour in '' '-ffreestanding -nostdlib' '-ffreestanding -D__KERNEL__ -DMODULE'; do
			case $flavour:$header in -*:include/ihk/*) continue ;; esac
			# shellcheck disable=SC2086 # options
			echo "#include \"${header#include/}\"" |
				gcc -std=gnu11 $flavour -Wall -Wextra -Wundef -Werror -Iinclude \
					-fsyntax-only -x c - 2>&1 | sed "s,^,$header ($flavour): ,"
		done
	done | head -n 40
}

# Each header of ihk/ compiles alone, over the host tests' Linux: all but what stands
# on one machine's headers of Linux, or on its versions.
lonely_rooms() {
	local header
	for header in $(matching '^ihk/.*\.h$' | grep -vE '^ihk/(user/|base/compat\.h|arch/[^/]+/)'); do
		echo "#include \"${header#ihk/}\"" |
			gcc -std=gnu11 -Wall -Wno-unused-function -Werror -D__KERNEL__ \
				-Ibuild/test/unit/linux_headers -Iihk -Iinclude -Itest/unit \
				-fsyntax-only -x c - 2>&1 | sed "s,^,$header: ,"
	done | head -n 40
}

# Lines "FILE INCLUDED" of all C files and headers below $1.
includes_of() {
	matching "^$1/.*\\.[chS]\$" | xargs -r grep -nHE '^[[:space:]]*#[[:space:]]*include' |
		sed -E 's/^([^:]*):[0-9]*:[^"<]*["<]([^">]*)[">].*/\1 \2/'
}

# ihk/, mckernel/ and proxy/ meet in include/abi/ only.
crossing_includes() {
	local part file included
	for part in ihk mckernel proxy include boot executer; do
		includes_of $part | while read -r file included; do
			case $file in
			ihk/user/* | executer/*) bad='^(\.\./)*(mckernel|proxy|mck)/|^(\.\./)+ihk/[^u]' ;;
			ihk/*) bad='^(\.\./)+(mckernel|proxy|executer|test)/|^mck/|^ihk/|^mckernel/|^proxy/' ;;
			mckernel/*) bad='^(\.\./)+(ihk|proxy|executer|test)/|^ihk/|^proxy/|^linux/' ;;
			proxy/*) bad='^(\.\./)+(ihk|mckernel|executer|test)/|^ihk/|^mck/|^linux/' ;;
			include/abi/*) bad='^\.\.|^[^/]*/' && [[ $included == abi/* ]] && continue ;;
			include/*) bad='^(\.\./)|^mck/' ;;
			test/vm/*) bad='^(abi|ihk|mck)/' ;;
			*) bad='^(\.\./)+(ihk|mckernel|proxy|executer|test)/|^mck/|^ihk/' ;;
			esac
			[[ $included =~ $bad ]] && echo "$file must not include $included"
		done
	done
}

# The LWK's rooms, low to high; a lower one never includes a higher one.
mapfile -t rooms < <(sed -n 's/^room //p' test/order/mckernel)

level_of_room() {
	local level
	for level in "${!rooms[@]}"; do
		[ "${rooms[level]}" != "$1" ] || echo "$level"
	done
}

# A source's level is its room's; a header's is that of the room of its own name,
# or of the lowest room with a source of that name; what belongs to none is for
# all, and so is arch.h, the list of what every machine must have.
level_of() {
	local name=${1##*/} room='' path=${1#mckernel/} place
	name=${name%.*}
	case $path in
	include/mck/arch.h | mck/arch.h) room=0 ;;
	include/mck/* | mck/*)
		room=$(level_of_room "$name")
		for place in "${rooms[@]/%arch/arch/x86_64}"; do
			[ -z "$room" ] || break
			[ ! -e "mckernel/$place/$name.c" ] || room=$(level_of_room "${place%%/*}")
		done
		;;
	*) room=$(level_of_room "${path%%/*}") ;;
	esac
	echo "${room:-$2}"
}

climbing_includes() {
	local file included from to
	# arch/fake stands for all that the tests leave out.
	includes_of mckernel | grep ' mck/' | grep -v '^mckernel/arch/fake/' | while read -r file included; do
		from=$(level_of "$file" $((${#rooms[@]} - 1)))
		to=$(level_of "$included" 0)
		[ "$from" -ge "$to" ] || echo "$file is lower than $included, and includes it"
	done
}

# The module's rooms are its folders, and includes say the room.
climbing_rooms() {
	includes_of ihk | grep -E ' [a-z]+/[a-z_]+\.h$' | grep -vE '^ihk/user/| (abi|asm|linux)/' |
		awk 'NR == FNR { if ($1 == "room") level[$2] = ++rooms; next }
			{ from = $1; sub(/^ihk\//, "", from); sub(/[\/.].*/, "", from); to = $2; sub(/\/.*/, "", to) }
			!(to in level) { next }
			level[from] < level[to] { print $1 " is lower than " $2 ", and includes it" }' test/order/ihk -
}

# climbing_calls PART DIR SUFFIX: the objects of PART's sources stand in DIR; calls, unlike
# includes, show who is asked through a prototype in a header of one's own.
climbing_calls() {
	local part=$1 dir=$2 suffix=$3 file object objects=()
	for file in $(matching "^$part/.*\\.[cS]\$" | grep -vE '^ihk/user/|^mckernel/(arch/fake/|vdso/vdso\.c|.*/offsets\.c)'); do
		object=${file#"$part/"}
		[ -n "$suffix" ] && object+=$suffix || object=${object%.*}.o
		objects+=("$object")
		[ -e "$dir/$object" ] || echo "$file: no $dir/$object: not built"
	done
	(cat "test/order/$part"; cd "$dir" && nm -A --format=posix "${objects[@]}") |
		awk -f test/order/order.awk | sort
}

# What is one machine's own stands under arch/ or x86_64/: nothing else has an instruction, or
# names a register or device. Comments may, and so may an asm that is empty and an include.
machine_names() {
	local file names
	names='asm|__asm__|[re](ax|bx|cx|dx|si|di|bp|sp|ip|flags)|orig_r?ax|r(8|9|1[0-5])|cr[0-8]|dr[0-7]'
	names+='|[fg]s_?base|swapgs|cpuid|(rd|wr)msrl?|msr_[a-z0-9_]+|rdtscp?|tsc(_khz)?|([a-z]+_)?x?2?apic(_[a-z_]+)?'
	names+='|hpet|pmtmr|port_(in|out)[0-9]*|(in|out)[bwl]|xsave|fpu|tss|gdt|idt|em_386|[a-z_]*x86[a-z0-9_]*'
	for file in $(matching '^(ihk|mckernel|proxy|executer|include)/.*\.[chS]$' | grep -vE '/(arch|x86_64)/'); do
		# Preprocessed is: without its comments.
		gcc -fpreprocessed -dD -E -P -x c "$file" 2>&1 | grep -vE '^#include "|asm__ volatile\("" :' |
			grep -iowE "$names|<asm/[a-z0-9_/.]+>" | sort -u | sed "s,^,$file: ,"
	done
}

# analyse LIST OPTION...: cppcheck over the files of the list.
analyse() {
	local list=$1 id suppress=()
	local common=(--quiet --std=c11 --inline-suppr --error-exitcode=1 -j "$(nproc)"
		"--enable=warning,portability" '--template={file}:{line}: {id}: {message}'
		-D__x86_64__ -D__GNUC__=12 -D__UINT8_TYPE__='unsigned char' -D__UINT16_TYPE__='unsigned short'
		-D__UINT32_TYPE__='unsigned int' -D__UINT64_TYPE__='unsigned long'
		-D__INT32_TYPE__=int -D__INT64_TYPE__=long -D__SIZE_TYPE__='unsigned long' -Iinclude)
	shift
	for id in missingInclude missingIncludeSystem unmatchedSuppression unknownMacro nullPointerArithmetic \
		comparePointers invalidPrintfArgType_uint invalidPrintfArgType_sint preprocessorErrorDirective \
		normalCheckLevelMaxBranches toomanyconfigs; do
		suppress+=("--suppress=$id")
	done
	[ -s "$list" ] || return 0
	cppcheck "${common[@]}" "${suppress[@]}" "$@" --file-list="$list" 2>&1
}

static_analysis() {
	local list=build/test/cppcheck-files.txt
	matching '^(mckernel|proxy|executer|ihk/user|test/vm|test/bench)/.*\.c$' >$list
	analyse $list -Imckernel/include -Imckernel/arch/x86_64
	matching '^ihk/.*\.c$' | grep -v '^ihk/user/' >$list
	# Linux counts bytes with void *.
	analyse $list -D__KERNEL__ -DMODULE -Iihk --include=test/cppcheck.h \
		--suppress=arithOperationsOnVoidPointer
}

# sparse DIR: over the module, which kbuild has built in DIR. What it says of the same sources is
# remembered.
sparse_module() {
	local dir=$1 kver=${1##*/} hash said
	hash=$({ matching '^(ihk|include/abi)/' | grep -v '^ihk/user/' | xargs sha256sum; echo "$kver"; } |
		sha256sum | cut -c 1-16)
	said=build/test/sparse.$hash
	if [ ! -e "$said" ]; then
		rm -f build/test/sparse.*
		flock build/.lock make -s -C "/usr/src/linux-headers-$kver" "M=$PWD/$dir" "TOP=$PWD" \
			"MCPROXY=$PWD/build/proxy/mcproxy.bin" KCFLAGS=-Werror C=2 modules \
			>"$said.new" 2>&1 || { cat "$said.new"; echo "kbuild fails"; return; }
		mv "$said.new" "$said"
	fi
	# Linux's own headers are not ours to mend.
	sed "s,^$PWD/$dir/,ihk/,; s,^$PWD/,," "$said" | grep -E '^(ihk|include)/.*(warning|error):'
}

shell_scripts() {
	{ matching '\.sh$'; matching '^(boot|\.ci|test)/' | xargs -r grep -lE -m 1 '^#!.*\b(ba|busybox )?sh\b'; } |
		sort -u | xargs -r shellcheck -x -S warning -f gcc -e SC2187,SC2093,SC1007,SC2034,SC2154 2>&1 | awk "!seen[\$0]++" | head -n 40
}

image=build/mckernel/mckernel.img

# What is printed from the list of the contract stands in the documentation.
stale_contract() {
	build/bin/print-contract 2>&1 | diff docs/contract.md - 2>&1 | head -n 20
}

sse_in_image() {
	objdump -d --no-show-raw-insn "$image" | grep -E '%(x|y|z)mm[0-9]|%mm[0-7]' | head -n 20
}

# A mispredicted way into trap_common would run with the other side's %gs, up to the fence.
unfenced_entries() {
	objdump -d --no-show-raw-insn --disassemble=trap_common "$image" | awk '
		/<trap_common>:/ { seen = 1; fenced = 0 }
		/\tswapgs|\tjmp/ { fenced = 0 }
		/\tlfence/ { fenced = 1 }
		/%gs:/ || /\tcall/ { if (!fenced) print "trap_common: no lfence before " $0; calls++ }
		END { if (!seen || calls < 2) print "trap_common is not what it was: mend this check" }'
}

undefined_in_image() {
	nm -u "$image" | head -n 20
}

mkdir -p build/test
report "each source says its licence in its first lines" < <(missing_spdx)
report "C sources are formatted as .clang-format says" < <(badly_formatted)
report "what is to do has an issue's number" < <(unnumbered_todos)
report "each header of include/ compiles alone, in each world" < <(lonely_headers)
report "each header of ihk/ compiles alone" < <(lonely_rooms)
report "ihk/, mckernel/ and proxy/ meet in include/abi/ only" < <(crossing_includes)
report "what is x86's stands under arch/ or x86_64/" < <(machine_names)
report "no room of mckernel/ includes a higher one" < <(climbing_includes)
report "no room of ihk/ includes a higher one" < <(climbing_rooms)
report "cppcheck has nothing to say" < <(static_analysis | awk "!seen[\$0]++" | head -n 40)
report "shellcheck has nothing to say" < <(shell_scripts)
report "docs/contract.md is what build/bin/print-contract prints" < <(stale_contract)
report "each rule of test/mutate breaks something" < <(test/mutate --check 2>&1)
if [ -e "$image" ]; then
	report "the LWK has no SSE instruction" < <(sse_in_image)
	report "the LWK has no undefined symbol" < <(undefined_in_image)
	report "no room of mckernel/ calls a higher one, but as test/order/mckernel says" \
		< <(climbing_calls mckernel build/mckernel/CMakeFiles/mckernel_objects.dir .o)
	report "the LWK's entries fence behind the exchange of GS" < <(unfenced_entries)
else
	fail "the LWK is there: $image"
fi
module=$(find build/ihk -maxdepth 2 -name ihk.ko | sort -V | tail -n 1)
if [ -n "$module" ]; then
	report "no room of ihk/ calls a higher one, but as test/order/ihk says" \
		< <(climbing_calls ihk "$(dirname "$module")" '')
	report "sparse has nothing to say about ihk/" < <(sparse_module "$(dirname "$module")")
else
	fail "the module is there: build/ihk/*/ihk.ko"
fi
done_testing
