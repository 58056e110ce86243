/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program reads of itself in /proc: its own areas, pages, and sizes. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "strange.h"

#define AREA (64 * PAGE)
#define LARGE (16L << 20)

struct line {
	unsigned long start, end, offset, inode;
	unsigned int major, minor;
	char rights[5], name[256];
};

static bool parse(const char *text, struct line *l)
{
	int at = 0;

	*l = (struct line){ 0 };
	if (sscanf(text, "%lx-%lx %4s %lx %x:%x %lu%n", &l->start, &l->end, l->rights, &l->offset,
		   &l->major, &l->minor, &l->inode, &at) != 7)
		return false;
	sscanf(text + at, " %255[^\n]", l->name);
	return true;
}

/* The line of maps that an address lies in. */
static bool find(const char *file, const void *where, struct line *l)
{
	FILE *maps = fopen(file, "re");
	char text[512];
	bool found = false;

	NEED(maps);
	while (!found && fgets(text, sizeof(text), maps))
		found = parse(text, l) && l->start <= (unsigned long)where &&
			(unsigned long)where < l->end;
	fclose(maps);
	return found;
}

/* Where in its line the area lies, for the line may be longer. */
static void show(const char *what, const void *where)
{
	struct line l;

	if (!find("/proc/self/maps", where, &l))
		say("%s: in no line", what);
	else
		say("%s: %s name '%s'", what, l.rights, l.name);
}

static void show_file(const char *what, const void *where, int fd, unsigned long offset)
{
	struct stat st;
	struct line l;

	NEED(fstat(fd, &st) == 0);
	NEED(find("/proc/self/maps", where, &l));
	say("%s: %s offset %s, inode %s, name %s", what, l.rights,
	    l.offset + ((unsigned long)where - l.start) == offset ? "right" : "wrong",
	    l.inode == st.st_ino ? "right" : "wrong", strrchr(l.name, '/'));
}

static void areas(void)
{
	char *any = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *both = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open("file with a\nline", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *private, *shared;

	NEED(fd >= 0 && ftruncate(fd, AREA) == 0);
	private = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 3 * PAGE);
	shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 5 * PAGE);
	NEED(any != MAP_FAILED && both != MAP_FAILED && private != MAP_FAILED &&
	     shared != MAP_FAILED);
	show("anonymous", any);
	show("shared anonymous", both);
	show_file("private", private, fd, 3 * PAGE);
	show_file("its last page", private + 3 * PAGE, fd, 6 * PAGE);
	show_file("shared", shared, fd, 5 * PAGE);
	NEED(mprotect(any + PAGE, PAGE, PROT_NONE) == 0);
	NEED(mprotect(any + 2 * PAGE, PAGE, PROT_READ | PROT_EXEC) == 0);
	NEED(munmap(any + 3 * PAGE, PAGE) == 0);
	show("no access", any + PAGE);
	show("executable", any + 2 * PAGE);
	show("unmapped", any + 3 * PAGE);
	show("the rest", any + 4 * PAGE);
	NEED(unlink("file with a\nline") == 0);
	show("deleted", private);
	show("deleted, shared", shared);
	show("a local variable", &fd);
	show("the heap", sbrk(0) - 1);
}

/* What is behind the name in a file of /proc/self, of lines "NAME: VALUE kB". */
static long value(const char *file, const void *start, const char *name)
{
	FILE *in = fopen(file, "re");
	bool inside = !start;
	char text[512], format[64];
	struct line l;
	long kib = -1, v;

	NEED(in);
	snprintf(format, sizeof(format), "%s: %%ld kB", name);
	while (fgets(text, sizeof(text), in)) {
		if (start && parse(text, &l))
			inside = l.start == (unsigned long)start;
		else if (inside && sscanf(text, format, &v) == 1)
			kib = v;
	}
	fclose(in);
	return kib;
}

static void show_pages(const char *what, const void *start)
{
	static const char *const names[] = { "Size",	      "Rss",	      "Pss",
					     "Shared_Clean",  "Shared_Dirty", "Private_Clean",
					     "Private_Dirty", "Anonymous",    "Locked" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say("%s: %s %ld", what, names[i], value("/proc/self/smaps", start, names[i]));
}

/* With borders that no neighbour joins. */
static char *lonely(long size)
{
	char *all = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(all != MAP_FAILED);
	NEED(mprotect(all + PAGE, size, PROT_READ | PROT_WRITE) == 0);
	return all + PAGE;
}

static char *area;

static void child(void)
{
	show_pages("child", area);
	area[0] = 2;
	show_pages("one copied", area);
}

static void pages(void)
{
	long before;
	char *large;

	area = lonely(AREA);
	NEED(madvise(area, AREA, MADV_NOHUGEPAGE) == 0);
	/* Far apart: what is touched in sequence may come several pages at a time. */
	for (int i = 0; i < 4; i++)
		area[i * 16 * PAGE] = 1;
	show_pages("four written", area);
	NEED(mlock(area, AREA) == 0);
	show_pages("all locked", area);
	say("VmLck: %ld", value("/proc/self/status", NULL, "VmLck"));
	apart("in a fork's child", child);
	before = value("/proc/self/status", NULL, "VmSize");
	large = lonely(LARGE);
	say("VmSize grows by %ld", value("/proc/self/status", NULL, "VmSize") - before);
	before = value("/proc/self/status", NULL, "VmRSS");
	memset(large, 1, LARGE);
	/* Linux counts to the next dozens of pages. */
	say("VmRSS grows by %ld MiB",
	    (value("/proc/self/status", NULL, "VmRSS") - before + 512) / 1024);
}

/* The rest of an area's line; of Linux's own lists it says which pages were used lately. */
static void show_nodes(const char *what, const void *start)
{
	FILE *in = fopen("/proc/self/numa_maps", "re");
	char text[512], *token, *save;

	NEED(in);
	while (fgets(text, sizeof(text), in)) {
		if (strtoul(text, NULL, 16) != (unsigned long)start)
			continue;
		say("numa_maps, %s:", what);
		for (token = strtok_r(strchr(text, ' '), " \n", &save); token;
		     token = strtok_r(NULL, " \n", &save))
			if (strncmp(token, "active=", 7) != 0)
				say("  %s", token);
	}
	fclose(in);
}

static char *touched(int times)
{
	char *at = lonely(AREA);

	NEED(madvise(at, AREA, MADV_NOHUGEPAGE) == 0);
	for (int i = 0; i < times; i++)
		at[i * 16 * PAGE] = 1;
	return at;
}

static void child_nodes(void)
{
	show_nodes("a fork's child", area);
}

static void nodes(void)
{
	unsigned long node = 1;
	char *bound = touched(0), *both;

	area = touched(3);
	show_nodes("three written", area);
	apart("in a fork's child", child_nodes);
	NEED(syscall(SYS_mbind, bound, AREA, MPOL_BIND, &node, 64, 0) == 0);
	show_nodes("bound, none written", bound);
	bound[0] = 1;
	show_nodes("bound, one written", bound);
	NEED(syscall(SYS_mbind, bound, AREA, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, &node, 64, 0) ==
	     0);
	show_nodes("interleaved", bound);
	NEED(syscall(SYS_mbind, bound, AREA, MPOL_PREFERRED, &node, 64, 0) == 0);
	show_nodes("preferred", bound);
	NEED(syscall(SYS_mbind, bound, AREA, MPOL_LOCAL, NULL, 0, 0) == 0);
	show_nodes("local", bound);
	NEED(syscall(SYS_set_mempolicy, MPOL_BIND, &node, 64) == 0);
	show_nodes("the thread's policy", area);
	NEED(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0) == 0);
	both = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(both != MAP_FAILED);
	both[0] = both[16 * PAGE] = 1;
	show_nodes("shared", both);
	show_pages("shared", both);
}

static void reading(void)
{
	char whole[200], part[100];
	int fd = open("/proc/self/maps", O_RDONLY), pair[2];
	struct iovec iov[2] = { { part, 10 }, { part + 10, 20 } };

	NEED(fd >= 0 && read(fd, whole, sizeof(whole)) > 100);
	say("pread: %s",
	    pread(fd, part, 50, 20) == 50 && !memcmp(part, whole + 20, 50) ? "same" : "not");
	say("lseek: %ld", (long)lseek(fd, 30, SEEK_SET));
	say("read: %s", read(fd, part, 10) == 10 && !memcmp(part, whole + 30, 10) ? "same" : "not");
	TRY(lseek(fd, 0, SEEK_END));
	say("where: %ld", (long)lseek(fd, 0, SEEK_CUR));
	say("back: %ld", (long)lseek(fd, -40, SEEK_CUR));
	say("readv: %s", readv(fd, iov, 2) == 30 && !memcmp(part, whole, 30) ? "same" : "not");
	NEED(lseek(fd, 0, SEEK_SET) == 0);
	say("in a fork's child");
	if (fork() == 0) {
		say("read: %s",
		    read(fd, part, 10) == 10 && !memcmp(part, whole, 10) ? "same" : "not");
		_exit(0);
	}
	NEED(wait(NULL) > 0);
	say("behind it: %s",
	    read(dup(fd), part, 10) == 10 && !memcmp(part, whole + 10, 10) ? "same" : "not");
	TRY_AS("read to nowhere", syscall(SYS_read, fd, 8, 10));
	TRY(write(fd, part, 1));
	TRY(openat(AT_FDCWD, "/proc/self/maps", O_RDWR));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	TRY(sendfile(pair[0], fd, NULL, 10));
}

static void *thread(void *arg)
{
	struct line l;

	(void)arg;
	say("a thread finds its stack: %s",
	    find("/proc/thread-self/maps", &l, &l) && l.start < (unsigned long)&l ? "yes" : "no");
	return NULL;
}

static void stacks(void)
{
	pthread_attr_t attr;
	pthread_t t;
	size_t size;
	void *low;

	NEED(pthread_getattr_np(pthread_self(), &attr) == 0);
	NEED(pthread_attr_getstack(&attr, &low, &size) == 0);
	say("the first thread's stack: %s",
	    (char *)low < (char *)&attr && (char *)&attr < (char *)low + size ? "here"
									      : "elsewhere");
	NEED(pthread_create(&t, NULL, thread, NULL) == 0);
	NEED(pthread_join(t, NULL) == 0);
}

/* Files that were opened before an execve: some show the program that was, some that which is. */
static void executed(char **argv)
{
	char text[100];

	for (int i = 1; argv[i]; i += 2)
		say("behind an execve, %s: %s", argv[i],
		    pread(atoi(argv[i + 1]), text, sizeof(text), 0) > 0 ? "something" : "nothing");
}

static void execute(void)
{
	static char names[][8] = { "maps", "statm", "status" };
	char *argv[8] = { "views" };

	for (int i = 0; i < 3; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/%s", names[i]);
		argv[1 + 2 * i] = names[i];
		NEED(asprintf(&argv[2 + 2 * i], "%d", open(path, O_RDONLY)) > 0);
	}
	execv("/proc/self/exe", argv);
}

static void rollup(void)
{
	static const char *const names[] = { "Pss_Anon", "Pss_File", "Pss_Shmem", "Locked" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say("rollup: %s %s", names[i],
		    value("/proc/self/smaps_rollup", NULL, names[i]) >= 0 ? "is there" : "is not");
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		executed(argv);
		return 0;
	}
	areas();
	pages();
	rollup();
	nodes();
	reading();
	stacks();
	fflush(stdout);
	execute();
	return 1;
}
