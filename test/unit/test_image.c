// SPDX-License-Identifier: GPL-2.0-only
/* The module's check of LWK images: one good file, and each way to spoil it. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/contract.h"
#include "ihk/base/image.h"

#define TEXT_SIZE 64
#define BSS_SIZE 10000

/* A file with text, data with bss, and the note. */
struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr text, data, note;
	struct {
		Elf64_Nhdr nhdr;
		char name[4];
		struct boot_note desc;
	} other, ihk;
	unsigned char bytes[TEXT_SIZE];
};

static struct file good_file(void)
{
	struct file f = {
		.ehdr = {
			.e_ident = ELFMAG "\x02\x01\x01",
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = LWK_LINK_BASE + 16,
			.e_phoff = offsetof(struct file, text),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.text = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_offset = offsetof(struct file, bytes),
			.p_vaddr = LWK_LINK_BASE,
			.p_filesz = TEXT_SIZE,
			.p_memsz = TEXT_SIZE,
		},
		.data = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W,
			.p_offset = offsetof(struct file, bytes),
			.p_vaddr = LWK_LINK_BASE + 0x1000,
			.p_filesz = 4,
			.p_memsz = BSS_SIZE,
		},
		.note = {
			.p_type = PT_NOTE,
			.p_offset = offsetof(struct file, other),
			.p_filesz = 2 * sizeof(f.ihk),
		},
		.other = { { 4, sizeof(struct boot_note), 7 }, "XEN", { 0, 0, 0, 0 } },
		.ihk = { { 4, sizeof(struct boot_note), BOOT_NOTE_TYPE },
			 BOOT_NOTE_NAME,
			 { ABI_VERSION, 0, ABI_HASH, 0 } },
	};

	memset(f.bytes, 0xa5, sizeof(f.bytes));
	return f;
}

/* Heap memory of exactly the size, so that a read beyond it is seen. */
static int check(const struct file *f, size_t size, struct ihk_image *image, char *msg)
{
	void *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, f, size);
	err = image_check(copy, size, image, msg, 192);
	free(copy);
	return err;
}

static void refused(const struct file *f, size_t size, const char *piece)
{
	struct ihk_image image;
	char msg[192] = "";

	assert_int_equal(check(f, size, &image, msg), -8);
	assert_non_null(strstr(msg, piece));
}

static void spoiled(const struct file *f, const char *piece)
{
	refused(f, sizeof(*f), piece);
}

static void test_good(void **state)
{
	struct file f = good_file();
	struct ihk_image image = { .file = &f };
	unsigned char *place;
	char msg[192];

	(void)state;
	assert_int_equal(check(&f, sizeof(f), &image, msg), 0);
	assert_int_equal(image.entry, LWK_LINK_BASE + 16);
	assert_int_equal(image.size, 0x4000);
	assert_false(image.programs);
	f.ihk.desc.program_hash = ABI_PROGRAM_HASH;
	assert_int_equal(check(&f, sizeof(f), &image, msg), 0);
	assert_true(image.programs);

	place = malloc(image.size);
	memset(place, 0xff, image.size);
	image_copy(&image, place);
	assert_int_equal(place[TEXT_SIZE - 1], 0xa5);
	assert_int_equal(place[TEXT_SIZE], 0);
	assert_int_equal(place[0x1003], 0xa5);
	assert_int_equal(place[0x1004], 0);
	assert_int_equal(place[0x3fff], 0);
	free(place);
}

static void test_truncated(void **state)
{
	struct file f = good_file();
	size_t size;

	(void)state;
	refused(&f, 0, "not an ELF file");
	refused(&f, 3, "not an ELF file");
	refused(&f, 4, "truncated");
	for (size = 4; size < sizeof(f); size++) {
		struct ihk_image image;
		char msg[192];

		assert_int_equal(check(&f, size, &image, msg), -8);
	}
	refused(&f, sizeof(f) - 1, "truncated: the segment at 0xffffffff80000000");
}

static void test_header(void **state)
{
	struct file f = good_file();

	(void)state;
	f.ehdr.e_ident[0] = 'X';
	spoiled(&f, "not an ELF file");
	f = good_file();
	f.ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	spoiled(&f, "not a 64-bit");
	f = good_file();
	f.ehdr.e_machine = EM_AARCH64;
	spoiled(&f, "machine 183 is not x86-64");
	f = good_file();
	f.ehdr.e_type = ET_REL;
	spoiled(&f, "type 1");
	f = good_file();
	f.ehdr.e_phentsize = 8;
	spoiled(&f, "program headers");
	f = good_file();
	f.ehdr.e_phnum = 0;
	spoiled(&f, "program headers");
	f = good_file();
	f.ehdr.e_phoff = ~0UL - 8;
	spoiled(&f, "truncated: the program headers");
	f = good_file();
	f.ehdr.e_entry = LWK_LINK_BASE + 0x1000;
	spoiled(&f, "entry point 0xffffffff80001000 is in no executable segment");
}

static void test_segments(void **state)
{
	struct file f = good_file();

	(void)state;
	f.data.p_offset = ~0UL;
	spoiled(&f, "truncated: the segment at 0xffffffff80001000");
	f = good_file();
	f.data.p_memsz = 3;
	spoiled(&f, "larger in the file");
	f = good_file();
	f.data.p_vaddr = LWK_LINK_BASE - 1;
	spoiled(&f, "is not inside");
	f = good_file();
	f.data.p_memsz = LWK_IMAGE_MAX;
	spoiled(&f, "is not inside");
	f = good_file();
	f.data.p_memsz = ~0UL;
	spoiled(&f, "is not inside");
}

static void test_note(void **state)
{
	struct file f = good_file();

	(void)state;
	f.ihk.desc.abi_version = ABI_VERSION + 1;
	spoiled(&f, "this ihk.ko has");
	f = good_file();
	f.ihk.desc.abi_hash ^= 1;
	spoiled(&f, "the image has boot ABI");
	f = good_file();
	f.ihk.desc.program_hash = ABI_PROGRAM_HASH ^ 1;
	spoiled(&f, "runs programs by ABI");
	f = good_file();
	/* The note of an older version is shorter: both versions are named. */
	f.ihk.nhdr.n_descsz = 16;
	f.ihk.desc.abi_version = ABI_VERSION - 1;
	spoiled(&f, "the image has boot ABI");
	f = good_file();
	f.ihk.name[0] = 'i';
	spoiled(&f, "no boot-ABI note");
	f = good_file();
	f.note.p_type = PT_NULL;
	spoiled(&f, "no boot-ABI note");
	f = good_file();
	f.other.nhdr.n_descsz = ~0U;
	spoiled(&f, "no boot-ABI note");
	f = good_file();
	f.ihk.nhdr.n_descsz = 8;
	spoiled(&f, "no boot-ABI note");
	f = good_file();
	f.note.p_offset = sizeof(f) - 4;
	spoiled(&f, "no boot-ABI note");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_header), cmocka_unit_test(test_segments),
		cmocka_unit_test(test_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
