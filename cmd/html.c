/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping, head and tail of the page. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/html.h"

#include <inttypes.h>
#include <sys/random.h>

#include "analysis/text.h"

static const char style[] =
#include "cmd/page_css.inc"
	;
static const char script[] =
#include "cmd/page_js.inc"
	;

/* Left to right and back, and what else has no shape of its own. */
static bool is_format(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void html_text(FILE *out, const char *text)
{
	while (*text) {
		uint32_t code;
		size_t bytes = text_decode(text, &code);

		if (code == '&' || code == '<' || code == '>' || code == '"' || code == '\'')
			fprintf(out, "&#%u;", (unsigned)code);
		else if (code == 0xfffd || is_format(code) || (code >= 0x7f && code < 0xa0) ||
			 (code < 0x20 && code != '\n' && code != '\t'))
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(text, 1, bytes, out);
		text += bytes;
	}
}

int html_head(FILE *out, const char *title)
{
	uint64_t nonce[2];

	if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return -1;
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'nonce-%016" PRIx64 "%016" PRIx64 "'; "
		"script-src 'nonce-%016" PRIx64 "%016" PRIx64 "'; base-uri 'none'; "
		"form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<title>", nonce[0], nonce[1],
		nonce[0], nonce[1]);
	html_text(out, title);
	fprintf(out, "</title>\n<style nonce=\"%016" PRIx64 "%016" PRIx64 "\">\n%s</style>\n"
		"<script type=\"module\" nonce=\"%016" PRIx64 "%016" PRIx64 "\">\n%s</script>\n"
		"</head>\n<body>\n", nonce[0], nonce[1], style, nonce[0], nonce[1], script);
	return 0;
}

void html_tail(FILE *out)
{
	fputs("</body>\n</html>\n", out);
}

int html_gpu(const struct html *html, int device)
{
	for (size_t i = 0; i < html->devices.count; i++)
		if (html->devices.rows[i].id == device)
			return html->devices.rows[i].gpu;
	return -1;
}
