#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs of many threads that people start first: OpenMP, compressors, sort, python, ruby, perl.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

for threads in 2 5; do
	for case in $("$prog/openmp"); do
		run_good "OpenMP, $threads threads: $case" env OMP_NUM_THREADS=$threads \
			OMP_SCHEDULE=dynamic,3 "$prog/openmp" "$case"
	done
done

input=$scratch/input
cat /usr/share/common-licenses/* /bin/bash | head -c 1500000 >"$input"
for tool in 'pigz -p 4' 'pbzip2 -p4' 'xz -T4 -1 --block-size=300KiB' 'zstd -q -T4 -3'; do
	# shellcheck disable=SC2016 # $0, $1: of the inner shell
	run_good "$tool there and back" bash -c '$0 -c <"$1" >out && cksum <out && ${0%% *} -dc <out | cmp - "$1"' \
		"$tool" "$input"
done
seq 60000 | sed 's/^\(.*\)$/\1\1 \1/' | tac >"$scratch/lines"
run_good "sort --parallel=4" bash -c 'sort --parallel=4 -S 1M -k2n "$0" | cksum' "$scratch/lines"

cat >"$scratch/script.py" <<'PY'
import asyncio, concurrent.futures, queue, subprocess, sys, threading
total = 0
lock = threading.Lock()
def add(n):
    global total
    for i in range(n):
        with lock:
            total += i
threads = [threading.Thread(target=add, args=(500,)) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(total)
q, results = queue.Queue(maxsize=4), queue.Queue()
def worker():
    while (item := q.get()) is not None:
        results.put(item * item)
        q.task_done()
    q.task_done()
threads = [threading.Thread(target=worker) for _ in range(4)]
for t in threads: t.start()
for i in range(200): q.put(i)
for t in threads: q.put(None)
q.join()
for t in threads: t.join()
print(sum(results.queue))
with concurrent.futures.ThreadPoolExecutor(6) as pool:
    print(list(pool.map(lambda n: subprocess.run(["echo", str(n)], capture_output=True).stdout, range(6))))
async def run(n):
    p = await asyncio.create_subprocess_exec("sh", "-c", f"read x; echo $x {n}; exit {n}",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = await p.communicate(b"in\n")
    return out, p.returncode
async def main():
    print(await asyncio.gather(*(run(n) for n in range(5))))
    print(await asyncio.to_thread(sum, range(1000)))
asyncio.run(main())
local, event, cond = threading.local(), threading.Event(), threading.Condition()
turn = 0
def pass_on(me):
    global turn
    local.me = me
    event.wait()
    for i in range(me, 60, 3):
        with cond:
            cond.wait_for(lambda: turn == i)
            turn += 1
            cond.notify_all()
    assert local.me == me
threads = [threading.Thread(target=pass_on, args=(i,)) for i in range(3)]
for t in threads: t.start()
event.set()
for t in threads: t.join()
print(turn, threading.active_count())
sys.exit(0 if not event.wait(0) else 7)
PY
run_both "python: threading, queue, futures, asyncio" /usr/bin/python3 "$scratch/script.py"
is "it ended as it should" "$lwk_status" 7
# shellcheck disable=SC2016
run_good "ruby" ruby -e 'q = Queue.new; m = Mutex.new; sum = 0
t = 4.times.map { Thread.new { while (i = q.pop) != :end; m.synchronize { sum += i }; end } }
300.times { |i| q << i }; 4.times { q << :end }; t.each(&:join); puts sum
puts 3.times.map { |i| Thread.new { `echo #{i}` } }.map(&:value).inspect
begin; Thread.new { Thread.current.report_on_exception = false; raise "x" }.join; rescue => e; puts e.message; end
r, w = IO.pipe; t = Thread.new { r.read }; w << "piped"; w.close; puts t.value
puts Thread.new { sleep }.tap { |s| sleep 0.05; s.kill }.join.status.inspect'
# shellcheck disable=SC2016
run_good "perl" perl -e 'use threads; use threads::shared; use Thread::Queue;
my $sum :shared = 0; my $q = Thread::Queue->new;
my @t = map { threads->create(sub { while (defined(my $i = $q->dequeue)) { lock $sum; $sum += $i; } return $$ == getppid ? 1 : 0; }) } 1..4;
$q->enqueue(1..300); $q->end; print join(",", map { $_->join } @t), " $sum\n";
print threads->create(sub { `echo from a thread` })->join;'
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
