// SPDX-License-Identifier: GPL-2.0-only
/* Reads LWK images: the ELF headers, the boot-ABI note and the segments. */
#ifdef __KERNEL__
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#endif

#include "abi/contract.h"
#include "base/image.h"

#define REFUSE(...) (snprintf(msg, msg_size, __VA_ARGS__), -ENOEXEC)
#define NOTE_ALIGN(size) (((size) + 3) & ~3UL)
#define PAGE_UP(size) (((size) + ABI_PAGE_SIZE - 1) & ~(ABI_PAGE_SIZE - 1UL))

/* True if [offset, offset + size) lies inside a file of `file_size` bytes. */
static bool is_inside(abi_u64 offset, abi_u64 size, abi_u64 file_size)
{
	return offset <= file_size && size <= file_size - offset;
}

static int header_check(const Elf64_Ehdr *ehdr, abi_u64 size, char *msg, unsigned int msg_size)
{
	if (size < SELFMAG || memcmp(ehdr->e_ident, ELFMAG, SELFMAG))
		return REFUSE("not an ELF file");
	if (size < sizeof(*ehdr))
		return REFUSE("truncated: %llu bytes do not hold an ELF header",
			      (unsigned long long)size);
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return REFUSE("not a 64-bit little-endian ELF file");
	if (ehdr->e_machine != LWK_ELF_MACHINE)
		return REFUSE("ELF machine %u is not " LWK_ELF_MACHINE_NAME " (%u)",
			      ehdr->e_machine, LWK_ELF_MACHINE);
	if (ehdr->e_type != ET_EXEC)
		return REFUSE("ELF type %u is not an executable at fixed addresses (%u)",
			      ehdr->e_type, ET_EXEC);
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || !ehdr->e_phnum)
		return REFUSE("ELF file without usable program headers");
	if (!is_inside(ehdr->e_phoff, ehdr->e_phnum * sizeof(Elf64_Phdr), size))
		return REFUSE("truncated: the program headers end beyond the file's %llu bytes",
			      (unsigned long long)size);
	return 0;
}

static int segment_check(const Elf64_Phdr *phdr, abi_u64 size, char *msg, unsigned int msg_size)
{
	if (!is_inside(phdr->p_offset, phdr->p_filesz, size))
		return REFUSE("truncated: the segment at 0x%llx ends beyond the file's %llu bytes",
			      (unsigned long long)phdr->p_vaddr, (unsigned long long)size);
	if (phdr->p_memsz < phdr->p_filesz)
		return REFUSE("the segment at 0x%llx is larger in the file than in memory",
			      (unsigned long long)phdr->p_vaddr);
	if (phdr->p_vaddr < LWK_LINK_BASE ||
	    !is_inside(phdr->p_vaddr - LWK_LINK_BASE, phdr->p_memsz, LWK_IMAGE_MAX))
		return REFUSE("the segment at 0x%llx is not inside 0x%lx to 0x%lx",
			      (unsigned long long)phdr->p_vaddr, LWK_LINK_BASE,
			      LWK_LINK_BASE + LWK_IMAGE_MAX);
	return 0;
}

/*
 * Copy the boot-ABI note inside a PT_NOTE segment that lies in the file. Its head
 * is the same in all versions; what this one has beyond it is 0 then.
 */
static bool note_find(const unsigned char *note, abi_u64 size, struct boot_note *found)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *nhdr = (const void *)note;
		abi_u64 name = sizeof(*nhdr);
		abi_u64 desc = name + NOTE_ALIGN((abi_u64)nhdr->n_namesz);
		abi_u64 end = desc + NOTE_ALIGN((abi_u64)nhdr->n_descsz);

		if (end > size)
			break;
		if (nhdr->n_type == BOOT_NOTE_TYPE && nhdr->n_namesz == sizeof(BOOT_NOTE_NAME) &&
		    !memcmp(note + name, BOOT_NOTE_NAME, sizeof(BOOT_NOTE_NAME)) &&
		    nhdr->n_descsz >= __builtin_offsetof(struct boot_note, program_hash)) {
			/* Notes are aligned to 4 bytes only. */
			memcpy(found, note + desc,
			       nhdr->n_descsz < sizeof(*found) ? nhdr->n_descsz : sizeof(*found));
			return true;
		}
		note += end;
		size -= end;
	}
	return false;
}

/* An image that runs no programs is tied to no layout of theirs. */
static int version_check(const struct boot_note *note, struct ihk_image *image, char *msg,
			 unsigned int msg_size)
{
	if (note->abi_version != ABI_VERSION || note->abi_hash != ABI_HASH)
		return REFUSE("the image has boot ABI %u (%016llx), this ihk.ko has %u (%016llx)",
			      note->abi_version, (unsigned long long)note->abi_hash, ABI_VERSION,
			      (unsigned long long)ABI_HASH);
	if (note->program_hash && note->program_hash != ABI_PROGRAM_HASH)
		return REFUSE("the image runs programs by ABI %016llx, this ihk.ko by %016llx",
			      (unsigned long long)note->program_hash,
			      (unsigned long long)ABI_PROGRAM_HASH);
	image->programs = note->program_hash;
	return 0;
}

int image_check(const void *file, abi_u64 size, struct ihk_image *image, char *msg,
		unsigned int msg_size)
{
	const unsigned char *bytes = file;
	const Elf64_Ehdr *ehdr = file;
	struct boot_note note = {};
	bool has_note = false, has_entry = false;
	abi_u64 end = 0;
	unsigned int i;
	int err;

	err = header_check(ehdr, size, msg, msg_size);
	if (err)
		return err;

	for (i = 0; i < ehdr->e_phnum; i++) {
		Elf64_Phdr phdr;

		memcpy(&phdr, bytes + ehdr->e_phoff + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_type == PT_NOTE && !has_note &&
		    is_inside(phdr.p_offset, phdr.p_filesz, size))
			has_note = note_find(bytes + phdr.p_offset, phdr.p_filesz, &note);
		if (phdr.p_type != PT_LOAD || !phdr.p_memsz)
			continue;
		err = segment_check(&phdr, size, msg, msg_size);
		if (err)
			return err;
		if (phdr.p_vaddr + phdr.p_memsz - LWK_LINK_BASE > end)
			end = phdr.p_vaddr + phdr.p_memsz - LWK_LINK_BASE;
		if ((phdr.p_flags & PF_X) && ehdr->e_entry >= phdr.p_vaddr &&
		    ehdr->e_entry - phdr.p_vaddr < phdr.p_filesz)
			has_entry = true;
	}

	/* The version before the entry: of another version's layout nothing more can be said. */
	if (!has_note)
		return REFUSE("no boot-ABI note (name %s, type %u): not an LWK image",
			      BOOT_NOTE_NAME, BOOT_NOTE_TYPE);
	err = version_check(&note, image, msg, msg_size);
	if (err)
		return err;
	if (!has_entry)
		return REFUSE("the entry point 0x%llx is in no executable segment",
			      (unsigned long long)ehdr->e_entry);

	image->entry = ehdr->e_entry;
	image->size = PAGE_UP(end);
	return 0;
}

void image_copy(const struct ihk_image *image, void *place)
{
	const unsigned char *bytes = image->file;
	const Elf64_Ehdr *ehdr = image->file;
	unsigned int i;

	memset(place, 0, image->size);
	for (i = 0; i < ehdr->e_phnum; i++) {
		Elf64_Phdr phdr;

		memcpy(&phdr, bytes + ehdr->e_phoff + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_type == PT_LOAD && phdr.p_memsz)
			memcpy((unsigned char *)place + (phdr.p_vaddr - LWK_LINK_BASE),
			       bytes + phdr.p_offset, phdr.p_filesz);
	}
}
