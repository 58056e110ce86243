// SPDX-License-Identifier: GPL-2.0-only
// Thread pools, monitors, exceptions made from faults, children, and garbage from all threads.
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

public class Pools {
	private static int guarded;

	private static synchronized void add(int n) {
		guarded += n;
	}

	private static void tasks() throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(6);
		List<Callable<Integer>> work = new ArrayList<>();
		long sum = 0;
		for (int i = 0; i < 300; i++) {
			final int n = i;
			work.add(() -> {
				add(n);
				return n * n;
			});
		}
		for (Future<Integer> f : pool.invokeAll(work))
			sum += f.get();
		pool.shutdown();
		System.out.println("tasks " + sum + " " + guarded);
	}

	private static void turns() throws Exception {
		final Object monitor = new Object();
		final int[] turn = { 0 };
		Thread[] threads = new Thread[3];
		for (int i = 0; i < threads.length; i++) {
			final int me = i;
			threads[i] = new Thread(() -> {
				for (int at = me; at < 90; at += 3) {
					synchronized (monitor) {
						try {
							while (turn[0] != at)
								monitor.wait();
						} catch (InterruptedException e) {
							return;
						}
						turn[0]++;
						monitor.notifyAll();
					}
				}
			});
			threads[i].start();
		}
		for (Thread t : threads)
			t.join();
		System.out.println("turns " + turn[0]);
	}

	/* Each thread makes garbage while others do, and keeps some. */
	private static void garbage() throws Exception {
		CountDownLatch done = new CountDownLatch(4);
		long[] sums = new long[4];
		for (int i = 0; i < 4; i++) {
			final int me = i;
			new Thread(() -> {
				Map<Integer, byte[]> kept = new HashMap<>();
				for (int n = 0; n < 3000; n++) {
					byte[] b = new byte[4096 + n % 512];
					b[n % 4096] = (byte)n;
					kept.put(n % 100, b);
				}
				for (byte[] b : kept.values())
					for (byte x : b)
						sums[me] += x & 0xff;
				done.countDown();
			}).start();
		}
		done.await();
		System.gc();
		System.out.println("garbage " + sums[0] + " " + (sums[0] == sums[1] && sums[2] == sums[3]));
	}

	private static int depth;

	private static void deeper() {
		depth++;
		deeper();
	}

	private static void faults() {
		Object nothing = depth > 0 ? "" : null;
		int zero = depth;
		try {
			nothing.hashCode();
		} catch (NullPointerException e) {
			System.out.println("faults: null");
		}
		try {
			System.out.println(1 / zero);
		} catch (ArithmeticException e) {
			System.out.println("faults: " + e.getMessage());
		}
		try {
			deeper();
		} catch (StackOverflowError e) {
			System.out.println("faults: stack " + (depth > 500));
		}
	}

	private static void children() throws IOException, InterruptedException {
		Process p = new ProcessBuilder("sh", "-c", "cat; exit 3").start();
		p.getOutputStream().write("through a child".getBytes());
		p.getOutputStream().close();
		String text = new String(p.getInputStream().readAllBytes());
		System.out.println("children: " + text + " " + p.waitFor());
		Path file = Files.createTempFile("pools", null);
		Files.writeString(file, "kept");
		System.out.println("files: " + Files.readString(file));
		Files.delete(file);
	}

	public static void main(String[] args) throws Exception {
		tasks();
		turns();
		garbage();
		faults();
		children();
		System.out.println("streams " + IntStream.range(0, 100000).parallel().filter(n -> n % 7 == 0).count());
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("ended")));
		System.exit(5);
	}
}
