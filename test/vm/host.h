/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of boot/vm's half on the host have of each other: host.c carries the
 * streams, qemu.c is the emulator as a process, control.c speaks with the guest's agent,
 * progress.c tells a machine that hangs. All in one thread.
 */
#ifndef VM_HOST_H
#define VM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "wire.h"

/* ---- host.c ---- */

extern const char *run_dir;
extern bool has_tty; /* stdin and stdout are a terminal */

FILE *open_in_run(const char *name, const char *mode);
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);

/* ---- qemu.c ---- */

enum { PORT_IN, PORT_OUT, PORT_ERR, PORT_CTL, PORT_MON, PORT_COUNT };

extern int ports[PORT_COUNT]; /* our ends of what QEMU calls its character devices */

struct qemu {
	pid_t pid; /* 0: not started yet */
	bool has_ended;
	int status; /* then: as waitpid() gives it */
};
extern struct qemu qemu;

void start_qemu(char **args);
void look_after_qemu(void); /* behind a SIGCHLD */
void kill_qemu(void); /* and wait for its end */

/* ---- control.c ---- */

/* What the agent has said so far. */
struct guest {
	bool has_booted;
	bool has_started; /* the command */
	bool has_result;
	struct exit_frame result;
	char failure[512]; /* why there is no command to run; or "" */
	bool is_done; /* its last word */
};
extern struct guest guest;

void send_frame(enum frame_type type, const void *data, size_t size);
void send_winsize(void);
void read_control(void);

/* ---- progress.c ---- */

void note_progress(void);
int seconds_idle(void); /* since the last progress */
void read_console(void);
/* What QEMU knows about CPUs that hang, for RUN/registers.txt. */
void save_registers(void);

#endif
