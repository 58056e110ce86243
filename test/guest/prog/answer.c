/* SPDX-License-Identifier: GPL-2.0-only */
/* Computes until a debugger changes what its code answers: answer [once]. */
#include "prog.h"

/* The answer is the immediate operand behind the first byte of the instruction. */
static __attribute__((noinline, noclone)) int answer(void)
{
	int value;

	__asm__ volatile(".globl answer_code\nanswer_code:\n\tmovl $1, %%eax" : "=a"(value));
	return value;
}

int main(int argc, char **argv)
{
	(void)argv;
	say("ready");
	while (argc == 1 && answer() == 1)
		;
	say("answer %d", answer());
	return 0;
}
