/* SPDX-License-Identifier: GPL-2.0-only */
/* personality(): what may be read may be executed, from then on, in children, and not after an exec. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "strange.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void put_ret(unsigned char *p)
{
	*p = 0xc3;
}

static void called(const char *name, void *p)
{
	struct fault f;

	if (p == MAP_FAILED) {
		say("%s: %s", name, strerrorname_np(errno));
		return;
	}
	f = fault_call(p);
	say("%s: signal %d, code %d", name, f.signo, f.code);
}

static unsigned char *fresh(int prot)
{
	unsigned char *p = mmap(NULL, PAGE, prot | PROT_WRITE, ANON, -1, 0);

	NEED(p != MAP_FAILED);
	put_ret(p);
	return p;
}

static void kinds(void)
{
	unsigned char *p = fresh(PROT_READ);
	int fd = prog_file(PAGE);

	called("mmap", p);
	NEED(mprotect(p, PAGE, PROT_READ) == 0);
	called("mprotect to read", p);
	NEED(mprotect(p, PAGE, PROT_WRITE) == 0);
	called("mprotect to write", p);
	called("mmap to write", fresh(0));
	p = sbrk(PAGE);
	NEED(p != (void *)-1);
	put_ret(p);
	called("break", p);
	put_ret(p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	called("file", p);
	close(fd);
}

static void again(void)
{
	execl("/proc/self/exe", "persona", "again", NULL);
}

int main(int argc, char **argv)
{
	unsigned char *old = fresh(PROT_READ);

	(void)argv;
	say("personality %x", personality(0xffffffff) & READ_IMPLIES_EXEC);
	kinds();
	if (argc > 1)
		return 0;
	TRY(personality(READ_IMPLIES_EXEC));
	say("personality %x", personality(0xffffffff) & READ_IMPLIES_EXEC);
	called("mapped before", old);
	kinds();
	apart("in a child", kinds);
	apart("after an exec", again);
	TRY(personality(0));
	kinds();
	return 0;
}
