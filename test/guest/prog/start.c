/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program finds when it starts: arguments, environment, auxiliary vector, its process. */
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prog.h"

extern char **environ;
extern char _start[];
extern const ElfW(Ehdr) __ehdr_start;

static int argument_count;
static char **arguments;

static void args(void)
{
	for (int i = 0; i < argument_count; i++)
		say("argv[%d] = <%s>", i, arguments[i]);
	CHECK(!arguments[argument_count]);
	for (int i = 0; environ[i]; i++)
		say("environment: <%s>", environ[i]);
}

static void auxv(void)
{
	static const struct {
		unsigned long type;
		const char *name;
	} same[] = {
		{ AT_PAGESZ, "PAGESZ" }, { AT_CLKTCK, "CLKTCK" }, { AT_PHENT, "PHENT" },
		{ AT_PHNUM, "PHNUM" },	 { AT_FLAGS, "FLAGS" },	  { AT_UID, "UID" },
		{ AT_EUID, "EUID" },	 { AT_GID, "GID" },	  { AT_EGID, "EGID" },
		{ AT_SECURE, "SECURE" }, { AT_HWCAP, "HWCAP" },
	};
	const ElfW(Ehdr) *vdso = (void *)getauxval(AT_SYSINFO_EHDR);

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		say("%s %#lx", same[i].name, getauxval(same[i].type));
	say("EXECFN %s", (char *)getauxval(AT_EXECFN));
	say("PLATFORM %s", (char *)getauxval(AT_PLATFORM));
	CHECK(getauxval(AT_ENTRY) == (uintptr_t)_start);
	CHECK(getauxval(AT_PHDR) == (uintptr_t)&__ehdr_start + __ehdr_start.e_phoff);
	CHECK(getauxval(AT_RANDOM) && !prog_filled((void *)getauxval(AT_RANDOM), 16, 0));
	CHECK(vdso && memcmp(vdso->e_ident, ELFMAG, SELFMAG) == 0);
	/* The stack has the order that the ABI asks for. */
	CHECK((char *)environ > (char *)arguments &&
	      (char *)getauxval(AT_RANDOM) > (char *)environ);
	CHECK(arguments[0] < (char *)getauxval(AT_EXECFN));
	CHECK((uintptr_t)arguments % 8 == 0 &&
	      *((uintptr_t *)arguments - 1) == (uintptr_t)argument_count);
}

static void show_file(const char *path)
{
	char text[2000];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '|';
	text[n] = '\0';
	say("%s: %s", path, text);
	if (f)
		fclose(f);
}

static void process(void)
{
	char text[4096], name[16];
	ssize_t n = readlink("/proc/self/exe", text, sizeof(text) - 1);

	NEED(n > 0);
	text[n] = '\0';
	say("exe %s", text);
	CHECK(getcwd(text, sizeof(text)));
	say("cwd %s", text);
	CHECK(prctl(PR_GET_NAME, name) == 0);
	say("comm %s, short name %s, name %s", name, program_invocation_short_name,
	    program_invocation_name);
	show_file("/proc/self/comm");
	show_file("/proc/self/cmdline");
	show_file("/proc/self/environ");
	say("umask %o", umask(0));
	say("uid %d %d gid %d %d, %d groups", getuid(), geteuid(), getgid(), getegid(),
	    getgroups(0, NULL));
	say("terminals %d %d %d", isatty(0), isatty(1), isatty(2));
	CHECK(getpid() > 1 && getppid() > 0 && getpgid(0) == getpgrp() && getsid(0) > 0);
	/* Later changes are seen too. */
	CHECK(prctl(PR_SET_NAME, "renamed") == 0);
	show_file("/proc/self/comm");
	memset(arguments[0], 'X', strlen(arguments[0]));
	show_file("/proc/self/cmdline");
}

static void limits(void)
{
	struct rlimit limit;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		CHECK(getrlimit(i, &limit) == 0);
		say("limit %d: %lld %lld", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
	}
}

static void signals_found(void)
{
	struct sigaction action;
	sigset_t mask;

	for (int i = 1; i <= 64; i++) {
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			say("signal %d: %s", i,
			    action.sa_handler == SIG_IGN ? "ignored" : "handled");
		if (sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, i) == 1)
			say("signal %d: blocked", i);
	}
}

/* stdin to stdout byte by byte, and how many to stderr. */
static void streams(void)
{
	int c, n = 0;

	for (; (c = getchar()) != EOF; n++)
		putchar(c);
	fprintf(stderr, "%d bytes\n", n);
	CHECK(fflush(stdout) == 0);
}

static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed = 42;
}

static void at_end(void)
{
	say("at exit");
}

static _Thread_local int of_thread = 17;

/* Constructors, thread-local storage, stdio's buffers and atexit. */
static void run_time(void)
{
	CHECK(constructed == 42 && of_thread == 17);
	of_thread = 18;
	CHECK(of_thread == 18);
	atexit(at_end);
	printf("without a newline, to be flushed at the end");
	exit(7);
}

static const struct prog_case cases[] = {
	{ "args", args },
	{ "auxv", auxv },
	{ "process", process },
	{ "limits", limits },
	{ "signals", signals_found },
	{ "streams", streams },
	{ "run_time", run_time },
};

/* start CASE [ARG...] */
int main(int argc, char **argv)
{
	argument_count = argc;
	arguments = argv;
	return prog_main(argc > 1 ? 2 : 1, argv, cases, sizeof(cases) / sizeof(*cases));
}
