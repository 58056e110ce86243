/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from a format: what snprintf is in a library. */
#include "mck/lib.h"

/* Where the text goes; `used` counts on beyond the size. */
struct sink {
	char *buf;
	size_t size;
	size_t used;
};

/* One conversion, as parsed. */
struct spec {
	bool left, zero, plus, alternate;
	int width;
	int precision; /* -1: none */
	int longs; /* h and hh count as int */
};

static void put(struct sink *out, char c)
{
	if (out->used + 1 < out->size)
		out->buf[out->used] = c;
	out->used++;
}

static void put_padded(struct sink *out, const char *text, size_t length, const struct spec *spec,
		       char pad)
{
	int room = spec->width - (int)length;

	for (; !spec->left && room > 0; room--)
		put(out, pad);
	while (length--)
		put(out, *text++);
	for (; room > 0; room--)
		put(out, ' ');
}

static void put_number(struct sink *out, u64 value, bool negative, unsigned int base, bool capitals,
		       const struct spec *spec)
{
	const char *digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[72];
	char *p = text + sizeof(text);
	char *limit = text + 4;
	int count = 0;
	int least = spec->precision;
	int room;

	/* Zeros up to the width go before the first digit, behind sign and prefix. */
	room = spec->width - (negative || spec->plus) - (spec->alternate ? 2 : 0);
	if (spec->precision < 0)
		least = spec->zero && !spec->left && room > 1 ? room : 1;
	for (; (value || count < least) && p > limit; count++) {
		/* cppcheck-suppress zerodivcond ; base is 8, 10 or 16 */
		*--p = digits[value % base];
		value /= base;
	}
	if (spec->alternate && base == 16) {
		*--p = 'x';
		*--p = '0';
	}
	if (negative)
		*--p = '-';
	else if (spec->plus)
		*--p = '+';
	put_padded(out, p, text + sizeof(text) - p, spec, ' ');
}

static void put_string(struct sink *out, const char *s, const struct spec *spec)
{
	if (!s)
		s = "(null)";
	put_padded(out, s, strnlen(s, spec->precision < 0 ? ~0UL : (size_t)spec->precision), spec,
		   ' ');
}

static int parse_number(const char **fmt)
{
	int n = 0;

	while (**fmt >= '0' && **fmt <= '9')
		n = n * 10 + *(*fmt)++ - '0';
	return n;
}

static void parse_flags(const char **fmt, struct spec *spec)
{
	for (;; (*fmt)++) {
		if (**fmt == '-')
			spec->left = true;
		else if (**fmt == '0')
			spec->zero = true;
		else if (**fmt == '+')
			spec->plus = true;
		else if (**fmt == '#')
			spec->alternate = true;
		else
			return;
	}
}

static void parse_length(const char **fmt, struct spec *spec)
{
	for (;; (*fmt)++) {
		if (**fmt == 'l')
			spec->longs++;
		else if (**fmt == 'z')
			spec->longs = 1;
		else if (**fmt != 'h')
			return;
	}
}

int vsnprintf_(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink out = { buf, size, 0 };
	va_list ap;

	va_copy(ap, args);
	for (; *fmt; fmt++) {
		struct spec spec = { .precision = -1 };
		s64 number;
		char c;

		if (*fmt != '%') {
			put(&out, *fmt);
			continue;
		}
		fmt++;
		parse_flags(&fmt, &spec);
		if (*fmt == '*') {
			spec.width = va_arg(ap, int);
			fmt++;
		} else {
			spec.width = parse_number(&fmt);
		}
		if (*fmt == '.') {
			fmt++;
			if (*fmt == '*') {
				spec.precision = va_arg(ap, int);
				fmt++;
			} else {
				spec.precision = parse_number(&fmt);
			}
		}
		parse_length(&fmt, &spec);
		switch (*fmt) {
		case 'd':
		case 'i':
			number = spec.longs ? va_arg(ap, s64) : va_arg(ap, int);
			put_number(&out, number < 0 ? -(u64)number : (u64)number, number < 0, 10,
				   false, &spec);
			break;
		case 'u':
		case 'x':
		case 'X':
		case 'o':
			put_number(&out, spec.longs ? va_arg(ap, u64) : va_arg(ap, unsigned int),
				   false,
				   *fmt == 'u'	 ? 10
				   : *fmt == 'o' ? 8
						 : 16,
				   *fmt == 'X', &spec);
			break;
		case 'p':
			spec.alternate = true;
			put_number(&out, (u64)va_arg(ap, void *), false, 16, false, &spec);
			break;
		case 's':
			put_string(&out, va_arg(ap, const char *), &spec);
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_padded(&out, &c, 1, &spec, ' ');
			break;
		case '%':
			put(&out, '%');
			break;
		default: /* an unknown conversion shows itself */
			put(&out, '%');
			if (!*fmt)
				fmt--;
			else
				put(&out, *fmt);
		}
	}
	va_end(ap);
	if (size)
		buf[MIN(out.used, size - 1)] = '\0';
	return (int)out.used;
}

int snprintf_(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf_(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
