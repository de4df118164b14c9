/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What parses, writes back and parses again to the same tree. */

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As deep as the reader allows, which is bounded. */
static bool same(const struct sf_json_node *a, const struct sf_json_node *b)
{
	if (a->type != b->type || a->n != b->n || a->key_len != b->key_len ||
	    a->str_len != b->str_len)
		return false;
	if (a->key_len && memcmp(a->key, b->key, a->key_len) != 0)
		return false;
	switch (a->type) {
	case SF_JSON_NULL:
		return true;
	case SF_JSON_BOOL:
		return a->value.boolean == b->value.boolean;
	case SF_JSON_UINT:
	case SF_JSON_INT:
	case SF_JSON_REAL:
		return a->value.u64 == b->value.u64; /* of reals too: the sign of zero counts */
	case SF_JSON_STRING:
		return !memcmp(a->value.str, b->value.str, a->str_len + 1);
	case SF_JSON_ARRAY:
	case SF_JSON_OBJECT:
		break;
	}
	const struct sf_json_node *x = a->value.first, *y = b->value.first;

	for (; x && y; x = x->next, y = y->next)
		if (!same(x, y))
			return false;
	return !x && !y;
}

static void check(const struct sf_json_node *root, bool pretty)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;
	_cleanup_json_ struct sf_json *again = NULL;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, pretty);
	sf_json_node(&w, root);
	if (!sf_json_writer_finish(&w) || sf_json_read(out.text, out.len, &again))
		abort();
	if (!same(root, sf_json_root(again)))
		abort();
	free(out.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ struct sf_json *json = NULL;
	SF_OWNED(error) err = sf_json_read((const char *)data, size, &json);

	if (err) {
		if (sf_error_code(err) != SF_BAD_INPUT || !strstr(sf_error_message(err), "line "))
			abort();
	} else {
		check(sf_json_root(json), false);
		check(sf_json_root(json), true);
	}

	/* The same bytes as a string: whatever they are, the writer makes JSON of them. */
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;
	_cleanup_json_ struct sf_json *string = NULL;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, false);
	sf_json_strn(&w, (const char *)data, size);
	if (!sf_json_writer_finish(&w) || sf_json_read(out.text, out.len, &string))
		abort();
	free(out.text);

	/* And as an error: an error that was read writes the same text again. */
	SF_OWNED(error) read = NULL;
	SF_OWNED(error) refused = sf_error_from_json((const char *)data, size, &read);

	if (!refused && read) {
		SF_OWNED(error) second = NULL;
		_cleanup_free_ char *text = sf_error_to_json(read);

		if (!text || sf_error_from_json(text, strlen(text), &second) ||
		    !sf_error_equal(read, second) || sf_error_hash(read) != sf_error_hash(second) ||
		    !*sf_error_message(second))
			abort();
	}
	return 0;
}
