// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin that counts the instructions of each vCPU, by symbol, between two marks.
 *
 *     boot/vm --plugin build/test/insn.so,out=FILE[,symbols=FILE] -- BENCHMARK
 *
 * A mark is "nopl 0x5bceLLKK(%rax)", harmless anywhere: KK is the kind, LL the
 * label of what is measured. ARM (1) begins to count at all, which makes the
 * machine some four times slower; START (2) and STOP (3) enclose one event, all
 * vCPUs' instructions meanwhile count for it.
 *
 * symbols=FILE, read at ARM, has lines "ADDRESS NAME", sorted: code belongs to
 * the symbol at or below it. What lies below the middle of the address space is
 * user code, with a symbol or without.
 *
 * The file of out= gets for each event a line "event LABEL" and below it lines
 * "VCPU user|kernel SYMBOL WORK POLL STRING TICK", all counts of instructions:
 *   WORK    executed, but for the others;
 *   POLL    executed while polling: from one PAUSE to the next turn at the same
 *           PAUSE, if that is less than POLL_TURN instructions;
 *   STRING  the turns of REP instructions but each one's first, which is in WORK
 *           (the emulator executes such an instruction anew for each turn);
 *   TICK    executed in Linux's timer interrupt: how many of those there are is a
 *           matter of time, not of what is measured.
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
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_trans_fn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, insn_fn,
					    enum qemu_plugin_cb_flags, void *);
void qemu_plugin_reset(qemu_plugin_id_t, simple_fn);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

#define MAX_VCPUS 64
#define MAX_CODES 32768 /* symbols of which something was executed */
#define POLL_TURN 128
#define NAME_SIZE 64

enum mark_kind { MARK_ARM = 1, MARK_START = 2, MARK_STOP = 3 };
enum kind { WORK, POLL, STRING, TICK, KINDS };

struct counts {
	uint64_t n[KINDS];
};

struct symbol {
	uint64_t address;
	int code; /* 0: nothing of it was translated yet */
	char name[NAME_SIZE];
};

/* A PAUSE or a REP instruction. */
struct site {
	uint64_t address;
	uintptr_t code;
};

/* Each written by its own vCPU only. */
struct vcpu {
	uint64_t total; /* of WORK and POLL */
	uint64_t pause_at;
	uint64_t pause_total; /* `total` behind the newest PAUSE */
	uint64_t string_at;
	uint64_t string_total;
	bool tick; /* in the timer interrupt, */
	int nested; /* and in so many others within */
	uint16_t recent[POLL_TURN]; /* the codes of the newest instructions */
	struct counts of[MAX_CODES];
};

/* What was executed, by code: the first two for what has no symbol. */
enum { CODE_USER, CODE_KERNEL, CODE_FIRST };
struct code {
	const char *name;
	bool user;
};

static struct vcpu *vcpus[MAX_VCPUS];
static struct counts *started[MAX_VCPUS]; /* under lock */
static int vcpu_count;
static bool armed;
static qemu_plugin_id_t plugin;
static FILE *out; /* under lock */
static const char *symbols_path;
static struct symbol *symbols;
static size_t symbol_count;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under lock. */
static struct code codes[MAX_CODES] = { { "-", true }, { "-", false } };
static int code_count = CODE_FIRST;

/* ---- symbols ---- */

static bool is_user(uint64_t address)
{
	return address < 1ull << 47;
}

static void read_symbols(void)
{
	unsigned long long address;
	char line[512], name[NAME_SIZE];
	FILE *f = symbols_path ? fopen(symbols_path, "r") : NULL;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %63s", &address, name) != 2)
			continue;
		/* Room is doubled whenever the count is one less than a power of two. */
		if (!(symbol_count & (symbol_count + 1))) {
			struct symbol *more =
				realloc(symbols, 2 * (symbol_count + 1) * sizeof(*symbols));

			if (!more)
				abort();
			symbols = more;
		}
		symbols[symbol_count] = (struct symbol){ .address = address };
		memcpy(symbols[symbol_count++].name, name, sizeof(name));
	}
	if (f)
		fclose(f);
}

static struct symbol *symbol_of(uint64_t address)
{
	size_t low = 0, high = symbol_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && is_user(symbols[low - 1].address) == is_user(address) ? &symbols[low - 1]
									    : NULL;
}

static uintptr_t code_of(uint64_t address)
{
	struct symbol *symbol = symbol_of(address);
	uintptr_t code;

	/* A name that begins with '-' ends what the symbol before it names. */
	if (!symbol || symbol->name[0] == '-')
		return is_user(address) ? CODE_USER : CODE_KERNEL;
	pthread_mutex_lock(&lock);
	if (!symbol->code && code_count < MAX_CODES) {
		symbol->code = code_count++;
		codes[symbol->code] =
			(struct code){ .name = symbol->name, .user = is_user(address) };
	}
	code = symbol->code;
	pthread_mutex_unlock(&lock);
	return code ? code : is_user(address) ? CODE_USER : CODE_KERNEL;
}

/* ---- counting ---- */

static void count(unsigned int vcpu, void *code)
{
	struct vcpu *v = vcpus[vcpu];

	if (v->tick) {
		v->of[(uintptr_t)code].n[TICK]++;
		return;
	}
	v->recent[v->total++ % POLL_TURN] = (uintptr_t)code;
	v->of[(uintptr_t)code].n[WORK]++;
}

static void count_user(unsigned int vcpu, void *code)
{
	vcpus[vcpu]->tick = false;
	count(vcpu, code);
}

/* The first instruction of the timer interrupt, of another way into Linux, and the way back. */
static void count_tick(unsigned int vcpu, void *code)
{
	if (!vcpus[vcpu]->tick)
		vcpus[vcpu]->nested = 0;
	vcpus[vcpu]->tick = true;
	count(vcpu, code);
}

static void count_entry(unsigned int vcpu, void *code)
{
	vcpus[vcpu]->nested++;
	count(vcpu, code);
}

static void count_iret(unsigned int vcpu, void *code)
{
	count(vcpu, code);
	if (vcpus[vcpu]->nested-- <= 0)
		vcpus[vcpu]->tick = false;
}

static void count_pause(unsigned int vcpu, void *data)
{
	struct vcpu *v = vcpus[vcpu];
	const struct site *site = data;

	count(vcpu, (void *)site->code);
	if (v->tick)
		return;
	if (v->pause_at == site->address && v->total - v->pause_total <= POLL_TURN)
		for (uint64_t i = v->pause_total; i < v->total; i++) {
			struct counts *c = &v->of[v->recent[i % POLL_TURN]];

			c->n[WORK]--;
			c->n[POLL]++;
		}
	v->pause_at = site->address;
	v->pause_total = v->total;
}

static void count_string(unsigned int vcpu, void *data)
{
	struct vcpu *v = vcpus[vcpu];
	const struct site *site = data;

	if (v->string_at == site->address && v->string_total == v->total) {
		v->of[site->code].n[STRING]++;
		return;
	}
	count(vcpu, (void *)site->code);
	v->string_at = site->address;
	v->string_total = v->total;
}

/* ---- marks ---- */

static void start_event(unsigned int vcpu, void *label)
{
	(void)vcpu;
	(void)label;
	pthread_mutex_lock(&lock);
	for (int v = 0; v < vcpu_count; v++)
		memcpy(started[v], vcpus[v]->of, code_count * sizeof(struct counts));
	pthread_mutex_unlock(&lock);
}

static void print_code(int vcpu, int code, const struct counts *then, const struct counts *now)
{
	if (!memcmp(then, now, sizeof(*now)))
		return;
	fprintf(out, "%d %s %s", vcpu, codes[code].user ? "user" : "kernel", codes[code].name);
	for (int kind = 0; kind < KINDS; kind++)
		fprintf(out, " %lld", (long long)(now->n[kind] - then->n[kind]));
	fputc('\n', out);
}

static void stop_event(unsigned int vcpu, void *label)
{
	static struct counts now[MAX_VCPUS][MAX_CODES];

	(void)vcpu;
	pthread_mutex_lock(&lock);
	for (int v = 0; v < vcpu_count; v++)
		memcpy(now[v], vcpus[v]->of, code_count * sizeof(struct counts));
	fprintf(out, "event %d\n", (int)(uintptr_t)label);
	for (int v = 0; v < vcpu_count; v++)
		for (int code = 0; code < code_count; code++)
			print_code(v, code, &started[v][code], &now[v][code]);
	fflush(out);
	pthread_mutex_unlock(&lock);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);

static void instrument_again(qemu_plugin_id_t id)
{
	armed = true;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
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
	read_symbols();
	qemu_plugin_reset(plugin, instrument_again);
}

/* ---- translation ---- */

static void call(struct qemu_plugin_insn *insn, insn_fn fn, uintptr_t data)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, QEMU_PLUGIN_CB_NO_REGS, (void *)data);
}

static void instrument_mark(struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	static const insn_fn calls[] = {
		[MARK_ARM] = arm,
		[MARK_START] = start_event,
		[MARK_STOP] = stop_event,
	};

	if (qemu_plugin_insn_size(insn) != 7 || code[0] != 0x0f || code[1] != 0x1f ||
	    code[2] != 0x80 || code[5] != 0xce || code[6] != 0x5b)
		return;
	if (code[3] >= MARK_ARM && code[3] <= MARK_STOP)
		call(insn, calls[code[3]], code[4]);
}

static bool is_pause(const uint8_t *code, size_t size)
{
	return size == 2 && code[0] == 0xf3 && code[1] == 0x90;
}

/* A string instruction with a REP prefix? */
static bool is_string(const uint8_t *code, size_t size)
{
	bool rep = false;
	size_t i = 0;

	for (; i < size; i++) {
		if (code[i] == 0xf2 || code[i] == 0xf3)
			rep = true;
		else if (code[i] != 0x66 && code[i] != 0x67 && (code[i] & 0xf0) != 0x40)
			break;
	}
	return rep && i < size &&
	       ((code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf));
}

/* How an instruction that is nothing special in itself is counted. */
static insn_fn counter_of(uint64_t address, const uint8_t *code, size_t size)
{
	const struct symbol *symbol = symbol_of(address);

	if (is_user(address))
		return count_user;
	if (size == 2 && code[0] == 0x48 && code[1] == 0xcf)
		return count_iret;
	if (!symbol || symbol->address != address)
		return count;
	if (!strcmp(symbol->name, "asm_sysvec_apic_timer_interrupt"))
		return count_tick;
	return strncmp(symbol->name, "asm_", 4) ? count : count_entry;
}

static void instrument(struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn);
	const uint8_t *bytes = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uintptr_t code = code_of(address);
	struct site *site;

	if (!is_pause(bytes, size) && !is_string(bytes, size)) {
		call(insn, counter_of(address, bytes, size), code);
		return;
	}
	/* Never freed: the translation may live as long as the machine. */
	site = malloc(sizeof(*site));
	if (!site)
		abort();
	*site = (struct site){ .address = address, .code = code };
	call(insn, is_pause(bytes, size) ? count_pause : count_string, (uintptr_t)site);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		instrument_mark(insn);
		if (armed)
			instrument(insn);
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	plugin = id;
	vcpu_count = info->system.max_vcpus < MAX_VCPUS ? info->system.max_vcpus : MAX_VCPUS;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "symbols=", 8))
			symbols_path = strdup(argv[i] + 8);
		else
			return -1;
	}
	if (!out || info->system.max_vcpus > MAX_VCPUS)
		return -1;
	for (int v = 0; v < vcpu_count; v++) {
		vcpus[v] = calloc(1, sizeof(struct vcpu));
		started[v] = calloc(MAX_CODES, sizeof(struct counts));
		if (!vcpus[v] || !started[v])
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
