// SPDX-License-Identifier: GPL-2.0-only
/* Does the machine still do something? Its console, the time since, and what CPUs that hang are at. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static struct timespec last_progress;
static int console_fd = -1;
static char console_tail[4096];
static size_t console_tail_size;
static bool console_complained;

void note_progress(void)
{
	clock_gettime(CLOCK_MONOTONIC, &last_progress);
}

int seconds_idle(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - last_progress.tv_sec;
}

/*
 * The console counts as progress, but not the cries of a kernel that hangs:
 * those repeat for ever.
 */
void read_console(void)
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

static void ask_registers(FILE *f)
{
	static const char ask[] = "info registers -a\n";
	char bytes[4096];

	if (send(ports[PORT_MON], ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0)
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
}

/* What QEMU's threads do, and how many ticks each has run so far. */
static void save_threads(FILE *f)
{
	char path[PATH_MAX], line[1024];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)qemu.pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		unsigned long user, system;
		FILE *stat;
		char state;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)qemu.pid, d->d_name);
		stat = d->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!stat)
			continue;
		if (fgets(line, sizeof(line), stat) && strrchr(line, ')') &&
		    sscanf(strrchr(line, ')'),
			   ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user,
			   &system) == 3)
			fprintf(f, "%.*s: %c, ran %lu + %lu\n",
				(int)(strrchr(line, ')') - line) + 1, line, state, user, system);
		fclose(stat);
	}
	if (dir)
		closedir(dir);
}

/*
 * Twice, more than a second apart: a CPU that runs in circles is told from one that stands
 * still in QEMU itself.
 */
void save_registers(void)
{
	FILE *f = open_in_run("registers.txt", "w");

	for (int i = 0; f && i < 2; i++) {
		ask_registers(f);
		save_threads(f);
	}
	if (f)
		fclose(f);
}
