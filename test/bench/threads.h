/* SPDX-License-Identifier: GPL-2.0-only */
/* What threads do: by themselves, and with a partner on another CPU. */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

void threads_gettid(void);
void threads_clock(void);
void threads_yield(void); /* nobody else wants the CPU */
void threads_create(void); /* one, and join it */
void threads_signal(void); /* to itself, with a handler */
void threads_handler(void); /* for the one before, once */

/*
 * With a partner, each of the two on a CPU of its own, bound by the function that
 * starts it: what is measured ends when the partner has done its half.
 */
void threads_pong_start(void);
void threads_pong(void); /* by futexes: wake it, sleep until it wakes us */
void threads_pong_stop(void);
void threads_turns_start(void);
void threads_turns(void); /* by a mutex and a condition variable */
void threads_turns_stop(void);
void threads_barrier_start(void);
void threads_barriers(void); /* two */
void threads_barrier_stop(void);

#endif
