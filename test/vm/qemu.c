// SPDX-License-Identifier: GPL-2.0-only
/* The emulator as a process: its arguments, its ports, its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static const char *const port_names[PORT_COUNT] = {
	[PORT_IN] = PORT_STDIN,	   [PORT_OUT] = PORT_STDOUT,  [PORT_ERR] = PORT_STDERR,
	[PORT_CTL] = PORT_CONTROL, [PORT_MON] = "vm.monitor",
};

int ports[PORT_COUNT];
struct qemu qemu;
static int qemu_ports[PORT_COUNT]; /* QEMU's ends */

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

void start_qemu(char **args)
{
	char **argv = qemu_arguments(args);
	pid_t parent = getpid();

	qemu.pid = fork();
	if (qemu.pid < 0)
		die("fork: %s", strerror(errno));
	if (!qemu.pid) {
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

void look_after_qemu(void)
{
	if (waitpid(qemu.pid, &qemu.status, WNOHANG) == qemu.pid)
		qemu.has_ended = true;
}

void kill_qemu(void)
{
	if (qemu.pid <= 0 || qemu.has_ended)
		return;
	kill(qemu.pid, SIGKILL);
	while (waitpid(qemu.pid, &qemu.status, 0) < 0 && errno == EINTR)
		;
	qemu.has_ended = true;
}
