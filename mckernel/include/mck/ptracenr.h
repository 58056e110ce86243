/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests of ptrace(), as Linux numbers them. */
#ifndef MCK_PTRACENR_H
#define MCK_PTRACENR_H

#define PTRACE_PEEKUSER 3
#define PTRACE_POKEUSER 6
#define PTRACE_GETREGS 12
#define PTRACE_SETREGS 13
#define PTRACE_GETFPREGS 14
#define PTRACE_SETFPREGS 15
#define PTRACE_ATTACH 16
#define PTRACE_GETREGSET 0x4204
#define PTRACE_SETREGSET 0x4205
#define PTRACE_SEIZE 0x4206

#endif
