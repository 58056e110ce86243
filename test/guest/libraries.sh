#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What brings its own pool of threads: linear algebra, Fourier transforms, video, pictures, a web server.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# ---- libraries, with results that depend on no order ----

cat >"$scratch/blas.py" <<'PY'
# Products of matrices of whole numbers, which have one right result whatever the order of the sums;
# by four threads of the library's, for each of two callers at once.
import ctypes, hashlib, os, threading
blas = ctypes.CDLL("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0")
blas.openblas_set_num_threads(4)
N = 96
def matrix(seed):
    return (ctypes.c_double * (N * N))(*((i * seed) % 17 - 8 for i in range(N * N)))
def times(a, b, out):
    blas.cblas_dgemm(101, 111, 111, N, N, N, ctypes.c_double(1), a, N, b, N, ctypes.c_double(0), out, N)
def exactly(a, b, i, j):
    return sum(a[i * N + k] * b[k * N + j] for k in range(N))
def work(seed, digests):
    a, b, c = matrix(seed), matrix(seed + 2), matrix(1)
    for _ in range(6):
        times(a, b, c)
    for i, j in ((0, 0), (N - 1, N - 1), (77, 3)):
        assert c[i * N + j] == exactly(a, b, i, j)
    digests[seed] = hashlib.sha256(bytes(c)).hexdigest()
digests = {}
callers = [threading.Thread(target=work, args=(seed, digests)) for seed in (5, 7)]
for t in callers: t.start()
for t in callers: t.join()
print(blas.openblas_get_num_threads(), len(os.listdir("/proc/self/task")) >= 4, sorted(digests.items()))
PY
run_good "OpenBLAS: dgemm by four threads" /usr/bin/python3 "$scratch/blas.py"

cat >"$scratch/fft.py" <<'PY'
# There and back is the same times the length; and one frequency in is one peak out.
import ctypes, math
fft = ctypes.CDLL("libfftw3.so.3", mode=ctypes.RTLD_GLOBAL)
threads = ctypes.CDLL("libfftw3_threads.so.3")
fft.fftw_plan_dft_2d.restype = ctypes.c_void_p
fft.fftw_malloc.restype = ctypes.c_void_p
N = 128
assert threads.fftw_init_threads()
for count in (1, 4, 7):
    threads.fftw_plan_with_nthreads(count)
    data = (ctypes.c_double * (2 * N * N)).from_address(fft.fftw_malloc(ctypes.c_size_t(16 * N * N)))
    plans = [ctypes.c_void_p(fft.fftw_plan_dft_2d(N, N, data, data, sign, 64)) for sign in (-1, 1)]
    for i in range(N * N):
        data[2 * i] = math.cos(2 * math.pi * 5 * (i % N) / N)
        data[2 * i + 1] = 0
    before = data[0:2 * N]
    for _ in range(2):
        fft.fftw_execute(plans[0])
        peaks = [i for i in range(N * N) if abs(data[2 * i]) > 1]
        fft.fftw_execute(plans[1])
        for i in range(2 * N * N):
            data[i] /= N * N
    print(count, peaks, max(abs(a - b) for a, b in zip(before, data)) < 1e-12)
PY
run_good "FFTW by one, four and seven threads" /usr/bin/python3 "$scratch/fft.py"

for threads in 1 4; do
	run_good "x264: a film by $threads threads" "$prog/encode" $threads
done

# ---- pictures ----

# shellcheck disable=SC2016 # $0: of the inner shell
run_good "ImageMagick: draw, turn, blur, scale, compare" env MAGICK_THREAD_LIMIT=4 bash -c '
convert -size 150x100 gradient:red-blue -rotate 30 -blur 0x3 -resize 90x70! turned.ppm
convert turned.ppm -colorspace Gray -edge 2 -quality 80 edges.jpg
convert turned.ppm turned.png && compare -metric AE turned.ppm turned.png null: 2>&1
rm turned.png # it has the time in it
convert edges.jpg rgb:- | cksum; convert turned.ppm rgb:- | cksum'

# ---- a web server with workers and a pool of threads, its clients on Linux ----

port=7413
mkdir "$scratch/html"
head -c 300000 /bin/bash >"$scratch/html/large"
echo hello >"$scratch/html/small"
chmod -R a+rX "$scratch"
cat >"$scratch/client.py" <<'PY'
import hashlib, sys, threading, urllib.error, urllib.request
url = "http://127.0.0.1:" + sys.argv[1] + "/"
lines = []
def get(n):
    for path in ("small", "large", "none") * 2:
        try:
            body, status = urllib.request.urlopen(url + path).read(), 200
        except urllib.error.HTTPError as e:
            body, status = e.read(), e.code
        lines.append(f"{path} {status} {len(body)} {hashlib.md5(body).hexdigest()}")
clients = [threading.Thread(target=get, args=(n,)) for n in range(6)]
for c in clients: c.start()
for c in clients: c.join()
print("\n".join(f"{lines.count(line)} {line}" for line in sorted(set(lines))))
PY
answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}
workers() {
	[ "$(pgrep -c -P $server)" = 2 ] && [ "$(pgrep -d, -P $server)" != "${old:-}" ]
}
# serve HOW [COMMAND...]: driven, with a new configuration meanwhile, to its end.
serve() {
	local how=$1 old
	shift
	cat >"$scratch/$how.conf" <<-CONF
	daemon off; user root; worker_processes 2; pid $scratch/$how.pid; error_log $scratch/$how.log;
	thread_pool default threads=3;
	events { worker_connections 64; }
	http {
		access_log off; sendfile off; aio threads; output_buffers 2 16k;
		client_body_temp_path $scratch/$how.a; proxy_temp_path $scratch/$how.b;
		fastcgi_temp_path $scratch/$how.c; uwsgi_temp_path $scratch/$how.d; scgi_temp_path $scratch/$how.e;
		server { listen 127.0.0.1:$port; root $scratch/html; }
	}
	CONF
	"$@" nginx -c "$scratch/$how.conf" 2>"$scratch/$how.err" &
	server=$!
	wait_until answers || show "$scratch/$how.err"
	wait_until workers
	old=$(pgrep -d, -P $server)
	{
		/usr/bin/python3 "$scratch/client.py" $port
		ps -o nlwp= -p "$old" | tr -d ' '
		kill -HUP $server
		wait_until workers || echo "no new workers"
		/usr/bin/python3 "$scratch/client.py" $port
		kill -QUIT $server
	} >"$scratch/$how.out" 2>&1
	wait $server
	echo "status $?" >>"$scratch/$how.out"
}
serve native
serve lwk mcexec
is "nginx: its clients see what they see on Linux, before and after a reload" \
	"$(<"$scratch/lwk.out")" "$(<"$scratch/native.out")"
is "its workers have their threads, and it ends well" \
	"$(grep -cE '^4$|^status 0$|^12 large 200 300000 ' "$scratch/lwk.out")" 5
is "it complains of nothing" "$(cat "$scratch/lwk.log" "$scratch/lwk.err" | grep -c -E 'emerg|alert|crit')" 0
lwk_watched "what was started lived on the LWK"
# Hundreds of files are cached by now, perhaps in the place of others: each has a table of its
# pages, which is the kernel's, however many pages there were before.
baseline=()
lwk_balanced "nothing is left"
done_testing
