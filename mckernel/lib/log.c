/* SPDX-License-Identifier: GPL-2.0-only */
/* The log: lines into the ring that Linux reads, also after this kernel's death. */
#include "abi/boot.h"
#include "mck/arch.h"
#include "mck/lib.h"

#define LINE_MAX 512

/*
 * Written by log_init(), read by all. The ring's text and `total` are written
 * under log_lock, or without it once `last_words` is set.
 */
static struct log_ring *log_ring;
static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG);
static bool last_words; /* set once, by the panicking CPU */
static bool at_line_start = true; /* under log_lock */

void log_init(struct log_ring *ring)
{
	log_ring = ring;
}

void log_panic_mode(void)
{
	WRITE_ONCE(last_words, true);
}

static void append(const char *text, size_t length)
{
	struct log_ring *ring = log_ring;
	u64 total = ring->total;

	while (length--)
		ring->text[total++ & (ring->size - 1)] = *text++;
	/* The reader's acquire of total sees the text. */
	__atomic_store_n(&ring->total, total, __ATOMIC_RELEASE);
}

/* Each line begins with the time since boot and the CPU. */
static void append_stamp(void)
{
	static u64 start;
	char text[48];
	u64 us;

	if (!start)
		start = arch_cycles();
	us = boot_params->cycles_khz ? (arch_cycles() - start) * 1000 / boot_params->cycles_khz : 0;
	snprintf_(text, sizeof(text), "[%5lu.%06lu] %u: ", us / 1000000, us % 1000000,
		  this_cpu()->place);
	append(text, strlen(text));
}

static void append_lines(const char *text)
{
	while (*text) {
		size_t length = 0;

		while (text[length] && text[length] != '\n')
			length++;
		if (text[length])
			length++;
		if (at_line_start)
			append_stamp();
		append(text, length);
		at_line_start = text[length - 1] == '\n';
		text += length;
	}
}

void log_printf(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	if (!log_ring)
		return;
	va_start(ap, fmt);
	vsnprintf_(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (READ_ONCE(last_words)) {
		append_lines(line);
		return;
	}
	spin_lock(&log_lock);
	append_lines(line);
	spin_unlock(&log_lock);
}
