#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A server with threads for its connections runs on the LWK, its clients on Linux: redis.
# vm:
. "$(dirname "$0")/lib.sh"

# The package of the clients has the server too: it goes by its name.
ln -s /usr/bin/redis-check-rdb "$scratch/redis-server"
port=7411
client() {
	redis-cli -p $port "$@"
}

# drive: what a client sees, byte for byte.
drive() {
	client set key "a value"
	client append key ", and more"
	client get key
	for n in 1 2 3 4 5; do client rpush list $n; done
	client lrange list 1 3
	client eval 'local s = 0 for i = 1, 20000 do s = s + i end return s' 0
	# Two of them at once, one of which waits for the other.
	client blpop waited 60 >"$scratch/waited" &
	wait_until waits || echo "nobody waits"
	client rpush waited here
	wait $!
	cat "$scratch/waited"
	redis-benchmark -p $port -n 600 -c 8 -P 4 -q -r 100 -t set,get,incr,lpush,zadd,mset |
		tr '\r' '\n' | grep -c 'requests per second'
	client scard nothing
	client save
	client bgsave
	wait_until saved || echo "not saved"
	client shutdown nosave
}
waits() {
	client info clients | grep -q '^blocked_clients:1'
}
saved() {
	client info persistence | grep -q '^rdb_bgsave_in_progress:0'
}
answers() {
	[ "$(client ping 2>/dev/null)" = PONG ]
}

# serve HOW [COMMAND...]: a server of its own, driven, until it ends.
serve() {
	local how=$1
	shift
	mkdir "$scratch/$how"
	"$@" "$scratch/redis-server" --port $port --dir "$scratch/$how" --save '' --io-threads 3 \
		--io-threads-do-reads yes >"$scratch/$how/log" 2>&1 &
	server=$!
	wait_until answers || show "$scratch/$how/log"
	[ "$how" != lwk ] || threads=$(ps -o nlwp= -p $server)
	drive >"$scratch/$how/out" 2>&1
	wait $server
	echo "status $?" >>"$scratch/$how/out"
}

serve native
lwk_watch
serve lwk mcexec
is "its clients see what they see on Linux" "$(<"$scratch/lwk/out")" "$(<"$scratch/native/out")"
ok "its threads are the proxy's" [ "${threads:-0}" -gt 4 ]
ok "both ended well" grep -q '^status 0$' "$scratch/lwk/out"
is "it saved the same" "$(redis-check-rdb "$scratch/lwk/dump.rdb" | tail -n 1)" \
	"$(redis-check-rdb "$scratch/native/dump.rdb" | tail -n 1)"
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
