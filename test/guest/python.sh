#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's python3 with its extension modules, subprocesses and files.
# vm:
. "$(dirname "$0")/lib.sh"

python=/usr/bin/python3
cat >"$scratch/script.py" <<'PY'
import ctypes, decimal, hashlib, json, os, re, subprocess, sys, tempfile, zlib
from decimal import Decimal

data = {"numbers": list(range(200)), "text": "ä€😀" * 20, "nested": [{"a": None, "b": 1.5}]}
text = json.dumps(data, sort_keys=True)
assert json.loads(text) == data
print(hashlib.sha256(text.encode()).hexdigest(), hashlib.md5(text.encode()).hexdigest())
print(re.sub(r"(\d+), (\d+)", r"\2 \1", text)[:200])
decimal.getcontext().prec = 60
print(Decimal(2).sqrt(), Decimal(1) / Decimal(7))
packed = zlib.compress(text.encode() * 50, 9)
print(len(packed), zlib.crc32(packed), zlib.decompress(packed) == text.encode() * 50)
libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.strtod.restype = ctypes.c_double
print(libc.abs(-7), libc.strtod(b"2.5", None))
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 6)(5, 3, 9, 1, 7, 2)
libc.qsort(numbers, 6, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
print(list(numbers))
print(subprocess.run(["sh", "-c", "cat; echo err >&2; exit 5"], input=b"through a pipe\n",
                     capture_output=True))
print(subprocess.check_output("seq 5 | tac", shell=True, text=True).split())
with open("file.txt", "w", encoding="utf-8") as f:
    f.writelines(f"line {i} ä\n" for i in range(1000))
with open("file.txt", "rb") as f:
    f.seek(-20, os.SEEK_END)
    print(f.read())
with tempfile.TemporaryDirectory() as d:
    os.symlink("nowhere", d + "/link")
    print(os.listdir(d), os.path.islink(d + "/link"))
pid = os.fork()
if pid == 0:
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(sum(x * x for x in range(20000)), sorted({"c": 1, "a": 2}), sys.version_info[:2])
sys.exit(4)
PY
run_both "json, hashlib, re, decimal, zlib, ctypes, subprocess, files" $python "$scratch/script.py"
is "it ended as it should" "$lwk_status" 4
run_both "an exception" $python -c 'raise ValueError("to stderr")'
run_good "signals" $python -c 'import signal, os, time
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
print("alarm", signal.sigpending())'
run_good "sqlite3 and big integers" $python -c 'import sqlite3
c = sqlite3.connect("x.db"); c.execute("create table t(a)"); c.executemany("insert into t values(?)", ((i,) for i in range(500)))
c.commit(); print(c.execute("select sum(a) from t").fetchone(), 3 ** 500)'
lwk_balanced "nothing is left"
done_testing
