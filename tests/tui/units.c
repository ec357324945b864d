/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the viewer that need no screen: numbers, safe text, keys, filters, order, CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/prompt.h"
#include "tui/quantity.h"
#include "tui/script.h"
#include "tui/view.h"
#include "tui/wide.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void quantities(void **state)
{
	static const struct {
		uint64_t value;
		const char *ns, *bytes, *count;
	} cases[] = {
		{ 0, "0 ns", "0 B", "0" },
		{ 999, "999 ns", "999 B", "999" },
		{ 1000, "1.00 us", "1000 B", "1 000" },
		{ 1023, "1.02 us", "1023 B", "1 023" },
		{ 1024, "1.02 us", "1.00 KiB", "1 024" },
		{ 99950, "100 us", "97.6 KiB", "99 950" },
		{ 999499, "999 us", "976 KiB", "999 499" },
		{ 999500, "1.00 ms", "976 KiB", "999 500" },
		{ 1048000, "1.05 ms", "1023 KiB", "1 048 000" },
		{ 1048576, "1.05 ms", "1.00 MiB", "1 048 576" },
		{ 9999999, "10.0 ms", "9.54 MiB", "9 999 999" },
		{ 10000000, "10.0 ms", "9.54 MiB", "10.0 M" },
		{ 9999000000000, "9999 s", "9.09 TiB", "10.0 T" },
		{ 10000000000000, "2.78 h", "9.09 TiB", "10.0 T" },
		{ UINT64_MAX, "5124096 h", "16384 PiB", "18.4 E" },
	};
	char text[QUANTITY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(quantity_text_ns(text, cases[i].value), cases[i].ns);
		assert_string_equal(quantity_text_bytes(text, cases[i].value), cases[i].bytes);
		assert_string_equal(quantity_text_count(text, cases[i].value), cases[i].count);
	}
}

static void percentages(void **state)
{
	char text[QUANTITY_SIZE];

	(void)state;
	assert_string_equal(quantity_text_percent(text, 0), "0.0%");
	assert_string_equal(quantity_text_percent(text, 0.0001), "<0.1%");
	assert_string_equal(quantity_text_percent(text, 0.4123), "41.2%");
	assert_string_equal(quantity_text_percent(text, 0.9996), "100%");
	assert_string_equal(quantity_text_percent(text, -1), "-");
}

static void values_read_back(void **state)
{
	double value;

	(void)state;
	assert_true(quantity_parse("1.5ms", &value) && value == 1.5e6);
	assert_true(quantity_parse("4GiB", &value) && value == 4294967296.0);
	assert_true(quantity_parse("20%", &value) && value == 0.2);
	assert_true(quantity_parse("1000", &value) && value == 1000);
	assert_false(quantity_parse("", &value));
	assert_false(quantity_parse("1 parsec", &value));
	assert_false(quantity_parse("nan", &value));
	assert_false(quantity_parse("-1", &value));
}

static size_t decode(const char *utf8, wchar_t *out, bool ascii)
{
	return wide_decode(utf8, out, 64, ascii);
}

static void text_is_made_safe(void **state)
{
	static const char *const nasty[] = {
		"\x1b", "\a", "\n", "\x7f", "\xc2\x9b", "\xff", "\xc0\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xe2\x80\xae", "\xe2\x80\x8b", "\xef\xbb\xbf",
	};
	wchar_t out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		size_t length = decode(nasty[i], out, false);

		assert_true(length >= 1);
		for (size_t k = 0; k < length; k++)
			assert_int_equal(out[k], 0xFFFD);
	}
	assert_int_equal(decode("a\xc3\xa9", out, true), 2);
	assert_int_equal(out[1], L'?');
	assert_int_equal(decode(NULL, out, false), 0);
	assert_int_equal(wide_utf8_width("\xe6\xa0\xb8" "a", false), 3);
	/* Marks beyond what a cell holds are dropped. */
	assert_int_equal(decode("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", out, false), 4);
	assert_int_equal(wide_width(out, 4), 1);
}

static void text_is_cut_between_cells(void **state)
{
	const wchar_t *text = L"a\u6838\u51fdb";	/* cells: 1 2 2 1 */
	size_t first, length;
	int used, pad;

	(void)state;
	length = wide_slice(text, 4, 0, 4, &first, &used, &pad);
	assert_int_equal(length, 2);
	assert_int_equal(used, 3);
	length = wide_slice(text, 4, 2, 10, &first, &used, &pad);
	assert_int_equal(first, 2);
	assert_int_equal(pad, 1);	/* half of the first wide one is scrolled away */
	assert_int_equal(length, 2);
	assert_int_equal(used, 4);
	length = wide_slice(text, 4, 100, 10, &first, &used, &pad);
	assert_int_equal(length, 0);
	assert_int_equal(wide_slice(text, 4, 0, 0, &first, &used, &pad), 0);
}

static void search_folds_case(void **state)
{
	(void)state;
	assert_true(wide_contains("GemmKernel", "gemm"));
	assert_false(wide_contains("gemmKernel", "Gemm"));
	assert_true(wide_contains("x\xc3\x89y", "\xc3\xa9"));
	assert_false(wide_contains("abc", "abcd"));
	assert_true(wide_contains("", ""));
}

struct row {
	uint64_t key;
	const char *name, *full;
	uint64_t total, count;
	double share;
};

#define COLUMN(...) GRID_COLUMN(row, __VA_ARGS__)
static const struct column columns[] = {
	COLUMN(share, "Of All", SHARE, 0, 0, ""),
	COLUMN(total, "Total", TIME, 0, 0, ""),
	COLUMN(count, "Count", COUNT, 0, 0, ""),
	COLUMN(name, "Name", TEXT, 0, 0, ""),
	COLUMN(full, "Full", TEXT, -1, 0, ""),
};
static const struct row rows[] = {
	{ 7, "gemm<float>", "void ns::gemm<float>(int)", 3000000, 10, 0.6 },
	{ 8, "=norm, \"quoted\"", "", 1500000, 400, 0.3 },
	{ 9, "Softmax", NULL, GRID_UNKNOWN, 7, -1 },
};

static void make_grid(struct grid *grid)
{
	grid_init(grid, "rows", columns, COUNT_OF(columns), sizeof(struct row), 0, "");
	grid_set_rows(grid, rows, 3);
}

static void filters_match(void **state)
{
	static const struct {
		const char *filter;
		int mask;
	} cases[] = {
		{ "", 7 }, { "gemm", 1 }, { "GEMM", 0 }, { "softmax", 4 }, { "!gemm", 6 },
		{ "gemm softmax", 0 }, { "m !gemm", 6 }, { "ns::", 1 }, { "total>2ms", 1 },
		{ "total<2ms", 2 }, { "count=400", 2 }, { "share>50%", 1 }, { "!count<100", 2 },
		{ "name=softmax", 4 }, { "gemm<float", 1 }, { "count>x", 0 }, { "!", 0 }, { "  ", 7 },
		{ "nosuch>1", 0 }, { "ofall>50%", 1 }, { "of>50%", 0 }, { "share<1%", 0 },
	};
	struct grid grid;

	(void)state;
	make_grid(&grid);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int r = 0; r < 3; r++)
			if (filter_matches(&grid, &rows[r], cases[i].filter) != (cases[i].mask >> r & 1))
				fail_msg("filter '%s' on row %d", cases[i].filter, r);
	assert_true(search_matches(&grid, &rows[0], "GEMM") == false);
	assert_true(search_matches(&grid, &rows[0], "float"));
	assert_false(search_matches(&grid, &rows[0], "ns::"));	/* not shown */
	grid_free(&grid);
}

static uint64_t selected_key(const struct grid *grid)
{
	return ((const struct row *)grid_selected(grid))->key;
}

static void order_and_selection(void **state)
{
	struct grid grid;

	(void)state;
	make_grid(&grid);
	assert_int_equal(selected_key(&grid), 7);
	grid_act(&grid, ACTION_LAST);
	assert_int_equal(selected_key(&grid), 9);	/* the unknown share is the least */
	grid_sort_by(&grid, 2, false);
	assert_int_equal(grid.selected, 2);		/* still 9, whose count is the least */
	grid_act(&grid, ACTION_SORT_REVERSE);
	assert_int_equal(grid.selected, 0);
	grid_act(&grid, ACTION_SORT_NEXT);
	assert_int_equal(grid.sort, 3);
	grid_act(&grid, ACTION_SORT_NEXT);		/* the column in details only is skipped */
	assert_int_equal(grid.sort, 0);
	grid_set_filter(&grid, "gemm");
	assert_int_equal(grid.shown, 1);
	assert_int_equal(selected_key(&grid), 7);
	grid_set_filter(&grid, "nothing");
	assert_null(grid_selected(&grid));
	grid_act(&grid, ACTION_DOWN);
	grid_act(&grid, ACTION_SEARCH_NEXT);
	grid_set_filter(&grid, "");
	assert_true(grid_search(&grid, "soft", 0, 1));
	assert_int_equal(selected_key(&grid), 9);
	assert_false(grid_search(&grid, "zzz", 0, 1));
	grid_set_rows(&grid, rows, 2);			/* the selected row is gone */
	assert_non_null(grid_selected(&grid));
	grid_set_rows(&grid, NULL, 0);
	assert_null(grid_selected(&grid));
	grid_free(&grid);
}

static void csv_is_plain(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct grid grid;

	(void)state;
	make_grid(&grid);
	assert_true(grid_write_csv(&grid, out));
	fclose(out);
	assert_string_equal(text,
		"Of All,Total (ns),Count,Name,Full\n"
		"0.6,3000000,10,gemm<float>,void ns::gemm<float>(int)\n"
		"0.3,1500000,400,\"'=norm, \"\"quoted\"\"\",\n"
		",,7,Softmax,\n");
	free(text);
	grid_free(&grid);
}

static void every_key_has_one_action(void **state)
{
	char key[16];

	(void)state;
	for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++) {
		const char *name = action_table[a].keys;
		enum action_group place = action_table[a].group;

		while (*name) {
			size_t length = strcspn(name, " ");
			int code = key_parse(name, length);

			if (code == KEY_NOTHING || key_action(code, place) != (enum action)a)
				fail_msg("key '%.*s' of '%s'", (int)length, name, action_table[a].help);
			name += length + (name[length] == ' ');
		}
	}
	key_of_action(ACTION_FILTER, true, key, sizeof(key));
	assert_string_equal(key, "F4");
	key_of_action(ACTION_FILTER, false, key, sizeof(key));
	assert_string_equal(key, "f");
	assert_int_equal(key_parse("nonsense", 8), KEY_NOTHING);
}

static void scripts_parse(void **state)
{
	struct script script = { 0 };
	char *error = NULL;

	(void)state;
	assert_int_equal(script_parse(&script, "j 'a b' # rest\n:screen 'my file' ^L", &error), 0);
	assert_int_equal(script.count, 6);
	assert_int_equal(script.steps[2].key, ' ');
	assert_int_equal(script.steps[4].kind, SCRIPT_SCREEN);
	assert_string_equal(script.steps[4].file, "my file");
	assert_int_equal(script.steps[5].key, 'L' - '@');
	script_free(&script);
	assert_int_equal(script_parse(&script, ":size 80", &error), -1);
	script_free(&script);
	free(error);
}

static void prompt_edits(void **state)
{
	struct prompt prompt;
	char text[256];

	(void)state;
	prompt_init(&prompt, "", "", "one two");
	assert_int_equal(prompt_key(&prompt, 'W' - '@'), PROMPT_CHANGED);
	assert_int_equal(prompt_key(&prompt, 0x6838), PROMPT_CHANGED);
	assert_int_equal(prompt_key(&prompt, 7), PROMPT_SAME);
	assert_int_equal(prompt_key(&prompt, 'A' - '@'), PROMPT_SAME);
	assert_int_equal(prompt_key(&prompt, KEY_RUBOUT), PROMPT_SAME);
	prompt_text(&prompt, text, sizeof(text));
	assert_string_equal(text, "one \xe6\xa0\xb8");
	assert_int_equal(prompt_key(&prompt, KEY_RETURN), PROMPT_DONE);
}

static void kernels_have_titles(void **state)
{
	static const char *const cases[][2] = {
		{ "void serve::gemm<ns::T, 16>(float*)", "gemm<ns::T, 16>" },
		{ "void a<b>::c<(int)3>(void (*)(int))", "c<(int)3>" },
		{ "(anonymous namespace)::k(int)", "k" },
		{ "at::{lambda(int)#1}::operator()(int) const",
		  "at::{lambda(int)#1}::operator()(int) const" },
		{ "triton_poi_3", "triton_poi_3" }, { "", "(no name)" }, { "a::", "a::" }, { "()", "()" },
		{ "void ", "void " }, { "x)", "x)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *title = view_kernel_title(cases[i][0]);

		assert_string_equal(title, cases[i][1]);
		free(title);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantities),
		cmocka_unit_test(percentages),
		cmocka_unit_test(values_read_back),
		cmocka_unit_test(text_is_made_safe),
		cmocka_unit_test(text_is_cut_between_cells),
		cmocka_unit_test(search_folds_case),
		cmocka_unit_test(filters_match),
		cmocka_unit_test(order_and_selection),
		cmocka_unit_test(csv_is_plain),
		cmocka_unit_test(every_key_has_one_action),
		cmocka_unit_test(scripts_parse),
		cmocka_unit_test(prompt_edits),
		cmocka_unit_test(kernels_have_titles),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
