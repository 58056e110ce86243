/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What boot/vm's two halves say to each other over the virtio-serial ports.
 *
 * Port "vm.stdin" carries the command's input, "vm.stdout" and "vm.stderr" its
 * output, each as plain bytes. Port "vm.control" carries frames: a struct
 * frame, then frame.size bytes. Bytes of different ports may overtake each
 * other, so whoever ends a stream says how many bytes it had.
 */
#ifndef VM_WIRE_H
#define VM_WIRE_H

#include <stdint.h>

#define PORT_STDIN "vm.stdin"
#define PORT_STDOUT "vm.stdout"
#define PORT_STDERR "vm.stderr"
#define PORT_CONTROL "vm.control"

/* One write to QEMU's isa-debug-exit device ends the machine. */
#define EXIT_PORT 0xf4

/* A frame is never larger than this; longer contents travel in pieces. */
#define FRAME_MAX (1u << 20)

enum frame_type {
	/* host to guest */
	FRAME_RUN =
		'R', /* strings, each with its NUL: cwd, TERM or "", VAR=value..., "", argv... */
	FRAME_WINSIZE = 'W', /* struct winsize_frame; before FRAME_RUN it asks for a pty */
	FRAME_STDIN_END = 'E', /* uint64_t: stdin ends after so many bytes */
	FRAME_STDOUT_GONE = 'O', /* empty: nobody reads stdout any more */
	FRAME_STDERR_GONE = 'P', /* empty: nobody reads stderr any more */
	FRAME_TIMEOUT = 'T', /* empty: give up the command, collect the logs */
	FRAME_OFF = 'Q', /* empty: everything has arrived, switch off */

	/* guest to host */
	FRAME_HELLO = 'H', /* empty: the agent waits for FRAME_RUN */
	FRAME_STARTED = 'S', /* empty: the command runs */
	FRAME_FAILED = 'F', /* text: why there is no command to run */
	FRAME_EXIT = 'X', /* struct exit_frame */
	FRAME_LOG = 'L', /* a file name with its NUL, then a piece of its contents */
	FRAME_DONE = 'D', /* empty: the last frame */
};

struct frame {
	uint32_t type;
	uint32_t size;
};

struct winsize_frame {
	uint16_t rows;
	uint16_t cols;
};

struct exit_frame {
	int32_t wait_status; /* as waitpid() gives it */
	uint32_t pad;
	uint64_t stdout_bytes;
	uint64_t stderr_bytes;
};

#endif
