// SPDX-License-Identifier: GPL-2.0-only
/* The guest's ends of the virtio-serial ports, and the frames on one of them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "agent.h"

static int control = -1;

void power_off(void)
{
	sync();
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(0, EXIT_PORT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void die(const char *what)
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

void send_frame(enum frame_type type, const void *data, size_t size)
{
	struct frame f = { .type = type, .size = size };

	write_all(control, &f, sizeof(f));
	write_all(control, data, size);
}

char *receive_frame(struct frame *f)
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

void send_failure(const char *fmt, ...)
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

int wait_for_port(const char *name)
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

void control_open(void)
{
	control = wait_for_port(PORT_CONTROL);
}

int control_fd(void)
{
	return control;
}
