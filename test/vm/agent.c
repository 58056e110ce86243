// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of boot/vm's guest: prepares the machine, runs the one command and
 * carries its streams over the virtio-serial ports, then switches off.
 */
#define _GNU_SOURCE
#include <dirent.h>
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
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

#define LOG_DIR "/run/vm/logs"
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes on their way from one descriptor to another. */
struct stream {
	int from; /* -1: has ended */
	int to; /* -1: nobody wants the bytes */
	size_t at;
	size_t end;
	uint64_t total; /* bytes read from `from` */
	char bytes[32768];
};

/* What FRAME_RUN asked for. */
struct request {
	char *cwd;
	char *term; /* empty without a terminal */
	char **env;
	char **argv;
};

static int control = -1;
static int port_stdin = -1;
static struct stream in = { .from = -1, .to = -1 };
static struct stream out = { .from = -1, .to = -1 };
static struct stream err = { .from = -1, .to = -1 };
static uint64_t stdin_end = UINT64_MAX;
static struct winsize_frame winsize;
static bool has_tty;
static int pty = -1;
static int sigchld_fd = -1;
static sigset_t plain_mask; /* the signal mask for children */
static pid_t command_pid;
static int command_status;
static bool command_ended;

__attribute__((noreturn)) static void power_off(void)
{
	sync();
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(0, EXIT_PORT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* The last word of an agent that cannot go on; the host reads the console. */
__attribute__((noreturn)) static void die(const char *what)
{
	dprintf(2, "vm agent: %s: %s\n", what, strerror(errno));
	power_off();
}

static void write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("write");
		p += n;
		size -= n;
	}
}

static void read_all(int fd, void *data, size_t size)
{
	char *p = data;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			struct pollfd pfd = { .fd = fd, .events = POLLIN };

			poll(&pfd, 1, -1);
			continue;
		}
		if (n <= 0)
			die("read from the control port");
		p += n;
		size -= n;
	}
}

static void send_frame(enum frame_type type, const void *data, size_t size)
{
	struct frame f = { .type = type, .size = size };

	write_all(control, &f, sizeof(f));
	write_all(control, data, size);
}

/* Reads one whole frame; the contents are NUL-terminated and the caller's. */
static char *receive_frame(struct frame *f)
{
	char *data;

	read_all(control, f, sizeof(*f));
	if (f->size > FRAME_MAX)
		die("frame too large");
	data = malloc(f->size + 1);
	if (!data)
		die("malloc");
	read_all(control, data, f->size);
	data[f->size] = 0;
	return data;
}

__attribute__((format(printf, 1, 2))) static void send_failure(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_frame(FRAME_FAILED, text, strlen(text));
}

/* Opens the port of that name; there is no udev to make links. */
static int open_port(const char *name)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *d;
	int fd = -1;

	if (!dir)
		die("/sys/class/virtio-ports");
	while (fd < 0 && (d = readdir(dir))) {
		char path[PATH_MAX], found[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(found, sizeof(found), f))
			found[strcspn(found, "\n")] = 0;
		fclose(f);
		if (strcmp(found, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", d->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	}
	closedir(dir);
	return fd;
}

static int wait_for_port(const char *name)
{
	/* The driver adds its ports in the background; there is no event to wait for. */
	for (int i = 0; i < 30000; i++) {
		int fd = open_port(name);

		if (fd >= 0)
			return fd;
		usleep(1000);
	}
	die(name);
}

static void reap(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(sigchld_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command_pid) {
			command_status = status;
			command_ended = true;
		}
	}
}

/* Runs test/vm/SCRIPT with its output in LOG_DIR/SCRIPT.txt. */
static int run_script(const char *script, const char *arg)
{
	const char *dir = getenv("VM_SCRIPTS");
	char path[PATH_MAX], log[PATH_MAX];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", script);
	snprintf(log, sizeof(log), LOG_DIR "/%s.txt", script);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

		sigprocmask(SIG_SETMASK, &plain_mask, NULL);
		setsid();
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execl("/bin/bash", "bash", path, arg, (char *)NULL);
		_exit(127);
	}
	for (;;) {
		pid_t got = waitpid(-1, &status, 0);

		if (got == pid)
			return status;
		if (got == command_pid && got > 0) {
			command_status = status;
			command_ended = true;
		}
		if (got < 0 && errno != EINTR)
			return -1;
	}
}

static void send_log(const char *name)
{
	size_t name_size = strlen(name) + 1;
	char path[PATH_MAX], piece[65536];
	int fd;

	snprintf(path, sizeof(path), LOG_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	memcpy(piece, name, name_size);
	for (;;) {
		ssize_t n = read(fd, piece + name_size, sizeof(piece) - name_size);

		if (n <= 0)
			break;
		send_frame(FRAME_LOG, piece, name_size + n);
	}
	close(fd);
}

/* Hands the logs over, waits until the host has everything, and ends. */
__attribute__((noreturn)) static void finish(const char *how)
{
	struct dirent *d;
	struct frame f;
	DIR *dir;

	run_script("down", how);
	dir = opendir(LOG_DIR);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			send_log(d->d_name);
	send_frame(FRAME_DONE, "", 0);
	do
		free(receive_frame(&f));
	while (f.type != FRAME_OFF);
	power_off();
}

static char **strings_until_empty(char **at, char *end)
{
	char **list = calloc(end - *at + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		die("calloc");
	while (*at < end && **at) {
		list[n++] = *at;
		*at += strlen(*at) + 1;
	}
	return list;
}

static void parse_request(struct request *rq, char *data, size_t size)
{
	char *at = data, *end = data + size;
	size_t n = 0;

	rq->cwd = at;
	at += strlen(at) + 1;
	rq->term = at < end ? at : "";
	at += strlen(rq->term) + 1;
	rq->env = strings_until_empty(&at, end);
	at++;
	/* An argument may be empty, so count instead of looking for an end. */
	rq->argv = calloc(size + 1, sizeof(*rq->argv));
	if (!rq->argv)
		die("calloc");
	for (; at < end; at += strlen(at) + 1)
		rq->argv[n++] = at;
}

/* The child's part: becomes the command. */
static void become_command(const struct request *rq, int fds[3])
{
	int e;

	sigprocmask(SIG_SETMASK, &plain_mask, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (has_tty)
		ioctl(fds[0], TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
	if (chdir(rq->cwd)) {
		dprintf(2, "vm: no directory %s in the guest, using /\n", rq->cwd);
		if (chdir("/"))
			_exit(126);
	}
	execvp(rq->argv[0], rq->argv);
	e = errno;
	dprintf(2, "vm: %s: %s\n", rq->argv[0], strerror(e));
	_exit(e == ENOENT ? 127 : 126);
}

static void set_winsize(void)
{
	struct winsize ws = { .ws_row = winsize.rows, .ws_col = winsize.cols };

	if (pty >= 0)
		ioctl(pty, TIOCSWINSZ, &ws);
}

static bool open_pty(int fds[3])
{
	int slave;

	pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (pty < 0 || grantpt(pty) || unlockpt(pty))
		return false;
	slave = open(ptsname(pty), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return false;
	fds[0] = fds[1] = fds[2] = slave;
	set_winsize();
	in.to = pty;
	out.from = pty;
	return true;
}

static bool open_pipes(int fds[3])
{
	int p[3][2];

	for (int i = 0; i < 3; i++)
		if (pipe2(p[i], O_CLOEXEC))
			return false;
	fds[0] = p[0][0];
	fds[1] = p[1][1];
	fds[2] = p[2][1];
	in.to = p[0][1];
	out.from = p[1][0];
	err.from = p[2][0];
	/* Our ends only: the command's ends are other descriptions. */
	fcntl(in.to, F_SETFL, O_NONBLOCK);
	fcntl(out.from, F_SETFL, O_NONBLOCK);
	fcntl(err.from, F_SETFL, O_NONBLOCK);
	return true;
}

static bool start_command(struct request *rq)
{
	int fds[3];

	if (!(has_tty ? open_pty(fds) : open_pipes(fds))) {
		send_failure("no terminal or pipes in the guest: %s", strerror(errno));
		return false;
	}
	command_pid = fork();
	if (command_pid < 0) {
		send_failure("fork in the guest: %s", strerror(errno));
		return false;
	}
	if (!command_pid)
		become_command(rq, fds);
	close(fds[0]);
	if (!has_tty) {
		close(fds[1]);
		close(fds[2]);
	}
	in.from = port_stdin;
	send_frame(FRAME_STARTED, "", 0);
	return true;
}

static bool pending(const struct stream *s)
{
	return s->at < s->end;
}

static void close_to(struct stream *s)
{
	if (s->to >= 0 && s->to != pty)
		close(s->to);
	s->to = -1;
}

static void close_from(struct stream *s)
{
	if (s->from >= 0 && s->from != port_stdin && s->from != pty)
		close(s->from);
	s->from = -1;
}

/* Moves what can be moved without waiting. Returns whether anything moved. */
static bool pump(struct stream *s)
{
	bool moved = false;
	ssize_t n;

	if (s->from >= 0 && !pending(s)) {
		n = read(s->from, s->bytes, sizeof(s->bytes));
		if (n > 0) {
			s->at = 0;
			s->end = n;
			s->total += n;
			moved = true;
		} else if ((n == 0 && s->from != port_stdin) ||
			   (n < 0 && errno != EAGAIN && errno != EINTR)) {
			close_from(s);
		}
	}
	if (pending(s)) {
		if (s->to < 0) {
			s->at = s->end;
			return true;
		}
		n = write(s->to, s->bytes + s->at, s->end - s->at);
		if (n > 0) {
			s->at += n;
			moved = true;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			close_to(s);
			s->at = s->end;
		}
	}
	return moved;
}

static void handle_frame(void)
{
	struct frame f;
	char *data = receive_frame(&f);

	switch (f.type) {
	case FRAME_WINSIZE:
		memcpy(&winsize, data, sizeof(winsize));
		set_winsize();
		break;
	case FRAME_STDIN_END:
		memcpy(&stdin_end, data, sizeof(stdin_end));
		break;
	case FRAME_STDOUT_GONE:
		if (!has_tty)
			close_from(&out);
		break;
	case FRAME_STDERR_GONE:
		close_from(&err);
		break;
	case FRAME_TIMEOUT:
		finish("timeout");
		break;
	}
	free(data);
}

static void watch(struct pollfd *p, const struct stream *s)
{
	*p = (struct pollfd){ .fd = -1 };
	if (pending(s) && s->to >= 0)
		*p = (struct pollfd){ .fd = s->to, .events = POLLOUT };
	else if (!pending(s) && s->from >= 0)
		*p = (struct pollfd){ .fd = s->from, .events = POLLIN };
}

static void serve(void)
{
	for (;;) {
		struct pollfd p[5];
		bool moved;

		if (in.from >= 0 && in.total >= stdin_end)
			in.from = -1;
		if (in.from < 0 && !pending(&in) && !has_tty)
			close_to(&in);

		moved = pump(&out);
		moved |= pump(&err);
		if (command_ended && !moved && !pending(&out) && !pending(&err))
			return;
		if (moved)
			continue;

		p[0] = (struct pollfd){ .fd = control, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = sigchld_fd, .events = POLLIN };
		watch(&p[2], &in);
		watch(&p[3], &out);
		watch(&p[4], &err);
		if (poll(p, ARRAY_COUNT(p), -1) < 0 && errno != EINTR)
			die("poll");
		if (p[1].revents)
			reap();
		if (p[0].revents & POLLIN)
			handle_frame();
		if (p[2].revents)
			pump(&in);
	}
}

static void block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &plain_mask);
	sigchld_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigchld_fd < 0)
		die("signalfd");
}

static void get_request(struct request *rq)
{
	struct frame f;

	send_frame(FRAME_HELLO, "", 0);
	for (;;) {
		char *data = receive_frame(&f);

		if (f.type == FRAME_RUN) {
			parse_request(rq, data, f.size); /* keeps data */
			return;
		}
		if (f.type == FRAME_WINSIZE) {
			memcpy(&winsize, data, sizeof(winsize));
			has_tty = true;
		} else if (f.type == FRAME_STDIN_END) {
			memcpy(&stdin_end, data, sizeof(stdin_end));
		}
		free(data);
	}
}

static void set_environment(const struct request *rq)
{
	clearenv();
	setenv("TERM", *rq->term ? rq->term : "dumb", 1);
	for (char **e = rq->env; *e; e++)
		putenv(*e);
}

int main(void)
{
	struct exit_frame x;
	struct request rq;

	block_signals();
	control = wait_for_port(PORT_CONTROL);
	port_stdin = wait_for_port(PORT_STDIN);
	out.to = wait_for_port(PORT_STDOUT);
	err.to = wait_for_port(PORT_STDERR);
	get_request(&rq);
	set_environment(&rq);
	mkdir("/run/vm", 0755);
	mkdir(LOG_DIR, 0755);
	if (run_script("up", NULL)) {
		send_failure("the guest could not be prepared");
		finish("failed");
	}
	if (!start_command(&rq))
		finish("failed");
	serve();
	x = (struct exit_frame){
		.wait_status = command_status,
		.stdout_bytes = out.total,
		.stderr_bytes = err.total,
	};
	send_frame(FRAME_EXIT, &x, sizeof(x));
	finish("ended");
}
