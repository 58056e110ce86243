// SPDX-License-Identifier: GPL-2.0-only
/* Prints docs/contract.md from the one list of the contract, include/abi/contract.h. */
#include <stdio.h>

#include "abi/contract.h"

static const char head[] =
	"<!-- SPDX-License-Identifier: GPL-2.0-only -->\n"
	"<!-- Printed by build/bin/print-contract; test/check.sh compares. -->\n"
	"# The contract between the worlds\n\n"
	"Every structure that the module, the LWK, the proxy and the tools share, every\n"
	"call between the kernels, and every ioctl. The source is the list in\n"
	"`include/abi/contract.h`, which also makes the compile-time proofs and the two\n"
	"hashes that are checked when an image is loaded: one over what every image\n"
	"needs, one over what an image needs beside that to run programs. What the\n"
	"members mean stands where they are declared, in `include/abi/`; who checks what\n"
	"in [security.md](security.md).\n";

static const char writers[] =
	"\nWriters: `IMAGE`, whoever built the file; `BOOT`, the module before the first\n"
	"CPU of a boot starts; `LINUX`, the module at any time; `LWK`, the LWK at any\n"
	"time; `PROXY`, code in user mode, of which nothing is believed; `CALLER`, the\n"
	"process that calls the ioctl; `PRODUCER` and `CONSUMER`, the two sides of a ring.\n"
	"Two names joined: both, one after the other.\n";

#define PRINT_SIZE(type, size)                                                        \
	printf("\n### struct %s (%d bytes)\n\n| at | member | bytes | written by |\n" \
	       "| ---: | --- | ---: | --- |\n",                                       \
	       #type, size);
#define PRINT_FIELD(type, member, offset, writer)                                                 \
	printf("| %d | `%s` | %zu | %s |\n", offset, #member, sizeof(((struct type *)0)->member), \
	       #writer);
#define PRINT_CALL(name, number, needs, errors) \
	printf("| %d | `%s` | %s | %s |\n", number, #name, needs, errors);
#define PRINT_IOCTL(name, number, type, who, state, errors)                                    \
	printf("| 0x%02x | `%s` | `%s` | %s | %s | %s |\n", number, #name, #type, #who, state, \
	       errors);

static void print_layouts(void)
{
	puts("\n## What every image needs");
	fputs(writers, stdout);
	ABI_BOOT_LAYOUT(PRINT_SIZE, PRINT_FIELD);
	puts("\n## What an image that runs programs needs beside");
	ABI_PROGRAM_LAYOUT(PRINT_SIZE, PRINT_FIELD);
	puts("\n## What tools and module share");
	ABI_IOCTL_LAYOUT(PRINT_SIZE, PRINT_FIELD);
}

static void print_calls(void)
{
	puts("\n## Calls: Linux asks the LWK\n\n"
	     "Beside the errors named, ENOSYS answers a call that the LWK does not know, and\n"
	     "EIO ends one that it never answers, with the instance.\n\n"
	     "| number | call | needs | errors |\n| ---: | --- | --- | --- |");
	ABI_CALLS(PRINT_CALL);
	puts("\n## Lcalls: the LWK asks the module\n\n"
	     "| number | lcall | needs | errors |\n| ---: | --- | --- | --- |");
	ABI_LCALLS(PRINT_CALL);
}

static void print_ioctls(void)
{
	puts("\n## ioctls\n\n"
	     "`ANY` may open the node; `WRITER` has it open for writing; `ADMIN` has\n"
	     "CAP_SYS_ADMIN, everyone else gets EPERM. Beside the errors named, all may answer\n"
	     "EFAULT, ENOTTY, ENOMEM and EINTR (killed while it waited), those of an instance\n"
	     "ENODEV when it has been destroyed. The sentence at the end of each structure\n"
	     "says what was refused, and by which rule.\n\n"
	     "### /dev/mcd0: the machine\n\n"
	     "| number | ioctl | structure | who | needs | errors |\n"
	     "| ---: | --- | --- | --- | --- | --- |");
	ABI_MACHINE_IOCTLS(PRINT_IOCTL);
	puts("\n### /dev/mcosN: an OS instance\n\n"
	     "| number | ioctl | structure | who | needs | errors |\n"
	     "| ---: | --- | --- | --- | --- | --- |");
	ABI_OS_IOCTLS(PRINT_IOCTL);
}

int main(void)
{
	fputs(head, stdout);
	printf("\nVersion %d.\n", ABI_VERSION);
	print_layouts();
	print_calls();
	print_ioctls();
	return ferror(stdout) || fflush(stdout);
}
