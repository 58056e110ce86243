/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user at a terminal: terminal STEP... -- COMMAND [ARG...]
 * +TEXT waits until the command's output has TEXT (behind what was found
 * before), -TEXT types TEXT, =ROWSxCOLUMNS changes the window, @NR waits until
 * the command is blocked in system call NR. At the end it
 * prints what was found and the command's status; on an end before the last
 * +TEXT, all output.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

static char output[1 << 16];
static size_t have, seen;

/* Reads more; false at the end. */
static bool listen_more(int master)
{
	ssize_t n = read(master, output + have, sizeof(output) - 1 - have);

	if (n <= 0)
		return false;
	have += n;
	output[have] = '\0';
	return true;
}

static void wait_for(int master, const char *text)
{
	char *found;

	while (!(found = strstr(output + seen, text))) {
		if (!listen_more(master)) {
			say("ended before: %s\nall output:\n%s", text, output);
			exit(1);
		}
	}
	seen = found - output + strlen(text);
	say("%s", text);
}

static pid_t start(int master, char **command)
{
	pid_t pid = fork();
	int fd;

	NEED(pid >= 0);
	if (pid > 0)
		return pid;
	setsid();
	fd = open(ptsname(master), O_RDWR);
	NEED(fd >= 0);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	close(fd);
	execvp(command[0], command);
	_exit(127);
}

int main(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), command = 1, status;
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	pid_t pid;

	while (command < argc && strcmp(argv[command], "--") != 0)
		command++;
	NEED(command + 1 < argc && master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	NEED(ioctl(master, TIOCSWINSZ, &size) == 0);
	pid = start(master, argv + command + 1);
	for (int i = 1; i < command; i++) {
		char *text = argv[i] + 1;

		if (argv[i][0] == '+') {
			wait_for(master, text);
		} else if (argv[i][0] == '-') {
			NEED(write(master, text, strlen(text)) == (ssize_t)strlen(text));
		} else if (argv[i][0] == '@') {
			await_call(pid, atol(text));
		} else {
			NEED(sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) == 2);
			NEED(ioctl(master, TIOCSWINSZ, &size) == 0);
		}
	}
	while (listen_more(master))
		;
	NEED(waitpid(pid, &status, 0) == pid);
	say("status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
