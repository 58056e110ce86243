#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Databases that share memory among their processes, on both kernels at once.
# vm-slow:
. "$(dirname "$0")/lib.sh"

chmod 711 "$scratch"
lwk_watch

# quiet COMMAND...
quiet() {
	"$@" >"$scratch/quiet" 2>&1 || { show "$scratch/quiet" >&2; return 1; }
}

# ---- PostgreSQL ----

base=$scratch/base
mkdir "$base"
chown postgres "$base"
device=/dev/mcos$os
chmod 666 "$device"
at_end chmod 600 "$device"
# postgres COMMAND...: as its user, who is not root.
postgres() {
	(cd "$base" && setpriv --reuid postgres --regid postgres --clear-groups \
		env HOME="$base" PGHOST="$base" PATH="/usr/lib/postgresql/15/bin:$PATH" "$@")
}
server() {
	postgres mcexec pg_ctl -s -w -t 100 -D data -l log -o "-k $base -c listen_addresses=''" "$@"
}
ask() {
	postgres psql -At postgres -c "$1"
}

ok "a cluster is made" quiet postgres mcexec initdb -A trust -D data
ok "the server starts on the LWK" server start
ok "pgbench's tables, by a client on Linux" quiet postgres pgbench -q -i postgres
ok "transactions of clients on Linux" quiet postgres pgbench -n -c 2 -t 50 postgres
ok "and of clients on the LWK" quiet postgres mcexec pgbench -n -c 2 -t 50 postgres
whole="select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history),
	(select count(*) from pgbench_history)"
is "all are there" "$(ask "$whole")" "t|200"

postgres pgbench -n -c 2 -T 600 postgres >"$scratch/bench" 2>&1 &
client=$!
more() {
	[ "$(ask 'select count(*) > 220 from pgbench_history')" = t ]
}
ok "more of them" wait_until more
kill -KILL "$(head -n 1 "$base/data/postmaster.pid")"
end_of $client
is "killed in the middle, the clients end" "$((status > 0))" 1
no_servers() {
	[ "$(lwk_counter proxies)" = 0 ]
}
ok "no process of it is left" wait_until no_servers
rm -f "$base/data/postmaster.pid"
ok "it starts again" server start
like "it recovers" "$(<"$base/log")" "database system was not properly shut down"
is "what is there is whole" "$(ask "$whole" | cut -c 1)" t
ok "it stops" server stop -m fast
ok "Linux's own takes over the files" \
	postgres pg_ctl -s -w -t 100 -D data -l log -o "-k $base -c listen_addresses=''" start
is "and finds the same" "$(ask "$whole" | cut -c 1)" t
ok "stops" postgres pg_ctl -s -w -D data stop -m fast

# ---- stores in a process ----

cat >"$scratch/store.py" <<'PY'
import lmdb, sys
env = lmdb.open(sys.argv[1], map_size=1 << 26, writemap=sys.argv[2] == 'map')
if sys.argv[3] == 'write':
    for i in range(int(sys.argv[4])):
        with env.begin(write=True) as txn:
            n = int(txn.get(b'n') or 0) + 1
            txn.put(b'n', b'%d' % n)
            txn.put(b'k%d' % n, b'%d' % n * 100)
else:
    wrong = last = 0
    while last < int(sys.argv[4]):
        with env.begin() as txn:
            n = int(txn.get(b'n') or 0)
            wrong += n < last or n and txn.get(b'k%d' % n) != b'%d' % n * 100
            last = n
    print('wrong:', wrong)
PY
for how in map file; do
	mkdir "$scratch/$how"
	for who in "mcexec -" "env mcexec" "mcexec mcexec"; do
		read -r one other <<<"$who"
		[ "$other" != - ] || other="env"
		rm -f "$scratch/$how"/*
		"$one" python3 "$scratch/store.py" "$scratch/$how" $how write 50 &
		pid=$!
		"$one" python3 "$scratch/store.py" "$scratch/$how" $how write 50 &
		second=$!
		is "LMDB ($how): two writers ($one), a reader ($other)" \
			"$("$other" python3 "$scratch/store.py" "$scratch/$how" $how read 100)" "wrong: 0"
		wait $pid $second
	done
	run_good "its copy" mdb_copy "$scratch/$how"
done

ok "leveldb" mcexec python3 -c '
import plyvel, sys
db = plyvel.DB(sys.argv[1], create_if_missing=True, write_buffer_size=65536)
for i in range(3000):
    db.put(b"%d" % (i * 7919 % 3000), b"%d" % i * 20)
db.close()
db = plyvel.DB(sys.argv[1])
assert all(db.get(b"%d" % (i * 7919 % 3000)) == b"%d" % i * 20 for i in range(3000))
assert sum(1 for _ in db) == 3000
' "$scratch/leveldb"

ok "RocksDB" quiet mcexec db_bench --benchmarks=fillrandom,compact,readrandom --num=10000 --db="$scratch/rocks" \
	--threads=2 --mmap_read=1 --mmap_write=1 --verify_checksum=1
ok "Linux finds its files whole" quiet ldb --db="$scratch/rocks" checkconsistency

cat >"$scratch/memmap.py" <<'PY'
import numpy as np, os, sys, time
what, name = sys.argv[1:]
x = np.memmap(name, 'float64', 'r+' if os.path.exists(name) else 'w+', shape=(4, 100000))
if what == 'make':
    x[:] = 0
elif what == 'fill':
    for i in range(1, 21):
        while x[1, 0] != i - 1:
            pass
        x[2] = np.arange(100000) * i
        x[0, 0] = i
else:
    for i in range(1, 21):
        while x[0, 0] != i:
            pass
        assert (x[2] == np.arange(100000) * i).all()
        x[1, 0] = i
    print('20 rounds')
PY
python3 "$scratch/memmap.py" make "$scratch/memmap"
mcexec python3 "$scratch/memmap.py" fill "$scratch/memmap" &
is "numpy's memmap, filled on the LWK, looked at on Linux" \
	"$(python3 "$scratch/memmap.py" look "$scratch/memmap")" "20 rounds"
wait $!
python3 "$scratch/memmap.py" make "$scratch/memmap"
python3 "$scratch/memmap.py" fill "$scratch/memmap" &
is "and the other way round" "$(mcexec python3 "$scratch/memmap.py" look "$scratch/memmap")" "20 rounds"
wait $!
lwk_balanced "nothing is left"
done_testing
