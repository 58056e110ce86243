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
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"

#define BOOT_S 120 /* a guest's kernel that boots says something more often than this */
#define LAST_WORDS_S 30 /* how long a guest that timed out may collect its logs */
#define ESCAPE 0x1d /* Ctrl-], three in a row end an interactive machine */

struct stream {
	int from; /* -1: has ended */
	int to; /* -1: nobody wants the bytes */
	size_t at;
	size_t end;
	uint64_t total; /* bytes read from `from` */
	char bytes[65536];
};

const char *run_dir;
static int signal_fd;
static struct stream in = { .from = -1, .to = -1 };
static struct stream out = { .from = -1, .to = -1 };
static struct stream err = { .from = -1, .to = -1 };
bool has_tty;
static bool tty_is_raw;
static struct termios tty_before;
static bool no_boot;
static bool timed_out;
static int interrupted_by;

static void restore_tty(void)
{
	if (tty_is_raw)
		tcsetattr(0, TCSADRAIN, &tty_before);
	tty_is_raw = false;
}

void die(const char *fmt, ...)
{
	va_list ap;

	restore_tty();
	va_start(ap, fmt);
	fprintf(stderr, "vm: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	kill_qemu();
	exit(125);
}

FILE *open_in_run(const char *name, const char *mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return fopen(path, mode);
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
			look_after_qemu();
		} else if (info.ssi_signo == SIGWINCH) {
			/* Also while the guest prepares itself: it has had the size with the request. */
			if (has_tty && guest.has_booted)
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

	if (sent || !guest.has_started || in.from >= 0 || pending(&in))
		return;
	send_frame(FRAME_STDIN_END, &in.total, sizeof(in.total));
	sent = true;
}

static bool has_all_output(void)
{
	if (pending(&out) || pending(&err))
		return false;
	return (out.to < 0 || out.total >= guest.result.stdout_bytes) &&
	       (err.to < 0 || err.total >= guest.result.stderr_bytes);
}

/* One turn: waits for something to happen, at most a second. */
static void turn(void)
{
	struct pollfd p[5];

	end_stdin();
	p[0] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = ports[PORT_CTL], .events = POLLIN };
	watch(&p[2], &in);
	if (!guest.has_started)
		p[2].fd = -1; /* the command's input is not the machine's */
	watch(&p[3], &out);
	watch(&p[4], &err);
	if (qemu.has_ended)
		p[1].fd = -1;
	if (poll(p, 5, 1000) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	if (p[0].revents)
		handle_signals();
	if (p[1].revents)
		read_control();
	if (guest.has_started)
		serve_stream(&p[2], &in);
	serve_stream(&p[3], &out);
	serve_stream(&p[4], &err);
	read_console();
}

static void serve(int limit)
{
	/* The limit is the command's: a machine that comes up may be silent for longer. */
	int until_started = limit > BOOT_S ? limit : BOOT_S;

	note_progress();
	while (!qemu.has_ended && !interrupted_by) {
		if (guest.is_done && (!guest.has_result || has_all_output()))
			break;
		if (limit > 0 && !guest.has_booted && seconds_idle() >= BOOT_S) {
			no_boot = true;
			save_registers();
			break;
		}
		if (limit > 0 && !timed_out &&
		    seconds_idle() >= (guest.has_started ? limit : until_started)) {
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
	if (!qemu.has_ended && guest.is_done && !interrupted_by) {
		send_frame(FRAME_OFF, "", 0);
		for (int i = 0; i < 2000 && !qemu.has_ended; i++) {
			struct pollfd p = { .fd = signal_fd, .events = POLLIN };

			poll(&p, 1, 10);
			handle_signals();
		}
	}
	kill_qemu();
}

/* Passes on what a QEMU that has ended left in the sockets. */
static void pass_on_rest(int limit)
{
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
	else if (*guest.failure)
		fprintf(f, "failed: %s\n", guest.failure);
	else if (!guest.has_result && WIFSIGNALED(qemu.status))
		fprintf(f, "failed: QEMU was ended by signal %d\n", WTERMSIG(qemu.status));
	else if (!guest.has_result && WEXITSTATUS(qemu.status))
		fprintf(f, "failed: QEMU ended with status %d\n", WEXITSTATUS(qemu.status));
	else if (!guest.has_result)
		fprintf(f, "failed: the machine went down %s\n",
			guest.has_started ? "under the command" : "before the command");
	else if (!guest.is_done)
		fprintf(f, "failed: the machine went down behind the command\n");
	else if (WIFSIGNALED(guest.result.wait_status))
		fprintf(f, "signal %d\n", WTERMSIG(guest.result.wait_status));
	else
		fprintf(f, "exit %d\n", WEXITSTATUS(guest.result.wait_status));
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
