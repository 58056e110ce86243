// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of a twin and its thread on an LWK CPU: `hold`, by which the twin leaves
 * its wait, and the request that wakes it there.
 * All states that the two can reach are walked, with the stores of each in a
 * buffer that the other side sees late, as x86 has it, so that fences count.
 *
 * The steps and where they stand:
 *   hold_*, the loop          ihk_signal_hold() in ihk/twin/twin_signal.c
 *   back_*, serve_*, wait     enter(), serve_request(), all_taken() in ihk/twin/twin_wait.c
 *   sleep_*                   wait_event_of() there, and the doorbell's ihk_twin_request()
 *   ring_*                    ihk_ring_lwk()
 *   scan_*                    sched_scan(), mckernel/task/sched.c, and hold_answer(), mckernel/task/hold.c
 *   obey_*                    one_step(), mckernel/trap/return.c, and hold_obey(), mckernel/task/hold.c
 *   idle_*, leave_*           idle_once() and up_leave(), mckernel/task/sched.c
 *   request_*                 offload_request(), mckernel/offload/offload.c
 *
 * What must hold: the program does not run while its twin is away, and neither
 * side waits for ever. Twins ring again, because edges can be lost; that is
 * switched off to see that the fences alone are enough, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HOLDS 2 /* how often the twin goes away */
#define REQUESTS 2 /* of the thread */
#define BUFFER 6 /* stores that the other side does not see yet; a full one has to drain */

enum fault {
	NO_FENCE_RING = 1, /* Linux looks at the CPU's state before its note is out */
	NO_FENCE_LEAVE = 2, /* the LWK looks for notes before its state is out */
	HOLD_BEFORE_SCAN = 4, /* the way to user mode looks at hold first, then scans */
	NO_WAIT = 8, /* the twin leaves without the answer */
	RING_ONCE = 16, /* no fault: nobody rings again */
	NO_FENCE_SLEEP = 32, /* the twin looks for a request before its sleep is known */
	NO_FENCE_REQUEST = 64, /* the LWK looks whether it sleeps before the request is out */
};

/* Words of memory. */
/* ASLEEP: twin_state and the module's own `waiting`, which are stored together. */
enum { HOLD, HELD, REQ, TAKEN, DONE, ATTENTION, STATE, ASLEEP, WORDS };
enum { KERNEL, USER, IDLE };

enum twin_step {
	wait,
	sleep_set,
	sleep_fence,
	sleep_look,
	sleeping,
	hold_set,
	hold_look,
	hold_look_req,
	away,
	back_hold,
	serve_taken,
	serve_done,
	ring_note,
	ring_fence,
	ring_state,
};

enum cpu_step {
	scan,
	scan_take,
	scan_hold,
	scan_answer,
	obey_hold,
	obey_answer,
	waiting,
	idle_set,
	idle_fence,
	idle_look,
	halted,
	leave_set,
	leave_fence,
	leave_look,
	user,
	request_post,
	request_fence,
	request_ring,
};

struct store {
	uint8_t word, value;
};

struct side {
	struct store buffer[BUFFER];
	uint8_t stores;
	uint8_t step;
	uint8_t after; /* ring_*, scan_*: the step behind them */
	uint8_t seen; /* a register */
};

struct state {
	uint8_t word[WORDS];
	struct side twin, cpu;
	uint8_t holds, requests; /* still to come */
	uint8_t rung; /* in this hold */
	uint8_t is_away, in_user, irq;
	uint8_t bell, woken; /* Linux's interrupt, and what it did to the twin's sleep */
};

#define STATES_MAX 2000000
#define HASH_SIZE 4194304

static struct state *states;
static uint32_t *hash_table;
static uint32_t count;
static unsigned int faults;
static const char *wrong;

/* ---- memory ---- */

static uint8_t load(const struct state *s, const struct side *side, uint8_t word)
{
	for (int i = side->stores - 1; i >= 0; i--)
		if (side->buffer[i].word == word)
			return side->buffer[i].value;
	return s->word[word];
}

static void put(struct side *side, uint8_t word, uint8_t value)
{
	side->buffer[side->stores++] = (struct store){ word, value };
}

static void drain(struct state *s, struct side *side)
{
	s->word[side->buffer[0].word] = side->buffer[0].value;
	memmove(side->buffer, side->buffer + 1, sizeof(side->buffer) - sizeof(side->buffer[0]));
	side->stores--;
	side->buffer[side->stores] = (struct store){ 0, 0 };
}

/* A fence is passed when the stores before it are out. */
static bool fence(struct side *side, uint8_t next, bool missing)
{
	if (side->stores && !missing)
		return false;
	side->step = next;
	return true;
}

/* ---- Linux ---- */

static void ring(struct side *t, uint8_t after)
{
	t->step = ring_note;
	t->after = after;
}

/* In the wait: carry out a request, go away, or ring for what is not taken. */
static bool twin_wait(struct state *s, struct side *t, int choice)
{
	bool has_request = load(s, t, REQ) != load(s, t, TAKEN);

	if (choice == 0 && has_request)
		t->step = serve_taken;
	else if (choice == 1 && s->holds)
		t->step = hold_set;
	else if (choice == 2 && !(faults & RING_ONCE) && load(s, t, HELD) != load(s, t, HOLD))
		ring(t, wait);
	else if (choice == 2 && !has_request)
		t->step = sleep_set;
	else
		return false;
	return true;
}

/* The interrupt, on any of Linux's CPUs. */
static void doorbell(struct state *s)
{
	s->bell = 0;
	if (s->word[ASLEEP])
		s->woken = 1;
}

static bool twin_sleeps(struct state *s, struct side *t, int choice)
{
	switch (t->step) {
	case sleep_set:
		put(t, ASLEEP, 1);
		t->step = sleep_fence;
		return true;
	case sleep_fence:
		return fence(t, sleep_look, faults & NO_FENCE_SLEEP);
	case sleep_look:
		t->step = sleeping;
		if (load(s, t, REQ) == load(s, t, TAKEN))
			return true;
		break;
	default: /* until it is woken, or a signal comes */
		if (choice == 0 ? !s->woken : choice != 1 || !s->holds)
			return false;
	}
	s->woken = 0;
	put(t, ASLEEP, 0);
	t->step = t->step == sleeping && choice == 1 ? hold_set : wait;
	return true;
}

static bool twin_holds(struct state *s, struct side *t)
{
	switch (t->step) {
	case hold_set:
		s->holds--;
		s->rung = 0;
		put(t, HOLD, load(s, t, HOLD) + 1);
		t->step = faults & NO_WAIT ? away : hold_look;
		return true;
	case hold_look:
		t->step = load(s, t, HELD) == load(s, t, HOLD) ? away : hold_look_req;
		return true;
	default:
		if (load(s, t, REQ) != load(s, t, TAKEN))
			t->step = away;
		else if (!s->rung || !(faults & RING_ONCE))
			ring(t, hold_look);
		else
			t->step = hold_look;
		s->rung = 1;
		return true;
	}
}

static bool twin_step(struct state *s, int choice)
{
	struct side *t = &s->twin;

	if (t->step == wait)
		return twin_wait(s, t, choice);
	if (t->step == sleeping)
		return twin_sleeps(s, t, choice);
	if (choice)
		return false;
	switch (t->step) {
	case sleep_set:
	case sleep_fence:
	case sleep_look:
		return twin_sleeps(s, t, choice);
	case away:
		s->is_away = !s->is_away;
		if (!s->is_away)
			t->step = back_hold;
		return true;
	case back_hold:
		put(t, HOLD, load(s, t, HOLD) + 1);
		ring(t, wait);
		return true;
	case serve_taken:
		put(t, TAKEN, load(s, t, REQ));
		t->step = serve_done;
		return true;
	case serve_done:
		put(t, DONE, load(s, t, TAKEN));
		ring(t, wait);
		return true;
	case ring_note:
		put(t, ATTENTION, 1);
		t->step = ring_fence;
		return true;
	case ring_fence:
		return fence(t, ring_state, faults & NO_FENCE_RING);
	case ring_state:
		if (load(s, t, STATE) != KERNEL)
			s->irq = 1;
		t->step = t->after;
		return true;
	default:
		return twin_holds(s, t);
	}
}

/* ---- the LWK ---- */

/* A thread in the kernel waits for the twin: for an even hold, or its request's end. */
static bool over(const struct state *s, const struct side *c)
{
	return !(load(s, c, HOLD) & 1) && load(s, c, DONE) == load(s, c, REQ);
}

static bool cpu_scans(struct state *s, struct side *c)
{
	switch (c->step) {
	case scan:
		c->step = load(s, c, ATTENTION) ? scan_take : c->after;
		/* Nothing new: who waits halts. */
		if (c->step == waiting)
			c->step = idle_set;
		return true;
	case scan_take: /* an exchange is a fence */
		if (c->stores)
			return false;
		s->word[ATTENTION] = 0;
		c->step = scan_hold;
		return true;
	case scan_hold:
		c->seen = load(s, c, HOLD);
		c->step = scan_answer;
		return true;
	default:
		if (load(s, c, HELD) != c->seen)
			put(c, HELD, c->seen);
		c->step = c->after;
		return true;
	}
}

/* The way to user mode begins. */
static void way_out(struct side *c)
{
	c->step = faults & HOLD_BEFORE_SCAN ? obey_hold : scan;
	c->after = faults & HOLD_BEFORE_SCAN ? leave_set : obey_hold;
}

static void wait_here(const struct state *s, struct side *c)
{
	if (over(s, c)) {
		way_out(c);
		return;
	}
	c->step = scan;
	c->after = waiting;
}

static void obey(struct state *s, struct side *c)
{
	if (load(s, c, HELD) != c->seen)
		put(c, HELD, c->seen);
	if (c->seen & 1) {
		wait_here(s, c);
		return;
	}
	c->step = leave_set;
	if (faults & HOLD_BEFORE_SCAN)
		c->step = scan;
}

static bool cpu_idles(struct state *s, struct side *c)
{
	switch (c->step) {
	case idle_set:
		put(c, STATE, IDLE);
		c->step = idle_fence;
		return true;
	case idle_fence:
		return fence(c, idle_look, faults & NO_FENCE_LEAVE);
	case idle_look:
		c->step = halted;
		if (!load(s, c, ATTENTION))
			return true;
		break;
	default: /* halted: until an interrupt */
		if (!s->irq)
			return false;
		s->irq = 0;
	}
	put(c, STATE, KERNEL);
	c->step = scan;
	c->after = waiting;
	return true;
}

static bool cpu_leaves(struct state *s, struct side *c)
{
	switch (c->step) {
	case leave_set:
		put(c, STATE, USER);
		c->step = leave_fence;
		return true;
	case leave_fence:
		return fence(c, leave_look, faults & NO_FENCE_LEAVE);
	default:
		if (load(s, c, ATTENTION)) {
			put(c, STATE, KERNEL);
			way_out(c);
			return true;
		}
		s->in_user = 1;
		c->step = user;
		return true;
	}
}

/* The program: interrupted, or it makes a call. */
static bool cpu_runs(struct state *s, struct side *c, int choice)
{
	if (choice == 0 && s->irq) {
		s->irq = 0;
		way_out(c);
	} else if (choice == 1 && s->requests) {
		s->requests--;
		c->step = request_post;
	} else {
		return false;
	}
	s->in_user = 0;
	put(c, STATE, KERNEL);
	return true;
}

static bool cpu_step(struct state *s, int choice)
{
	struct side *c = &s->cpu;

	if (c->step == user)
		return cpu_runs(s, c, choice);
	if (choice)
		return false;
	switch (c->step) {
	case obey_hold:
		c->seen = load(s, c, HOLD);
		c->step = obey_answer;
		return true;
	case obey_answer:
		obey(s, c);
		return true;
	case waiting:
		wait_here(s, c);
		return true;
	case request_post:
		put(c, REQ, load(s, c, REQ) + 1);
		c->step = request_fence;
		return true;
	case request_fence:
		return fence(c, request_ring, faults & NO_FENCE_REQUEST);
	case request_ring:
		if (load(s, c, ASLEEP))
			s->bell = 1;
		wait_here(s, c);
		return true;
	case scan:
	case scan_take:
	case scan_hold:
	case scan_answer:
		return cpu_scans(s, c);
	case leave_set:
	case leave_fence:
	case leave_look:
		return cpu_leaves(s, c);
	default:
		return cpu_idles(s, c);
	}
}

/* ---- all states ---- */

static void reach(const struct state *s)
{
	const uint8_t *byte = (const uint8_t *)s;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(*s); i++)
		h = (h ^ byte[i]) * 16777619u;
	h ^= h >> 15;
	for (h %= HASH_SIZE; hash_table[h]; h = (h + 1) % HASH_SIZE)
		if (!memcmp(&states[hash_table[h] - 1], s, sizeof(*s)))
			return;
	assert_true(count < STATES_MAX);
	states[count++] = *s;
	hash_table[h] = count;
}

/* Every way to go on from a state; how many there are. */
static unsigned int go_on(const struct state *from)
{
	unsigned int ways = 0;
	struct state s;

	for (int choice = 0; choice < 3; choice++) {
		s = *from;
		if (s.twin.stores < BUFFER && twin_step(&s, choice)) {
			ways++;
			reach(&s);
		}
		s = *from;
		if (s.cpu.stores < BUFFER && cpu_step(&s, choice)) {
			ways++;
			reach(&s);
		}
	}
	s = *from;
	if (s.bell) {
		ways++;
		doorbell(&s);
		reach(&s);
	}
	s = *from;
	if (s.twin.stores) {
		ways++;
		drain(&s, &s.twin);
		reach(&s);
	}
	s = *from;
	if (s.cpu.stores) {
		ways++;
		drain(&s, &s.cpu);
		reach(&s);
	}
	return ways;
}

/* What is wrong with the protocol, with these faults put in; NULL: nothing. */
static const char *walk(unsigned int with)
{
	struct state first = { .holds = HOLDS, .requests = REQUESTS };

	faults = with;
	count = 0;
	wrong = NULL;
	states = malloc(STATES_MAX * sizeof(*states));
	hash_table = calloc(HASH_SIZE, sizeof(*hash_table));
	first.cpu.step = scan;
	first.cpu.after = obey_hold;
	way_out(&first.cpu);
	reach(&first);
	for (uint32_t i = 0; i < count && !wrong; i++) {
		struct state s = states[i];

		if (s.is_away && s.in_user)
			wrong = "the program runs while its twin is away";
		else if (!go_on(&s) && !(s.twin.step == sleeping && s.cpu.step == user))
			wrong = "somebody waits for ever";
	}
	print_message("faults %#x: %u states%s%s\n", with, count, wrong ? ": " : "",
		      wrong ? wrong : "");
	free(states);
	free(hash_table);
	return wrong;
}

static void test_right(void **state)
{
	(void)state;
	assert_null(walk(0));
	/* And no wake-up is lost, even if nobody rings again. */
	assert_null(walk(RING_ONCE));
}

static void test_hold_before_scan(void **state)
{
	(void)state;
	assert_string_equal(walk(HOLD_BEFORE_SCAN), "the program runs while its twin is away");
}

static void test_no_wait(void **state)
{
	(void)state;
	assert_string_equal(walk(NO_WAIT), "the program runs while its twin is away");
}

static void test_no_fence(void **state)
{
	(void)state;
	assert_string_equal(walk(RING_ONCE | NO_FENCE_RING), "somebody waits for ever");
	assert_string_equal(walk(RING_ONCE | NO_FENCE_LEAVE), "somebody waits for ever");
	assert_string_equal(walk(RING_ONCE | NO_FENCE_SLEEP), "somebody waits for ever");
	assert_string_equal(walk(RING_ONCE | NO_FENCE_REQUEST), "somebody waits for ever");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_hold_before_scan),
		cmocka_unit_test(test_no_wait),
		cmocka_unit_test(test_no_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
