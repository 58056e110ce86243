// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin that counts the instructions of each vCPU between two marks.
 *
 *     boot/vm --plugin build/test/insn.so[,out=FILE][,poll=FILE] -- BENCHMARK
 *
 * A mark is "nopl 0x5bceLLKK(%rax)", harmless anywhere: KK is the kind, LL the
 * label of what is measured. ARM (1) begins to count at all, which makes the
 * machine some four times slower; START (2) and STOP (3) enclose one event of
 * a label, all vCPUs' instructions meanwhile count for it. What lies below the
 * middle of the address space is user code, what lies in the ranges of poll=FILE
 * (lines "LO HI NAME", hexadecimal, read at ARM) is polling or idling.
 * At the end: for each label and vCPU the medians, into FILE or the log.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of QEMU's qemu-plugin.h (API version 1), which no package has. */
typedef uint64_t qemu_plugin_id_t;
typedef struct {
	const char *target_name;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
	union {
		struct {
			int smp_vcpus;
			int max_vcpus;
		} system;
	};
} qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*tb_trans_fn)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*insn_fn)(unsigned int vcpu, void *data);
typedef void (*simple_fn)(qemu_plugin_id_t);
typedef void (*exit_fn)(qemu_plugin_id_t, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_trans_fn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, insn_fn,
					    enum qemu_plugin_cb_flags, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_fn, void *);
void qemu_plugin_reset(qemu_plugin_id_t, simple_fn);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
void qemu_plugin_outs(const char *);

#define EXPORT __attribute__((visibility("default")))
extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

#define MAX_VCPUS 256
#define MAX_LABELS 256
#define MAX_RANGES 64

enum mark_kind { MARK_ARM = 1, MARK_START = 2, MARK_STOP = 3 };
enum place { USER, KERNEL, POLL, PLACES };

struct counts {
	uint64_t n[PLACES];
};

struct event {
	uint8_t label;
	struct counts of[]; /* for each vCPU */
};

/* Each written by its own vCPU only; a line of its own each. */
static struct {
	struct counts counts;
	char pad[128 - sizeof(struct counts)];
} vcpus[MAX_VCPUS] __attribute__((aligned(128)));

static int vcpu_count;
static bool armed;
static qemu_plugin_id_t plugin;
static const char *out_path;
static const char *poll_path;
static struct {
	uint64_t start;
	uint64_t end;
} ranges[MAX_RANGES];
static int range_count;

/* Under lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counts started[MAX_LABELS][MAX_VCPUS];
static struct event **events;
static size_t event_count;

static enum place place_of(uint64_t address)
{
	for (int i = 0; i < range_count; i++)
		if (address >= ranges[i].start && address < ranges[i].end)
			return POLL;
	return address < 1ull << 47 ? USER : KERNEL;
}

static void read_ranges(void)
{
	unsigned long long start, end;
	char line[256];
	FILE *f;

	range_count = 0;
	f = poll_path ? fopen(poll_path, "r") : NULL;
	if (!f)
		return;
	while (range_count < MAX_RANGES && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %llx", &start, &end) != 2)
			continue;
		ranges[range_count].start = start;
		ranges[range_count].end = end;
		range_count++;
	}
	fclose(f);
}

static void count_insn(unsigned int vcpu, void *place)
{
	vcpus[vcpu].counts.n[(uintptr_t)place]++;
}

static void start_event(unsigned int vcpu, void *label)
{
	(void)vcpu;
	pthread_mutex_lock(&lock);
	for (int v = 0; v < vcpu_count; v++)
		started[(uintptr_t)label][v] = vcpus[v].counts;
	pthread_mutex_unlock(&lock);
}

static void stop_event(unsigned int vcpu, void *data)
{
	size_t size = sizeof(struct event) + vcpu_count * sizeof(struct counts);
	uintptr_t label = (uintptr_t)data;
	struct event *ev, **bigger;

	(void)vcpu;
	pthread_mutex_lock(&lock);
	ev = malloc(size);
	bigger = realloc(events, (event_count + 1) * sizeof(struct event *));
	if (!ev || !bigger)
		abort();
	events = bigger;
	ev->label = label;
	for (int v = 0; v < vcpu_count; v++)
		for (int p = 0; p < PLACES; p++)
			ev->of[v].n[p] = vcpus[v].counts.n[p] - started[label][v].n[p];
	events[event_count++] = ev;
	pthread_mutex_unlock(&lock);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
static void report(qemu_plugin_id_t id, void *data);

static void instrument_again(qemu_plugin_id_t id)
{
	armed = true;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, report, NULL);
}

/* Throws away all translations, so that from now on they count. */
static void arm(unsigned int vcpu, void *label)
{
	static bool asked;
	bool first;

	(void)vcpu;
	(void)label;
	pthread_mutex_lock(&lock);
	first = !asked;
	asked = true;
	pthread_mutex_unlock(&lock);
	if (!first)
		return;
	read_ranges();
	qemu_plugin_reset(plugin, instrument_again);
}

static void instrument_mark(struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	static const insn_fn calls[] = {
		[MARK_ARM] = arm,
		[MARK_START] = start_event,
		[MARK_STOP] = stop_event,
	};
	uintptr_t label;

	if (qemu_plugin_insn_size(insn) != 7 || code[0] != 0x0f || code[1] != 0x1f ||
	    code[2] != 0x80 || code[5] != 0xce || code[6] != 0x5b)
		return;
	label = code[4];
	if (code[3] >= MARK_ARM && code[3] <= MARK_STOP)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, calls[code[3]], QEMU_PLUGIN_CB_NO_REGS,
						       (void *)label);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uintptr_t place = place_of(qemu_plugin_insn_vaddr(insn));

		instrument_mark(insn);
		if (armed)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, count_insn, QEMU_PLUGIN_CB_NO_REGS, (void *)place);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(int label, int vcpu, enum place place, uint64_t *values, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < event_count; i++)
		if (events[i]->label == label)
			values[(*count)++] = events[i]->of[vcpu].n[place];
	qsort(values, *count, sizeof(*values), compare);
	return *count ? values[*count / 2] : 0;
}

static void report(qemu_plugin_id_t id, void *data)
{
	uint64_t *values = calloc(event_count + 1, sizeof(*values));
	FILE *out = out_path ? fopen(out_path, "w") : NULL;
	char line[256];

	(void)id;
	(void)data;
	for (int label = 0; values && label < MAX_LABELS; label++) {
		for (int v = 0; v < vcpu_count; v++) {
			uint64_t of[PLACES];
			size_t n;

			for (int p = 0; p < PLACES; p++)
				of[p] = median(label, v, p, values, &n);
			if (!n)
				break;
			snprintf(line, sizeof(line),
				 "label %d events %zu vcpu %d user %llu kernel %llu poll %llu\n",
				 label, n, v, (unsigned long long)of[USER],
				 (unsigned long long)of[KERNEL], (unsigned long long)of[POLL]);
			if (out)
				fputs(line, out);
			else
				qemu_plugin_outs(line);
		}
	}
	if (out)
		fclose(out);
	free(values);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	plugin = id;
	vcpu_count = info->system.max_vcpus < MAX_VCPUS ? info->system.max_vcpus : MAX_VCPUS;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out_path = strdup(argv[i] + 4);
		else if (!strncmp(argv[i], "poll=", 5))
			poll_path = strdup(argv[i] + 5);
		else
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, report, NULL);
	return 0;
}
