/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that sleep beside what is measured, on its CPU. */
#ifndef BENCH_SLEEPERS_H
#define BENCH_SLEEPERS_H

/*
 * Bind this thread to the CPU that it runs on, and make `count` threads there that
 * sleep, each for a word of its own, and one more that sleepers_pair() wakes.
 */
void sleepers_start(int count);
void sleepers_stop(void);
/* Wake that one, sleep until it wakes us: two wakes, two waits and two switches. */
void sleepers_pair(void);

#endif
