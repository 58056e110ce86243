// SPDX-License-Identifier: GPL-2.0-only
/* mcexec: executes a program on an OS instance, as env(1) executes it on Linux. */
#define _GNU_SOURCE
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/abi.h"
#include "abi/boot.h"
#include "abi/ioctl.h"
#include "nodes.h"

enum status {
	STATUS_REFUSED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

static const char help[] =
	"Usage: mcexec [OPTION]... [OS] PROGRAM [ARGUMENT]...\n"
	"\n"
	"Executes PROGRAM on the OS instance with index OS (a first operand that starts\n"
	"with a digit; default 0). Its processes are Linux's as ever: standard streams,\n"
	"environment, directory, credentials and exit status are those of PROGRAM.\n"
	"\n"
	"  -c CPU          start on this CPU of the LWK, counted from 0\n"
	"  -m NODES        take memory from these NUMA nodes only, as numactl --membind:\n"
	"                  0-2 or 0,2 (these), !1 (all but these), +0 (the instance's\n"
	"                  first), all\n"
	"  -e NAME=VALUE   set a variable of PROGRAM's environment\n"
	"  --              the end of the options\n"
	"  --help          this text\n"
	"  --version       the version\n"
	"\n"
	"Accepted without effect, for they ask for what is always so, or for speed only:\n"
	"  -s|--stack-premap=[SIZE][,MAX]   -h|--extend-heap-by=SIZE   -t THREADS\n"
	"  -M|--mpol-threshold=SIZE   -S|--straight-map-threshold=SIZE\n"
	"  --mpol-no-heap --mpol-no-stack --mpol-no-bss (not with -m) --mpol-shm-premap\n"
	"  --no-bind-ikc-map --disable-sched-yield --enable-vdso --disable-vdso\n"
	"\n"
	"Exit status: PROGRAM's; 1 refused (no such instance, or it does not run),\n"
	"2 wrong usage, 126 not executable, 127 not found.\n";

/* Options that have no letter. */
enum {
	OPT_HELP = 256,
	OPT_VERSION,
	OPT_HINT, /* accepted, without effect */
	OPT_UNBOUND, /* the same, but not with -m: nothing is excepted from it */
	OPT_LATER, /* of the grammar, but not built yet */
};

static const struct option options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "stack-premap", required_argument, NULL, 's' },
	{ "extend-heap-by", required_argument, NULL, 'h' },
	{ "mpol-threshold", required_argument, NULL, 'M' },
	{ "straight-map-threshold", required_argument, NULL, 'S' },
	{ "mpol-no-heap", no_argument, NULL, OPT_UNBOUND },
	{ "mpol-no-stack", no_argument, NULL, OPT_UNBOUND },
	{ "mpol-no-bss", no_argument, NULL, OPT_UNBOUND },
	{ "mpol-shm-premap", no_argument, NULL, OPT_HINT },
	{ "no-bind-ikc-map", no_argument, NULL, OPT_HINT },
	{ "disable-sched-yield", no_argument, NULL, OPT_HINT },
	{ "enable-vdso", no_argument, NULL, OPT_HINT },
	{ "disable-vdso", no_argument, NULL, OPT_HINT },
	{ "enable-straight-map", no_argument, NULL, OPT_LATER },
	{ "profile", no_argument, NULL, OPT_LATER },
	{ "enable-uti", no_argument, NULL, OPT_LATER },
	{ "uti-thread-rank", required_argument, NULL, 'u' },
	{ "uti-use-last-cpu", no_argument, NULL, OPT_LATER },
	{ "debug-mcexec", no_argument, NULL, OPT_LATER },
	{ "flags", required_argument, NULL, 'f' },
	{},
};

/* What the command line asks for. */
struct request {
	int os;
	int lwk_cpu; /* -1: any */
	const char *nodes; /* of -m, or NULL */
	const char *unbound; /* the option that would except something from it, or NULL */
	char **program;
};

static void __attribute__((noreturn, format(printf, 2, 3))) die(int status, const char *format, ...)
{
	va_list args;

	fputs("mcexec: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

/* ---- the command line ---- */

/* A decimal number from 0 to max, all of the text. */
static bool parse_number(const char *text, long max, long *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtol(text, &end, 10);
	return !*end && !errno && *value <= max;
}

/* SIZE := digits[k|K|m|M|g|G]; returns what follows it, or NULL. */
static const char *skip_size(const char *text)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	while (isdigit((unsigned char)*text))
		text++;
	return *text && strchr("kKmMgG", *text) ? text + 1 : text;
}

static void check_size(const char *name, const char *text)
{
	const char *end = skip_size(text);

	if (!end || *end)
		die(STATUS_USAGE, "%s: '%s' is not a size (a number, then k, m or g)", name, text);
}

/* [SIZE][,MAX] */
static void check_premap(const char *text)
{
	const char *at = *text == ',' ? text : skip_size(text);

	if (at && *at == ',')
		at = skip_size(at + 1);
	if (!at || *at)
		die(STATUS_USAGE, "-s: '%s' is not [SIZE][,MAX]", text);
}

static void set_variable(char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		die(STATUS_USAGE, "-e: '%s' is not NAME=VALUE", text);
	if (putenv(text))
		die(STATUS_REFUSED, "-e: '%s': %s", text, strerror(errno));
}

static void take_cpu(const char *text, struct request *r)
{
	long value;

	if (!parse_number(text, ABI_MAX_CPUS - 1, &value))
		die(STATUS_USAGE, "-c: '%s' is not a CPU number (0 to %d)", text, ABI_MAX_CPUS - 1);
	r->lwk_cpu = value;
}

static void take_threads(const char *text)
{
	long value;

	if (!parse_number(text, INT_MAX, &value) || value == 0)
		die(STATUS_USAGE, "-t: '%s' is not a number of threads", text);
}

static void __attribute__((noreturn)) print_and_exit(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout))
		die(STATUS_REFUSED, "writing: %s", strerror(errno));
	exit(0);
}

static void __attribute__((noreturn)) print_version(void)
{
	char line[64];

	snprintf(line, sizeof(line), "mcexec (mckernel), boot ABI %d\n", ABI_VERSION);
	print_and_exit(line);
}

/* The option as it was written, for messages. */
static const char *option_name(int option, int index, char *buffer)
{
	if (option < OPT_HELP)
		sprintf(buffer, "-%c", option);
	else
		sprintf(buffer, "--%.60s", options[index].name);
	return buffer;
}

static void take_option(int option, int index, const char *written, struct request *r)
{
	char name[64];

	switch (option) {
	case OPT_HELP:
		print_and_exit(help);
	case OPT_VERSION:
		print_version();
	case OPT_HINT:
		break;
	case OPT_UNBOUND:
		r->unbound = options[index].name;
		break;
	case 'c':
		take_cpu(optarg, r);
		break;
	case 'e':
		set_variable(optarg);
		break;
	case 's':
		check_premap(optarg);
		break;
	case 'h':
	case 'M':
	case 'S':
		check_size(option_name(option, index, name), optarg);
		break;
	case 't':
		take_threads(optarg);
		break;
	case 'm':
		r->nodes = optarg;
		break;
	case 'n':
	case 'u':
	case 'f':
	case OPT_LATER:
		die(STATUS_USAGE, "%s: the meaning of this option comes with a later version",
		    option_name(option, index, name));
	case ':':
		die(STATUS_USAGE, "option '%s' needs an argument", written);
	default:
		die(STATUS_USAGE, "unknown option '%s' (see mcexec --help)", written);
	}
}

static void take_options(int argc, char **argv, struct request *r)
{
	int option, index = 0, at;

	opterr = 0;
	for (;;) {
		at = optind;
		option = getopt_long(argc, argv, "+:c:n:t:M:h:e:s:m:u:S:f:", options, &index);
		if (option < 0)
			break;
		take_option(option, index, argv[at < argc ? at : argc - 1], r);
	}
	if (r->nodes && r->unbound)
		die(STATUS_USAGE, "--%s: with -m, all of a program's memory is bound", r->unbound);
}

static void take_operands(int argc, char **argv, struct request *r)
{
	long value;

	if (optind < argc && isdigit((unsigned char)argv[optind][0])) {
		if (!parse_number(argv[optind], ABI_MAX_OS - 1, &value))
			die(STATUS_USAGE,
			    "'%s' is not an OS index (0 to %d); a program of this name needs its path",
			    argv[optind], ABI_MAX_OS - 1);
		r->os = value;
		optind++;
	}
	if (optind >= argc)
		die(STATUS_USAGE, "PROGRAM is missing (see mcexec --help)");
	r->program = argv + optind;
}

/* ---- the instance ---- */

/* The nodes on which the instance has memory. */
static unsigned long memory_nodes(int fd, const char *path)
{
	static struct ihk_mem list[ABI_MAX_CHUNKS];
	struct ihk_list arg = { .address = (unsigned long)list, .count = ABI_MAX_CHUNKS };
	unsigned long nodes = 0;

	if (ioctl(fd, IHK_OS_QUERY_MEM, &arg))
		die(STATUS_REFUSED, "%s: %s", path, strerror(errno));
	for (unsigned int i = 0; i < arg.count && i < ABI_MAX_CHUNKS; i++)
		if (list[i].node < ABI_MAX_NODES)
			nodes |= 1UL << list[i].node;
	return nodes;
}

/* This process's own policy, which an execve keeps: the program's memory follows it on both sides. */
static void bind_nodes(int fd, const char *path, const char *text)
{
	unsigned long nodes;
	char why[80];

	if (!nodes_parse(text, memory_nodes(fd, path), &nodes, why, sizeof(why)))
		die(STATUS_USAGE, "-m: '%s': %s", text, why);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 8 * sizeof(nodes)))
		die(STATUS_REFUSED, "-m: '%s': %s", text, strerror(errno));
}

/* The next execve of this process goes to the instance. */
static void tag(const struct request *r)
{
	struct ihk_launch launch = { .lwk_cpu = r->lwk_cpu };
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/mcos%d", r->os);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(STATUS_REFUSED, "%s: %s", path, strerror(errno));
	if (r->nodes)
		bind_nodes(fd, path, r->nodes);
	if (ioctl(fd, IHK_OS_LAUNCH, &launch)) {
		int err = errno;

		launch.msg[sizeof(launch.msg) - 1] = '\0';
		die(STATUS_REFUSED, "%s: %s", path, launch.msg[0] ? launch.msg : strerror(err));
	}
	close(fd);
}

/* ---- the program ---- */

/* What kind of file is it that the kernel has refused as no program? NULL: none that it knows. */
static const char *elf_kind(const char *path)
{
	Elf32_Ehdr head = { 0 }; /* which begins as a 64-bit one does */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, &head, sizeof(head));
	close(fd);
	if (n < SELFMAG || memcmp(head.e_ident, ELFMAG, SELFMAG))
		return NULL;
	if (head.e_machine == LWK_ELF_MACHINE_32)
		return "a 32-bit program; the LWK runs 64-bit programs only";
	return "not a program for " LWK_ELF_MACHINE_NAME;
}

/* A file without any format is a script for sh, as execvp(3) has it. */
static void run_as_script(const char *path, char **argv)
{
	size_t count = 0;
	char **script;

	while (argv[count])
		count++;
	script = calloc(count + 2, sizeof(*script));
	if (!script)
		return;
	script[0] = "sh";
	script[1] = (char *)path;
	if (count)
		memcpy(script + 2, argv + 1, (count - 1) * sizeof(*script));
	execv("/bin/sh", script);
	free(script);
}

/* Returns errno; for ENOEXEC, *kind is what the file is instead. */
static int try_path(const char *path, char **argv, const char **kind)
{
	int err;

	execv(path, argv);
	err = errno;
	if (err != ENOEXEC)
		return err;
	*kind = elf_kind(path);
	if (!*kind) {
		run_as_script(path, argv);
		*kind = "neither a program nor a script that could be run";
	}
	return err;
}

/* Along PATH: the errno that tells most. */
static int try_everywhere(const char *name, char **argv, const char **kind)
{
	const char *dir = getenv("PATH"), *end;
	char path[PATH_MAX];
	int err = ENOENT, one, length;

	if (!dir)
		dir = "/bin:/usr/bin";
	for (;; dir = end + 1) {
		end = strchrnul(dir, ':');
		length = snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - dir), dir,
				  end > dir ? "/" : "", name);
		one = length < (int)sizeof(path) ? try_path(path, argv, kind) : ENAMETOOLONG;
		if (one != ENOENT && one != ENOTDIR && one != EACCES)
			return one;
		if (one == EACCES)
			err = EACCES;
		if (!*end)
			return err;
	}
}

static void __attribute__((noreturn)) execute(char **argv)
{
	const char *name = argv[0], *kind = NULL;
	int err;

	if (!*name)
		err = ENOENT;
	else
		err = strchr(name, '/') ? try_path(name, argv, &kind)
					: try_everywhere(name, argv, &kind);
	if (err == ENOEXEC)
		die(STATUS_NOT_EXECUTABLE, "%s: %s", name, kind);
	if (err == ENODEV)
		die(STATUS_REFUSED, "%s: the OS instance has ended", name);
	die(err == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE, "%s: %s", name,
	    strerror(err));
}

int main(int argc, char **argv)
{
	struct request request = { .os = 0, .lwk_cpu = -1 };

	take_options(argc, argv, &request);
	take_operands(argc, argv, &request);
	tag(&request);
	execute(request.program);
}
