/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine of one CPU and one thread, for the tests of the process part. */
#ifndef PROCESS_FAKE_H
#define PROCESS_FAKE_H

#include "mck/task.h"

extern struct thread fake_thread;
extern struct sighand fake_sighand;
extern struct lwk_boot_params *boot_params;
void fake_reset(void);

#endif
