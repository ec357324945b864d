/* SPDX-License-Identifier: Apache-2.0 */
/* Nearly all bytes are copied in runs; the few that may begin something to mend change the state. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/mend.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct out {
	unsigned char *at;
};

static void put(struct out *out, const void *bytes, size_t length)
{
	memcpy(out->at, bytes, length);
	out->at += length;
}

static void put_byte(struct out *out, unsigned char byte)
{
	*out->at++ = byte;
}

/* Bytes that are copied in this state without a look at their neighbours; a comma is when followed by one. */
static const unsigned char *end_of_run(const struct mend *m, const unsigned char *in,
				       const unsigned char *end)
{
	enum { PLAIN = 1, VALUE = 2 };		/* stands outside of texts; a value may begin so */
	static const unsigned char dull[256] = {
		['\t'] = PLAIN, ['\n'] = PLAIN, ['\r'] = PLAIN, [' '] = PLAIN, [':'] = PLAIN,
		['.'] = PLAIN, [']'] = PLAIN, ['}'] = PLAIN, ['['] = PLAIN | VALUE,
		['{'] = PLAIN | VALUE, ['0' ... '9'] = PLAIN | VALUE, ['"'] = VALUE,
	};

	if (m->state == MEND_TEXT)
		while (in < end && *in >= 0x20 && *in != '"' && *in != '\\')
			in++;
	else if (m->state == MEND_PLAIN && !m->comma && !m->minus)
		while (in < end && (dull[*in] & PLAIN || (*in == ',' && in + 1 < end && dull[in[1]] & VALUE)))
			in++;
	return in;
}

/* A word that stands where a value must: a number that is none becomes null. */
static void end_word(struct mend *m, struct out *out)
{
	static const char *const words[] = { "nan", "inf", "infinity" };

	m->held[m->held_bytes] = '\0';
	m->state = MEND_PLAIN;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp((const char *)m->held, words[i])) {
			m->minus = false;
			m->mended++;
			put(out, "null", 4);
			return;
		}
	if (m->minus)
		put_byte(out, '-');
	m->minus = false;
	put(out, m->held, m->held_bytes);
}

static bool in_word(struct mend *m, unsigned char byte, struct out *out)
{
	if (isalpha(byte) && m->held_bytes + 1 < sizeof(m->held)) {
		m->held[m->held_bytes++] = byte;
		return true;
	}
	end_word(m, out);
	if (!isalpha(byte))
		return false;
	put_byte(out, byte);		/* longer than any word that is known */
	return true;
}

static bool in_escape(struct mend *m, unsigned char byte, struct out *out)
{
	bool is_digits = m->held_bytes != 0;		/* \u is followed by four */

	if (is_digits ? isxdigit(byte) : byte == 'u') {
		m->held[m->held_bytes++] = byte;
		if (m->held_bytes < 5)
			return true;
	}
	m->state = MEND_TEXT;
	put_byte(out, '\\');
	if (m->held_bytes == 5) {
		put(out, m->held, m->held_bytes);
		return true;
	}
	if (!is_digits && byte && strchr("\"\\/bfnrt", byte)) {
		put_byte(out, byte);
		return true;
	}
	put_byte(out, '\\');				/* it was meant as it stands */
	put(out, m->held, m->held_bytes);
	m->mended++;
	return false;
}

static void in_text(struct mend *m, unsigned char byte, struct out *out)
{
	if (byte == '\\') {
		m->state = MEND_ESCAPE;
		m->held_bytes = 0;
		return;
	}
	if (byte == '"')
		m->state = MEND_PLAIN;
	m->mended += byte < 0x20;
	put_byte(out, byte < 0x20 ? ' ' : byte);
}

static void in_plain(struct mend *m, unsigned char byte, struct out *out)
{
	bool in_number = isdigit(m->before) || m->before == '.';

	if (m->comma && !isspace(byte)) {
		if (byte == ']' || byte == '}')
			m->mended++;
		else
			put_byte(out, ',');
		m->comma = false;
	}
	if (isalpha(byte) && !in_number) {
		m->state = MEND_WORD;
		m->held[0] = byte;
		m->held_bytes = 1;
		return;
	}
	if (m->minus)
		put_byte(out, '-');
	m->minus = byte == '-' && m->before != 'e' && m->before != 'E';
	m->comma |= byte == ',';
	if (m->minus || byte == ',')
		return;
	if (byte == '"')
		m->state = MEND_TEXT;
	put_byte(out, byte);
}

/* A byte order mark is of three bytes, which need not come in one piece. */
static bool at_start(struct mend *m, unsigned char byte, struct out *out)
{
	static const unsigned char mark[] = { 0xef, 0xbb, 0xbf };

	if (byte == mark[m->held_bytes]) {
		m->held[m->held_bytes++] = byte;
		if (m->held_bytes < sizeof(mark))
			return true;
		m->mended++;
	} else {
		put(out, m->held, m->held_bytes);
	}
	m->state = MEND_PLAIN;
	return m->held_bytes == sizeof(mark);
}

/* Returns whether the byte was used; else it is to be looked at in the state that is now. */
static bool take(struct mend *m, unsigned char byte, struct out *out)
{
	switch (m->state) {
	case MEND_START:
		return at_start(m, byte, out);
	case MEND_WORD:
		return in_word(m, byte, out);
	case MEND_ESCAPE:
		return in_escape(m, byte, out);
	case MEND_TEXT:
		in_text(m, byte, out);
		return true;
	case MEND_PLAIN:
		in_plain(m, byte, out);
	}
	return true;
}

size_t mend_bytes(struct mend *m, const unsigned char *in, size_t length, unsigned char *to)
{
	const unsigned char *end = in + length, *run;
	struct out out = { to };

	while (in < end) {
		run = in;
		in = end_of_run(m, in, end);
		if (in > run) {
			put(&out, run, (size_t)(in - run));
			m->before = in[-1];
		} else if (take(m, *in, &out)) {
			m->before = *in++;
		}
	}
	return (size_t)(out.at - to);
}

size_t mend_end(struct mend *m, unsigned char *to)
{
	struct out out = { to };

	if (m->comma)
		put_byte(&out, ',');
	if (m->state == MEND_WORD)
		end_word(m, &out);
	else if (m->minus)
		put_byte(&out, '-');
	if (m->state == MEND_ESCAPE)
		put_byte(&out, '\\');
	if (m->state == MEND_ESCAPE || m->state == MEND_START)
		put(&out, m->held, m->held_bytes);
	return (size_t)(out.at - to);
}
