/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <inttypes.h>

#include "guest/guest.h"
#include "private.h"

#define MAX_NAME 64
#define MAX_CGROUP 255
#define HOUR UINT64_C(3600000000000)
#define MAX_TIME (24 * HOUR)
#define MIB (UINT64_C(1) << 20)
#define MIN_MEMORY (128 * MIB)
#define MAX_MEMORY (UINT64_C(1) << 39)

struct unit {
	const char *name;
	uint64_t factor;
};

/* ---- texts ------------------------------------------------------------------------------------------------------- */

struct sf_error *sf_scn_text(struct loader *l, const struct at *at, node *n, const char *what, const char **ret)
{
	if (n->type != SF_DOC_TEXT)
		return sf_scn_bad(l, at, n, "it takes %s, not a %s", what, n->type == SF_DOC_MAP ? "map" : "list");
	if (!n->text[0])
		return sf_scn_bad(l, at, n, "nothing stands here; it takes %s", what);
	*ret = n->text;
	return NULL;
}

static struct sf_error *refuse(struct loader *l, const struct at *at, node *n, const char *what)
{
	return sf_scn_bad(l, at, n, "it takes %s, not \"%s\"", what, sf_scn_shown(l, n->text));
}

struct sf_error *sf_scn_word(struct loader *l, const struct at *at, node *n, const char *const *words, size_t n_words,
			     size_t *ret)
{
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, "a word", &text));
	for (size_t i = 0; i < n_words; i++) {
		if (!strcmp(words[i], text)) {
			*ret = i;
			return NULL;
		}
	}
	return sf_scn_bad(l, at, n, "there is no \"%s\"; allowed: %s", sf_scn_shown(l, text),
			  sf_scn_allowed(l, text, words, n_words));
}

static bool is_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/')
			return false;
	return strlen(text) <= MAX_NAME;
}

struct sf_error *sf_scn_name(struct loader *l, const struct at *at, node *n, const char **ret)
{
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, "a name", &text));
	if (!is_name(text))
		return refuse(l, at, n, "a name of 1 to 64 bytes without spaces and without /");
	*ret = text;
	return NULL;
}

struct sf_error *sf_scn_cgroup(struct loader *l, const struct at *at, node *n, const char **ret)
{
	_cleanup_free_ char *path = NULL;
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, "a cgroup such as a or a/b", &text));
	SF_OWNED(error) err = sf_cgroup_path("", text, NULL, &path);

	if (sf_error_code(err) == SF_NO_MEMORY)
		return steal_ptr(&err);
	for (const char *p = text; *p && !err; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			err = sf_error_new(SF_USAGE, " ");
	if (err || strlen(text) > MAX_CGROUP)
		return refuse(l, at, n, "a cgroup: names without spaces, with single slashes between them, no \".\" or \"..\"");
	*ret = text;
	return NULL;
}

struct sf_error *sf_scn_texts(struct loader *l, const struct at *at, node *n, const char *what,
			      const char *(*map)(struct loader *l, const char *text), bool one_will_do,
			      const char *const **ret, size_t *ret_n)
{
	bool one = one_will_do && n->type == SF_DOC_TEXT;
	size_t count = one ? 1 : n->n, i = 0;

	if (n->type != SF_DOC_LIST && !one)
		return sf_scn_bad(l, at, n, "it takes a list of %s, not a %s", what, n->type == SF_DOC_MAP ? "map" : "text");
	const char **v = calloc(count + 1, sizeof(*v));

	/* The strings' list owns it: it is only ever freed. */
	if (!v || !sf_scn_keep(l, (char *)v))
		return sf_error_nomem();
	for (node *c = one ? n : n->first; i < count; c = c->next, i++) {
		struct at own = { .up = at, .index = i };
		const char *text;

		/* Arguments may be empty. */
		if (c->type == SF_DOC_TEXT && !c->text[0] && !c->plain)
			text = "";
		else
			SF_TRY(sf_scn_text(l, one ? at : &own, c, "a text", &text));
		v[i] = map ? map(l, text) : text;
		if (!v[i])
			return sf_error_nomem();
	}
	*ret = v;
	if (ret_n)
		*ret_n = count;
	return NULL;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* "12", with a sign; exactly. */
static bool parse_int(const char *p, int64_t *ret)
{
	bool negative = *p == '-';
	int64_t v = 0;

	p += negative;
	if (!*p)
		return false;
	for (; *p; p++)
		if (!isdigit((unsigned char)*p) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, *p - '0', &v))
			return false;
	return negative ? (*ret = v, true) : !__builtin_sub_overflow(0, v, ret);
}

struct sf_error *sf_scn_number(struct loader *l, const struct at *at, node *n, int64_t min, int64_t max, int64_t *ret)
{
	const char *text;
	char what[80];
	int64_t v;

	snprintf(what, sizeof(what), "a number from %" PRId64 " to %" PRId64, min, max);
	SF_TRY(sf_scn_text(l, at, n, what, &text));
	if (!parse_int(text, &v) || v < min || v > max)
		return refuse(l, at, n, what);
	if (!n->plain)
		return sf_scn_bad(l, at, n, "it takes %s: quotes make a text of it", what);
	*ret = v;
	return NULL;
}

struct sf_error *sf_scn_bool(struct loader *l, const struct at *at, node *n, bool *ret)
{
	static const char what[] = "true or false";
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, what, &text));
	if (strcmp(text, "true") && strcmp(text, "false"))
		return refuse(l, at, n, what);
	if (!n->plain)
		return sf_scn_bad(l, at, n, "it takes %s: quotes make a text of it", what);
	*ret = !strcmp(text, "true");
	return NULL;
}

/* "12", "1.5" and a unit behind it, or a space and a unit; digits that the unit cannot hold are dropped. */
static bool parse_unit(const char *text, const struct unit *units, size_t n_units, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, scale = 1;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return false;
	if (p == text)
		return false;
	if (*p == '.') {
		const char *start = ++p;

		for (; isdigit((unsigned char)*p); p++) {
			if (scale < 1000000000) {
				part = part * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
		}
		if (p == start)
			return false;
	}
	p += *p == ' ';
	for (size_t i = 0; i < n_units; i++) {
		uint64_t v;

		if (strcasecmp(units[i].name, p))
			continue;
		return !__builtin_mul_overflow(whole, units[i].factor, &v) &&
		       !__builtin_add_overflow(v, (uint64_t)((unsigned __int128)part * units[i].factor / scale), ret);
	}
	return false;
}

struct sf_error *sf_scn_time(struct loader *l, const struct at *at, node *n, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
		{ "min", 60000000000 }, { "h", HOUR },
	};
	static const char what[] = "a time with its unit (ns, us, ms, s, min, h), such as 500ms or 1.5s, of at most 24h";
	const char *text;
	uint64_t v;

	SF_TRY(sf_scn_text(l, at, n, what, &text));
	if (!parse_unit(text, units, ARRAY_SIZE(units), &v) || !v || v > MAX_TIME)
		return refuse(l, at, n, what);
	*ret_ns = v;
	return NULL;
}

struct sf_error *sf_scn_size(struct loader *l, const struct at *at, node *n, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "M", MIB }, { "MiB", MIB }, { "MB", MIB }, { "G", 1024 * MIB }, { "GiB", 1024 * MIB },
		{ "GB", 1024 * MIB },
	};
	static const char what[] = "a size in M or G, such as 512M or 1.5G, of 128M to 512G";
	const char *text;
	uint64_t v;

	SF_TRY(sf_scn_text(l, at, n, what, &text));
	if (!parse_unit(text, units, ARRAY_SIZE(units), &v) || v % MIB || v < MIN_MEMORY || v > MAX_MEMORY)
		return refuse(l, at, n, what);
	*ret = v;
	return NULL;
}

struct sf_error *sf_scn_cpus(struct loader *l, const struct at *at, node *n, const char **ret)
{
	static const char what[] = "CPUs such as 0-1,3, with numbers up to 254";
	const char *text;

	SF_TRY(sf_scn_text(l, at, n, what, &text));
	if (!sf_cpu_list(text, NULL, NULL))
		return refuse(l, at, n, what);
	*ret = text;
	return NULL;
}
