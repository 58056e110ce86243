#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A memfd is written through shared mappings that nothing counts: private mappings show what it holds.
# vm:
. "$(dirname "$0")/lib.sh"

cat >"$scratch/look.py" <<'LOOK'
import mmap, os, sys
with mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 4096, access=mmap.ACCESS_COPY) as m:
    print(m[:5].decode())
LOOK
cat >"$scratch/change.py" <<'CHANGE'
import mmap, os, subprocess, sys
fd = os.memfd_create("changing")
os.ftruncate(fd, 4096)
for text in b"one..", b"two..", b"three":
    with mmap.mmap(fd, 4096) as m:
        m[:5] = text
    print(text.decode(), flush=True)
    subprocess.run(["mcexec", "python3", sys.argv[1], f"/proc/{os.getpid()}/fd/{fd}"])
CHANGE
is "each private mapping shows what the file holds" \
	"$(python3 "$scratch/change.py" "$scratch/look.py" | uniq -c | awk '{ print $1, $2 }')" \
	$'2 one..\n2 two..\n2 three'
lwk_balanced "nothing is left"
done_testing
