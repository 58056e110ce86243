// SPDX-License-Identifier: GPL-2.0-only
/* Frames to and from the guest's agent. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

struct guest guest;

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

void send_frame(enum frame_type type, const void *data, size_t size)
{
	struct frame f = { .type = type, .size = size };

	send_bytes(&f, sizeof(f));
	send_bytes(data, size);
}

void send_winsize(void)
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
		guest.has_booted = true;
		send_request();
		break;
	case FRAME_STARTED:
		guest.has_started = true;
		break;
	case FRAME_FAILED:
		snprintf(guest.failure, sizeof(guest.failure), "%.*s", (int)f->size, data);
		break;
	case FRAME_EXIT:
		if (f->size == sizeof(guest.result)) {
			memcpy(&guest.result, data, sizeof(guest.result));
			guest.has_result = true;
		}
		break;
	case FRAME_LOG:
		save_log(data, f->size);
		break;
	case FRAME_DONE:
		guest.is_done = true;
		break;
	}
}

void read_control(void)
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
			snprintf(guest.failure, sizeof(guest.failure),
				 "the guest's agent talks nonsense");
			guest.is_done = true;
			return;
		}
		if (filled < sizeof(f) + f.size)
			return;
		handle_frame(&f, buffer + sizeof(f));
		filled -= sizeof(f) + f.size;
		memmove(buffer, buffer + sizeof(f) + f.size, filled);
	}
}
