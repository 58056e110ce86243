/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel arguments. */
#include "mck/lib.h"

static const char *kargs = ""; /* written once at start */

void kargs_init(const char *text)
{
	kargs = text;
}

bool karg_get(const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	const char *p = kargs;

	while (*p) {
		const char *word = p;
		size_t rest = 0;

		while (*p && *p != ' ')
			p++;
		if (!strncmp(word, name, length) && (word + length == p || word[length] == '=')) {
			word += length + (word + length < p);
			for (; word < p && rest + 1 < size; rest++)
				value[rest] = *word++;
			if (size)
				value[rest] = '\0';
			return true;
		}
		while (*p == ' ')
			p++;
	}
	return false;
}
