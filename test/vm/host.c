// SPDX-License-Identifier: GPL-2.0-only
/*
 * boot/vm's half on the host: starts QEMU, carries the streams of the command
 * in the guest, guards against hangs, and leaves the outcome in RUN/outcome.
 *
 *     vm-host RUN SECONDS QEMU [ARG...]
 *
 * RUN/request holds what FRAME_RUN carries, RUN/console.txt is where QEMU was
 * told to write the guest's console. The outcome is one line: "exit N",
 * "signal N", "timeout", "interrupted", "no boot" (the guest's own kernel hung
 * before any program ran), or "failed: REASON".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define BOOT_S 120 /* a guest's kernel that boots says something more often than this */
#define LAST_WORDS_S 30 /* how long a guest that timed out may collect its logs */
#define ESCAPE 0x1d /* Ctrl-], three in a row end an interactive machine */

enum { PORT_IN, PORT_OUT, PORT_ERR, PORT_CTL, PORT_MON, PORT_COUNT };

static const char *const port_names[PORT_COUNT] = {
	[PORT_IN] = PORT_STDIN,	   [PORT_OUT] = PORT_STDOUT,  [PORT_ERR] = PORT_STDERR,
	[PORT_CTL] = PORT_CONTROL, [PORT_MON] = "vm.monitor",
};

struct stream {
	int from; /* -1: has ended */
	int to; /* -1: nobody wants the bytes */
	size_t at;
	size_t end;
	uint64_t total; /* bytes read from `from` */
	char bytes[65536];
};

static const char *run_dir;
static int ports[PORT_COUNT]; /* our ends */
static int qemu_ports[PORT_COUNT]; /* QEMU's ends */
static pid_t qemu_pid;
static bool qemu_ended;
static int qemu_status;
static int signal_fd;
static struct stream in = { .from = -1, .to = -1 };
static struct stream out = { .from = -1, .to = -1 };
static struct stream err = { .from = -1, .to = -1 };
static bool has_tty;
static bool tty_is_raw;
static struct termios tty_before;
static struct exit_frame result;
static bool has_result;
static bool has_booted;
static bool has_started;
static bool no_boot;
static bool is_done;
static bool timed_out;
static int interrupted_by;
static char failure[512];
static struct timespec last_progress;
static int console_fd = -1;
static char console_tail[4096];
static size_t console_tail_size;
static bool console_complained;

static void restore_tty(void)
{
	if (tty_is_raw)
		tcsetattr(0, TCSADRAIN, &tty_before);
	tty_is_raw = false;
}

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list ap;

	restore_tty();
	va_start(ap, fmt);
	fprintf(stderr, "vm: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (qemu_pid > 0)
		kill(qemu_pid, SIGKILL);
	exit(125);
}

static void note_progress(void)
{
	clock_gettime(CLOCK_MONOTONIC, &last_progress);
}

static int seconds_idle(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - last_progress.tv_sec;
}

static FILE *open_in_run(const char *name, const char *mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return fopen(path, mode);
}

/* Control frames are few and small; the guest always reads them. */
static void send_bytes(const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = send(ports[PORT_CTL], p, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = ports[PORT_CTL], .events = POLLOUT };

			if (poll(&pfd, 1, 1000) > 0)
				continue;
		}
		if (n <= 0)
			return; /* QEMU is gone: its end will be noticed */
		p += n;
		size -= n;
	}
}

static void send_frame(enum frame_type type, const void *data, size_t size)
{
	struct frame f = { .type = type, .size = size };

	send_bytes(&f, sizeof(f));
	send_bytes(data, size);
}

static void send_winsize(void)
{
	struct winsize ws;
	struct winsize_frame w;

	if (ioctl(0, TIOCGWINSZ, &ws))
		return;
	w = (struct winsize_frame){ .rows = ws.ws_row, .cols = ws.ws_col };
	send_frame(FRAME_WINSIZE, &w, sizeof(w));
}

static void send_request(void)
{
	FILE *f = open_in_run("request", "r");
	static char data[FRAME_MAX];
	size_t n;

	if (!f)
		die("%s/request: %s", run_dir, strerror(errno));
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	if (has_tty)
		send_winsize();
	send_frame(FRAME_RUN, data, n);
}

/* Connects QEMU's character devices to us: sockets it inherits, never a name. */
static char **qemu_arguments(char **args)
{
	size_t n = 0, count = 0;
	char **argv;

	while (args[n])
		n++;
	argv = calloc(n + 4 * PORT_COUNT + 8, sizeof(*argv));
	if (!argv)
		die("out of memory");
	for (; count < n; count++)
		argv[count] = args[count];
	argv[count++] = "-device";
	argv[count++] = "virtio-serial-pci,id=vmports";
	for (int i = 0; i < PORT_COUNT; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			die("socketpair: %s", strerror(errno));
		ports[i] = pair[0];
		qemu_ports[i] = pair[1];
		fcntl(pair[0], F_SETFL, O_NONBLOCK);
		fcntl(pair[1], F_SETFD, 0);
		argv[count++] = "-chardev";
		if (asprintf(&argv[count++], "socket,id=vm%d,fd=%d", i, pair[1]) < 0)
			die("out of memory");
		if (i == PORT_MON) {
			argv[count++] = "-mon";
			argv[count++] = "chardev=vm4,mode=readline";
			continue;
		}
		argv[count++] = "-device";
		if (asprintf(&argv[count++],
			     "virtserialport,bus=vmports.0,nr=%d,chardev=vm%d,name=%s", i + 1, i,
			     port_names[i]) < 0)
			die("out of memory");
	}
	argv[count] = NULL;
	return argv;
}

static void start_qemu(char **args)
{
	char **argv = qemu_arguments(args);
	pid_t parent = getpid();

	qemu_pid = fork();
	if (qemu_pid < 0)
		die("fork: %s", strerror(errno));
	if (!qemu_pid) {
		FILE *log = open_in_run("qemu.txt", "w");
		sigset_t none;

		/* Its own session: Ctrl-C is for the guest, or for us. */
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		dup2(open("/dev/null", O_RDONLY), 0);
		if (log) {
			dup2(fileno(log), 1);
			dup2(fileno(log), 2);
		}
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	for (int i = 0; i < PORT_COUNT; i++)
		close(qemu_ports[i]);
}

static void save_log(const char *data, size_t size)
{
	size_t name_size = strnlen(data, size) + 1;
	FILE *f;

	if (name_size > size || strchr(data, '/'))
		return;
	f = open_in_run(data, "a");
	if (!f)
		return;
	fwrite(data + name_size, 1, size - name_size, f);
	fclose(f);
}

static void handle_frame(const struct frame *f, const char *data)
{
	switch (f->type) {
	case FRAME_HELLO:
		has_booted = true;
		send_request();
		break;
	case FRAME_STARTED:
		has_started = true;
		break;
	case FRAME_FAILED:
		snprintf(failure, sizeof(failure), "%.*s", (int)f->size, data);
		break;
	case FRAME_EXIT:
		if (f->size == sizeof(result)) {
			memcpy(&result, data, sizeof(result));
			has_result = true;
		}
		break;
	case FRAME_LOG:
		save_log(data, f->size);
		break;
	case FRAME_DONE:
		is_done = true;
		break;
	}
}

static void read_control(void)
{
	static char buffer[sizeof(struct frame) + FRAME_MAX];
	static size_t filled;
	struct frame f;
	ssize_t n;

	n = read(ports[PORT_CTL], buffer + filled, sizeof(buffer) - filled);
	if (n <= 0)
		return;
	note_progress();
	filled += n;
	while (filled >= sizeof(f)) {
		memcpy(&f, buffer, sizeof(f));
		if (f.size > FRAME_MAX) {
			snprintf(failure, sizeof(failure), "the guest's agent talks nonsense");
			is_done = true;
			return;
		}
		if (filled < sizeof(f) + f.size)
			return;
		handle_frame(&f, buffer + sizeof(f));
		filled -= sizeof(f) + f.size;
		memmove(buffer, buffer + sizeof(f) + f.size, filled);
	}
}

/*
 * The console counts as progress, but not the cries of a kernel that hangs:
 * those repeat for ever.
 */
static void read_console(void)
{
	static const char *const cries[] = { "stall", "lockup", "Call Trace", "blocked for more" };
	char *tail = console_tail;
	ssize_t n;

	if (console_fd < 0) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/console.txt", run_dir);
		console_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (console_fd < 0)
			return;
	}
	for (;;) {
		n = read(console_fd, tail + console_tail_size,
			 sizeof(console_tail) - 1 - console_tail_size);
		if (n <= 0)
			return;
		console_tail_size += n;
		tail[console_tail_size] = 0;
		for (size_t i = 0; i < sizeof(cries) / sizeof(cries[0]); i++)
			if (memmem(tail, console_tail_size, cries[i], strlen(cries[i])))
				console_complained = true;
		if (!console_complained)
			note_progress();
		if (console_tail_size > 64) {
			memmove(tail, tail + console_tail_size - 64, 64);
			console_tail_size = 64;
		}
	}
}

static bool pending(const struct stream *s)
{
	return s->at < s->end;
}

static bool asks_to_quit(const struct stream *s)
{
	static int escapes;

	for (size_t i = s->at; i < s->end; i++) {
		escapes = s->bytes[i] == ESCAPE ? escapes + 1 : 0;
		if (escapes == 3)
			return true;
	}
	return false;
}

static void fill(struct stream *s)
{
	ssize_t n = read(s->from, s->bytes, sizeof(s->bytes));

	if (n > 0) {
		s->at = 0;
		s->end = n;
		s->total += n;
		note_progress();
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		s->from = -1;
	}
	if (s == &in && has_tty && pending(s) && asks_to_quit(s))
		interrupted_by = SIGINT;
}

static void stream_is_gone(struct stream *s)
{
	s->to = -1;
	s->at = s->end;
	if (s == &out)
		send_frame(FRAME_STDOUT_GONE, "", 0);
	else if (s == &err)
		send_frame(FRAME_STDERR_GONE, "", 0);
}

static void drain(struct stream *s)
{
	size_t size = s->end - s->at;
	ssize_t n;

	if (s->to < 0) {
		s->at = s->end;
		return;
	}
	/* What poll() promises of a pipe: so many bytes without waiting. */
	if (s != &in && size > PIPE_BUF)
		size = PIPE_BUF;
	n = write(s->to, s->bytes + s->at, size);
	if (n > 0) {
		s->at += n;
		note_progress();
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		stream_is_gone(s);
	}
}

static void watch(struct pollfd *p, const struct stream *s)
{
	*p = (struct pollfd){ .fd = -1 };
	if (pending(s))
		*p = (struct pollfd){ .fd = s->to, .events = POLLOUT };
	else if (s->from >= 0)
		*p = (struct pollfd){ .fd = s->from, .events = POLLIN };
}

static void serve_stream(const struct pollfd *p, struct stream *s)
{
	if (pending(s)) {
		if (p->revents || s->to < 0)
			drain(s);
	} else if (p->revents) {
		fill(s);
	}
}

static void handle_signals(void)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			if (waitpid(qemu_pid, &qemu_status, WNOHANG) == qemu_pid)
				qemu_ended = true;
		} else if (info.ssi_signo == SIGWINCH) {
			/* Also while the guest prepares itself: it has had the size with the request. */
			if (has_tty && has_booted)
				send_winsize();
		} else {
			interrupted_by = info.ssi_signo;
		}
	}
}

/* Sends the end of stdin once, behind its last byte. */
static void end_stdin(void)
{
	static bool sent;

	if (sent || !has_started || in.from >= 0 || pending(&in))
		return;
	send_frame(FRAME_STDIN_END, &in.total, sizeof(in.total));
	sent = true;
}

static bool has_all_output(void)
{
	if (pending(&out) || pending(&err))
		return false;
	return (out.to < 0 || out.total >= result.stdout_bytes) &&
	       (err.to < 0 || err.total >= result.stderr_bytes);
}

/* One turn: waits for something to happen, at most a second. */
static void turn(void)
{
	struct pollfd p[5];

	end_stdin();
	p[0] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = ports[PORT_CTL], .events = POLLIN };
	watch(&p[2], &in);
	if (!has_started)
		p[2].fd = -1; /* the command's input is not the machine's */
	watch(&p[3], &out);
	watch(&p[4], &err);
	if (qemu_ended)
		p[1].fd = -1;
	if (poll(p, 5, 1000) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	if (p[0].revents)
		handle_signals();
	if (p[1].revents)
		read_control();
	if (has_started)
		serve_stream(&p[2], &in);
	serve_stream(&p[3], &out);
	serve_stream(&p[4], &err);
	read_console();
}

/* What QEMU knows about CPUs that hang, for RUN/registers.txt. */
static void save_registers(void)
{
	static const char ask[] = "info registers -a\n";
	FILE *f = open_in_run("registers.txt", "w");
	char bytes[4096];

	if (!f || send(ports[PORT_MON], ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0)
		return;
	for (;;) {
		struct pollfd p = { .fd = ports[PORT_MON], .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, 1000) <= 0)
			break;
		n = read(ports[PORT_MON], bytes, sizeof(bytes));
		if (n <= 0)
			break;
		fwrite(bytes, 1, n, f);
	}
	fclose(f);
}

static void serve(int limit)
{
	/* The limit is the command's: a machine that comes up may be silent for longer. */
	int until_started = limit > BOOT_S ? limit : BOOT_S;

	note_progress();
	while (!qemu_ended && !interrupted_by) {
		if (is_done && (!has_result || has_all_output()))
			break;
		if (limit > 0 && !has_booted && seconds_idle() >= BOOT_S) {
			no_boot = true;
			save_registers();
			break;
		}
		if (limit > 0 && !timed_out &&
		    seconds_idle() >= (has_started ? limit : until_started)) {
			timed_out = true;
			save_registers();
			send_frame(FRAME_TIMEOUT, "", 0);
			note_progress();
		}
		if (timed_out && seconds_idle() >= LAST_WORDS_S)
			break;
		turn();
	}
}

/* Ends the machine: politely if it has said its last word. */
static void stop_qemu(void)
{
	struct timespec wait = { .tv_nsec = 10 * 1000 * 1000 };

	if (!qemu_ended && is_done && !interrupted_by) {
		send_frame(FRAME_OFF, "", 0);
		for (int i = 0; i < 2000 && !qemu_ended; i++) {
			struct pollfd p = { .fd = signal_fd, .events = POLLIN };

			poll(&p, 1, 10);
			handle_signals();
		}
	}
	if (!qemu_ended) {
		kill(qemu_pid, SIGKILL);
		while (waitpid(qemu_pid, &qemu_status, 0) < 0 && errno == EINTR)
			nanosleep(&wait, NULL);
	}
}

/* Passes on what a QEMU that has ended left in the sockets. */
static void pass_on_rest(int limit)
{
	qemu_ended = true;
	while (!interrupted_by && (limit <= 0 || seconds_idle() < limit) &&
	       (out.from >= 0 || err.from >= 0 || pending(&out) || pending(&err)))
		turn();
}

static void leave_outcome(void)
{
	FILE *f = open_in_run("outcome", "w");

	if (!f)
		die("%s/outcome: %s", run_dir, strerror(errno));
	if (interrupted_by)
		fprintf(f, "interrupted\n");
	else if (no_boot)
		fprintf(f, "no boot\n");
	else if (timed_out)
		fprintf(f, "timeout\n");
	else if (*failure)
		fprintf(f, "failed: %s\n", failure);
	else if (!has_result && WIFSIGNALED(qemu_status))
		fprintf(f, "failed: QEMU was ended by signal %d\n", WTERMSIG(qemu_status));
	else if (!has_result && WEXITSTATUS(qemu_status))
		fprintf(f, "failed: QEMU ended with status %d\n", WEXITSTATUS(qemu_status));
	else if (!has_result)
		fprintf(f, "failed: the machine went down %s\n",
			has_started ? "under the command" : "before the command");
	else if (!is_done)
		fprintf(f, "failed: the machine went down behind the command\n");
	else if (WIFSIGNALED(result.wait_status))
		fprintf(f, "signal %d\n", WTERMSIG(result.wait_status));
	else
		fprintf(f, "exit %d\n", WEXITSTATUS(result.wait_status));
	fclose(f);
}

static void catch_signals(void)
{
	static const int caught[] = { SIGCHLD, SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		signal(caught[i], SIG_DFL);
		sigaddset(&set, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		die("signalfd: %s", strerror(errno));
	/* Whoever kills boot/vm ends the machine too. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void make_tty_raw(void)
{
	struct termios raw;

	if (tcgetattr(0, &tty_before))
		return;
	raw = tty_before;
	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
	tty_is_raw = true;
}

int main(int argc, char **argv)
{
	int limit;

	if (argc < 4)
		die("usage: vm-host RUN SECONDS QEMU [ARG...]");
	run_dir = argv[1];
	limit = atoi(argv[2]);
	has_tty = isatty(0) && isatty(1);
	catch_signals();
	start_qemu(argv + 3);
	in.from = isatty(0) && !has_tty ? -1 : 0;
	in.to = ports[PORT_IN];
	out.from = ports[PORT_OUT];
	out.to = 1;
	err.from = ports[PORT_ERR];
	err.to = 2;
	if (has_tty)
		make_tty_raw();
	serve(limit);
	stop_qemu();
	pass_on_rest(limit);
	restore_tty();
	leave_outcome();
	return interrupted_by ? 128 + interrupted_by : 0;
}
