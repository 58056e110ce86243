/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring's two sides against each other, in two threads: order, fullness, and no word left behind. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/ring.h"

#define WORDS 300000UL

static struct ring *ring;
/* A doorbell as both kernels use it: the consumer sleeps on it when the ring is empty. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static unsigned long rung;

static int setup(void **state)
{
	(void)state;
	ring = aligned_alloc(64, sizeof(*ring));
	*ring = (struct ring){ 0 };
	rung = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

static void *produce(void *arg)
{
	(void)arg;
	for (abi_u64 i = 1; i <= WORDS;) {
		enum ring_push r = ring_push(ring, i);

		if (r == RING_FULL) {
			sched_yield();
			continue;
		}
		if (r == RING_WAS_EMPTY) {
			pthread_mutex_lock(&mutex);
			rung++;
			pthread_cond_signal(&bell);
			pthread_mutex_unlock(&mutex);
		}
		i++;
	}
	return NULL;
}

/* Sleeps only after the ring was found empty; never polls: a lost doorbell hangs the test. */
static void test_two_threads(void **state)
{
	unsigned long heard = 0;
	abi_u64 next = 1, word;
	pthread_t producer;

	(void)state;
	assert_int_equal(pthread_create(&producer, NULL, produce, NULL), 0);
	while (next <= WORDS) {
		while (ring_pop(ring, &word)) {
			if (word != next)
				fail_msg("word %lu in place of %lu", (unsigned long)word,
					 (unsigned long)next);
			next++;
		}
		if (next > WORDS)
			break;
		pthread_mutex_lock(&mutex);
		while (rung == heard)
			pthread_cond_wait(&bell, &mutex);
		heard = rung;
		pthread_mutex_unlock(&mutex);
	}
	pthread_join(producer, NULL);
	assert_true(ring_empty(ring));
}

static void test_full(void **state)
{
	abi_u64 word;

	(void)state;
	assert_int_equal(ring_push(ring, 1), RING_WAS_EMPTY);
	for (abi_u64 i = 2; i <= RING_ENTRIES; i++)
		assert_int_equal(ring_push(ring, i), RING_WAS_BUSY);
	assert_int_equal(ring_push(ring, 0), RING_FULL);
	assert_int_equal(ring_pop(ring, &word), 1);
	assert_int_equal(word, 1);
	assert_int_equal(ring_push(ring, RING_ENTRIES + 1), RING_WAS_BUSY);
	for (abi_u64 i = 2; i <= RING_ENTRIES + 1; i++) {
		assert_int_equal(ring_pop(ring, &word), 1);
		assert_int_equal(word, i);
	}
	assert_int_equal(ring_pop(ring, &word), 0);
}

static void test_indices_wrap(void **state)
{
	abi_u64 word;

	(void)state;
	ring->head = ring->tail = ~0U - 5;
	for (abi_u64 i = 0; i < 20; i++) {
		assert_int_equal(ring_push(ring, i), RING_WAS_EMPTY);
		assert_int_equal(ring_pop(ring, &word), 1);
		assert_int_equal(word, i);
	}
}

/* What the other side may have done to its index: nothing is taken or overwritten. */
static void test_nonsense(void **state)
{
	abi_u64 word = 77;

	(void)state;
	assert_false(ring_is_corrupt(ring));
	ring->tail = RING_ENTRIES;
	assert_false(ring_is_corrupt(ring)); /* full */
	ring->tail = RING_ENTRIES + 1;
	assert_true(ring_is_corrupt(ring));
	assert_int_equal(ring_pop(ring, &word), 0);
	assert_int_equal(word, 77);
	ring->head = 3;
	ring->tail = 2;
	assert_true(ring_is_corrupt(ring));
	ring->head = ~0U;
	ring->tail = 0;
	assert_false(ring_is_corrupt(ring));
	ring->tail = 5;
	ring->head = 9;
	assert_int_equal(ring_push(ring, 1), RING_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indices_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
