/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF files that no linker makes: which of them run, which are refused, and which end by a signal. */
#include <elf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "strange.h"

#define BASE 0x400000UL
#define CODE 0x11000UL /* where it lies in the file, and from BASE on: behind 64 KiB of headers */
#define ROOM 0x20000UL

static union {
	unsigned char bytes[ROOM];
	Elf64_Ehdr head;
} image;
static Elf64_Phdr *const header = (Elf64_Phdr *)(image.bytes + sizeof(Elf64_Ehdr));

/* exit(7) */
static const unsigned char exit_7[] = { 0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05 };
/* write(1, LOW + 1, 3), which is "ELF"; exit(7) */
#define LOW 0x1000UL
static const unsigned char write_low[] = { 0xb8, 1,    0,    0,	       0,    0xbf, 1,	 0, 0,
					   0,	 0xbe, 1,    LOW >> 8, 0,    0,	   0xba, 3, 0,
					   0,	 0,    0x0f, 0x05,     0xb8, 60,   0,	 0, 0,
					   0xbf, 7,    0,    0,	       0,    0x0f, 0x05 };
/* exit((brk(0) - 0x50000000) >> 31): 0 where the break lies above that. */
static const unsigned char exit_brk[] = { 0xb8, 12,   0,  0, 0,	   0x31, 0xff, 0x0f, 0x05, 0x48,
					  0x2d, 0,    0,  0, 0x50, 0x48, 0xc1, 0xe8, 31,   0x89,
					  0xc7, 0xb8, 60, 0, 0,	   0,	 0x0f, 0x05 };
/* Calls a ret that it has pushed, and exit(5). */
static const unsigned char on_stack[] = { 0x68, 0xc3, 0,    0,	0,    0x48, 0x89, 0xe0,
					  0xff, 0xd0, 0xb8, 60, 0,    0,    0,	  0xbf,
					  5,	0,    0,    0,	0x0f, 0x05 };

static Elf64_Phdr *add(unsigned int type, unsigned int flags, unsigned long offset,
		       unsigned long address, unsigned long in_file, unsigned long in_memory)
{
	Elf64_Phdr *p = &header[image.head.e_phnum++];

	*p = (Elf64_Phdr){ .p_type = type,
			   .p_flags = flags,
			   .p_offset = offset,
			   .p_vaddr = address,
			   .p_paddr = address,
			   .p_filesz = in_file,
			   .p_memsz = in_memory,
			   .p_align = PAGE };
	return p;
}

/* A file that runs this code: one segment with everything. */
static void begin_with(unsigned int type, unsigned long base, const unsigned char *code,
		       size_t size)
{
	memset(&image, 0, sizeof(image));
	memcpy(image.head.e_ident, ELFMAG, SELFMAG);
	image.head.e_ident[EI_CLASS] = ELFCLASS64;
	image.head.e_ident[EI_DATA] = ELFDATA2LSB;
	image.head.e_ident[EI_VERSION] = EV_CURRENT;
	image.head.e_type = type;
	image.head.e_machine = EM_X86_64;
	image.head.e_version = EV_CURRENT;
	image.head.e_entry = base + CODE;
	image.head.e_phoff = sizeof(Elf64_Ehdr);
	image.head.e_ehsize = sizeof(Elf64_Ehdr);
	image.head.e_phentsize = sizeof(Elf64_Phdr);
	memcpy(image.bytes + CODE, code, size);
	add(PT_LOAD, PF_R | PF_X, 0, base, CODE + size, CODE + size);
}

static void begin(void)
{
	begin_with(ET_EXEC, BASE, exit_7, sizeof(exit_7));
}

static void save(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	NEED(fd >= 0 && write(fd, &image, sizeof(image)) == sizeof(image) && close(fd) == 0);
}

static void execute(void)
{
	execl("./e", "e", NULL);
	say("  %s", strerrorname_np(errno));
}

static void run(const char *name)
{
	save("e");
	apart(name, execute);
}

static void many_headers(void)
{
	static const int count[] = { 2, 63, 64, 65, 73, 74, 100, 1170 };
	char name[32];

	for (size_t i = 0; i < sizeof(count) / sizeof(*count); i++) {
		begin();
		for (int n = 1; n < count[i]; n++)
			add(PT_LOAD, PF_R | PF_W, 0, 0x10000000UL + n * 0x10000UL, 0, PAGE);
		snprintf(name, sizeof(name), "%d segments", count[i]);
		run(name);
	}
	begin();
	for (int n = 0; n < 600; n++)
		add(PT_NOTE, PF_R, 0, 0, 0, 0);
	run("one segment and 600 notes");
}

/* What cannot be mapped is found out when the old program has gone. */
static void impossible(void)
{
	begin();
	add(PT_LOAD, PF_R | PF_W, 0x1234, 0x601000, 0x100, 0x100);
	run("places that do not fit");
	begin();
	add(PT_LOAD, PF_R | PF_W, 0x2000, 0x602000, 0x800, 0x700);
	run("more in the file than in memory");
	begin();
	add(PT_LOAD, PF_R | PF_W, 0, 0x800000000000UL, 0, PAGE);
	run("beyond user space");
	begin();
	add(PT_LOAD, PF_R | PF_W, 0, 0x600000, 0, ~0UL - PAGE);
	run("larger than user space");
	begin();
	header[0].p_type = PT_NOTE;
	run("only a note");
	begin();
	image.head.e_entry = 0;
	run("begins at 0");
	begin();
	add(PT_LOAD, PF_R | PF_W, 0x2000, 0x602000, 0x800, 0x800);
	image.head.e_entry = 0x602000;
	run("begins in data");
}

static void heads(void)
{
	begin();
	image.head.e_ident[EI_CLASS] = ELFCLASS32;
	run("the class says 32");
	begin();
	image.head.e_ident[EI_DATA] = ELFDATA2MSB;
	run("the order of bytes says the other");
	begin();
	image.head.e_ident[EI_OSABI] = ELFOSABI_FREEBSD;
	image.head.e_version = 0;
	image.head.e_flags = 0x12345;
	image.head.e_shoff = 1UL << 40;
	image.head.e_shnum = 30;
	run("another system's, with odd fields");
	begin();
	image.head.e_machine = EM_386;
	run("another machine");
	begin();
	image.head.e_phentsize++;
	run("another size of headers");
	begin();
	image.head.e_type = ET_REL;
	run("an object file");
	begin();
	image.head.e_phnum = 0;
	run("no headers");
}

static void segments(void)
{
	begin();
	add(PT_LOAD, PF_R, 0, 0x700000, 0, 0);
	add(PT_LOAD, PF_R | PF_W, 0, 0, 0, 0);
	run("segments of no size");
	begin();
	add(PT_LOAD, PF_R | PF_X, 0, BASE, 0x100, 0x100);
	run("one over the other");
	begin();
	header[0].p_align = 3;
	add(PT_LOAD, PF_R | PF_W, 0x3000, 0x801000, 0x800, 0x800)->p_align = 0x200000;
	run("odd alignments");
	begin();
	add(PT_LOAD, PF_R, 0x2000, 0x602000, 0x800, 0x800);
	add(PT_LOAD, PF_W, 0x3000, 0x703000, 0x800, 0x2000);
	add(PT_LOAD, 0, 0x4000, 0x804000, 0x800, 0x800);
	run("read only, write only, nothing");
	begin();
	header[0].p_flags = PF_X;
	run("code that may only be executed");
	begin();
	/* Less than either kernel's memory: more may not be promised. */
	add(PT_LOAD, PF_R | PF_W, 0x2000, 0x602000, 0x800, 512UL << 20);
	run("512 MiB of zeroes");
	begin_with(ET_EXEC, BASE, exit_brk, sizeof(exit_brk));
	add(PT_LOAD, PF_R | PF_W, 0, 0x10000000, 0, PAGE);
	add(PT_LOAD, PF_R, 0, 0x50000000, 0x100, 0x100);
	run("the break lies above what is read only");
	begin_with(ET_EXEC, 0x50000000, exit_brk, sizeof(exit_brk));
	add(PT_LOAD, PF_R | PF_W, 0, 0x10000000, 0, PAGE);
	run("the break lies above all, in any order");
	begin_with(ET_DYN, 0, exit_7, sizeof(exit_7));
	run("movable, alone");
	begin_with(ET_DYN, 0x100000, exit_7, sizeof(exit_7));
	run("movable, alone, not from 0 on");
}

static void stacks(void)
{
	begin_with(ET_EXEC, BASE, on_stack, sizeof(on_stack));
	run("code on the stack, nothing said");
	add(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0);
	run("code on the stack, not executable");
	header[1].p_flags |= PF_X;
	run("code on the stack, executable");
}

/* Without the capability in the new program's bounding set: the old one, root's, has it still. */
static void execute_limited(void)
{
	NEED(prctl(PR_CAPBSET_DROP, CAP_SYS_RAWIO) == 0);
	execute();
}

/* Below 64 KiB. */
static void low(void)
{
	begin_with(ET_EXEC, LOW, write_low, sizeof(write_low));
	run("low, by root");
	apart("low, without the capability", execute_limited);
	begin();
	add(PT_LOAD, PF_R | PF_W, 0, 0, 0, PAGE);
	run("zeroes at 0, by root");
	apart("zeroes at 0, without the capability", execute_limited);
}

static void interpreters(void)
{
	char path[200];

	NEED(getcwd(path, sizeof(path) - 20));
	strcat(path, "/interpreter");
	begin();
	/* Before 6.7 Linux refuses one that it cannot write to behind the file's end. */
	header[0].p_flags |= PF_W;
	save("interpreter");
	begin_with(ET_DYN, 0, on_stack, sizeof(on_stack));
	memcpy(image.bytes + CODE + 0x100, path, strlen(path) + 1);
	header[0].p_filesz = header[0].p_memsz = CODE + 0x200;
	add(PT_INTERP, PF_R, CODE + 0x100, CODE + 0x100, strlen(path) + 1, strlen(path) + 1);
	run("an interpreter at a fixed place");
	save("keep");

	begin();
	add(PT_LOAD, PF_R, 0x1234, 0x601000, 0x100, 0x100);
	save("interpreter");
	NEED(rename("keep", "e") == 0);
	apart("an interpreter that cannot be mapped", execute);
}

int main(void)
{
	many_headers();
	impossible();
	heads();
	segments();
	stacks();
	low();
	interpreters();
	NEED(unlink("e") == 0 && unlink("interpreter") == 0);
	return 0;
}
