/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame_uses.h"

#define MAX_DEPTH 8
#define MAX_TEXT (256u << 10)

static volatile uint64_t sink;

void use_text(const char *text)
{
	sink += strlen(text);
}

bool use_piece(void *arg, const char *text, size_t len)
{
	size_t *n = arg;

	for (size_t i = 0; i < len; i++)
		sink += (uint8_t)text[i];
	*n += len;
	return *n < MAX_TEXT;
}

void use_error(struct sf_error *err)
{
	if (!err)
		return;
	_cleanup_free_ char *json = sf_error_to_json(err);
	SF_OWNED(error) again = NULL;

	use_text(sf_error_message(err));
	/* Whatever bytes the guest called things by. */
	if (!json || sf_error_from_json(json, strlen(json), &again) || !sf_error_equal(err, again))
		abort();
	sf_error_free(err);
}

static void use_scalar(const struct sf_node *n)
{
	struct sf_trouble why = { 0 };
	struct sf_scalar s = { 0 };
	uint8_t buf[64];
	size_t len = sizeof(buf);

	if (sf_node_scalar(n, &s, &why) == SF_STEP_OK && s.variant)
		use_text(s.variant);
	sf_node_bytes(n, 0, buf, &len, &why);
	if (len > sizeof(buf))
		abort();
	if (sf_node_note(n))
		use_text(sf_node_note(n));
}

static void use_parts(const struct sf_node *n, unsigned int depth, uint32_t *budget)
{
	struct sf_member_iter it = { 0 };
	struct sf_trouble why = { 0 };
	struct sf_node m, found;
	const char *name, *skipped = NULL;
	uint64_t need, had, present = 0;

	if (!*budget || depth > MAX_DEPTH)
		return;
	--*budget;
	use_scalar(n);
	sf_node_len(n, &present);
	for (int i = 0; i < 64 && *budget && sf_node_next_member(n, &it, &name, &m); i++) {
		if (*name && sf_node_member(n, name, strlen(name), &found) != SF_STEP_OK)
			abort();
		use_parts(&m, depth + 1, budget);
	}
	for (uint64_t i = 0; i < sf_min(present, (uint64_t)16) && *budget && sf_node_index(n, i, &m) == SF_STEP_OK; i++)
		use_parts(&m, depth + 1, budget);
	if (present && sf_node_index(n, present - 1, &m) == SF_STEP_OK)
		use_parts(&m, depth + 1, budget);
	if (sf_node_deref(n, &m, &skipped, &why) == SF_STEP_OK || sf_node_partial(n, &m, &need, &had) == SF_STEP_OK)
		use_parts(&m, depth + 1, budget);
	else if (skipped)
		use_text(skipped);
}

void use_node(const struct sf_node *n, uint32_t *budget)
{
	char text[300];

	sf_node_text(n, text, sizeof(text));
	if (strlen(text) >= sizeof(text))
		abort();
	use_parts(n, 0, budget);
}
