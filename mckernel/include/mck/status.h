/* SPDX-License-Identifier: GPL-2.0-only */
/* The instance's status, from boot to the last halt. */
#ifndef MCK_STATUS_H
#define MCK_STATUS_H

#include "mck/lib.h"

void status_init(void); /* serves CALL_PROBE and CALL_SHUTDOWN */
/* This CPU takes doorbells; the last one to say so makes the instance RUNNING. */
void status_cpu_ready(void);
bool status_running(void); /* all CPUs have said so */
/* What the kernel argument `selftest` asks of place 0, some seconds after RUNNING. */
void selftest(void);

#endif
