/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the guest's process 1 have of each other: agent.c carries the streams,
 * port.c has the ports and what is said on the control port, request.c what the host asks for.
 */
#ifndef VM_AGENT_H
#define VM_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "wire.h"

/* ---- port.c ---- */

int wait_for_port(const char *name);
void control_open(void); /* before the four below */
void send_frame(enum frame_type type, const void *data, size_t size);
/* Reads one whole frame; the contents are NUL-terminated and the caller's. */
char *receive_frame(struct frame *f);
__attribute__((format(printf, 1, 2))) void send_failure(const char *fmt, ...);
int control_fd(void); /* to poll */

__attribute__((noreturn)) void power_off(void);
/* The last word of an agent that cannot go on; the host reads the console. */
__attribute__((noreturn)) void die(const char *what);

/* ---- request.c ---- */

/* What FRAME_RUN asked for. */
struct request {
	char *cwd;
	char *term; /* empty without a terminal */
	char **env;
	char **argv;
};

/* Keeps data, which ends in a NUL. */
void parse_request(struct request *rq, char *data, size_t size);
void set_environment(const struct request *rq);
/* The child's part: becomes the command, with a terminal of its own if fds are one. */
__attribute__((noreturn)) void become_command(const struct request *rq, const int fds[3],
					      bool has_tty);

#endif
