/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error_private.h"

#include "base/text.h"

/*
 * How errors are worded. A message tells what was asked, where it failed and what was there
 * instead; everything in it comes from the payload. Names come from guests and files, so none
 * reaches a terminal unescaped or without end.
 */

#define LIST_MAX 16 /* names of a list that are shown */
#define NAME_MAX_SHOWN 120
#define PATH_MAX_SHOWN 400
#define SUGGEST_LEN 64 /* longer names are not compared */
#define SUGGEST_LOOK 20000

static void put_quoted(struct sf_text *t, const char *name)
{
	sf_text_put(t, "'");
	sf_text_put_name(t, name ? name : "?", PATH_MAX_SHOWN);
	sf_text_put(t, "'");
}

/* A sentence, which may have lines. */
static void put_sentence(struct sf_text *t, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n\t");
		_cleanup_free_ char *line = strndup(text, len);

		if (line)
			sf_text_put_name(t, line, SIZE_MAX);
		else
			t->failed = true;
		text += len;
		if (*text)
			sf_text_putn(t, text++, 1);
	}
}

static void put_list(struct sf_text *t, const struct sf_strv *list)
{
	for (size_t i = 0; i < list->n && i < LIST_MAX; i++) {
		sf_text_put(t, i ? ", " : "");
		sf_text_put_name(t, list->v[i], NAME_MAX_SHOWN);
	}
	if (list->n > LIST_MAX)
		sf_text_putf(t, ", … %zu more", list->n - LIST_MAX);
}

static void put_kvas(struct sf_text *t, const uint64_t *v, size_t n)
{
	sf_text_put(t, "{");
	for (size_t i = 0; v && i < n && i < LIST_MAX; i++)
		sf_text_putf(t, "%s0x%llx", i ? ", " : "", (unsigned long long)v[i]);
	if (v && n > LIST_MAX)
		sf_text_putf(t, ", … %zu more", n - LIST_MAX);
	sf_text_put(t, "}");
}

/* ---- the nearest name ---- */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/*
 * Edit distance (insert, delete, replace, swap neighbours) without case; anything above @limit
 * comes out above it.
 */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len, size_t limit)
{
	uint8_t rows[3][SUGGEST_LEN + 1], *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t least = now[0] = (uint8_t)i;

		for (size_t j = 1; j <= b_len; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			size_t d = sf_min(last[j - 1] + (size_t)!same,
					  sf_min(last[j], now[j - 1]) + (size_t)1);

			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]))
				d = sf_min(d, before[j - 2] + (size_t)1);
			now[j] = (uint8_t)d;
			least = sf_min(least, d);
		}
		if (least > limit)
			return least;
		uint8_t *spare = before;

		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

/*
 * The name that somebody who wrote @wanted may have meant: the first of the nearest; NULL if none
 * is near.
 */
static const char *nearest(const char *wanted, const struct sf_strv *names)
{
	size_t len = wanted ? strlen(wanted) : 0, limit = sf_max(len / 3, (size_t)1),
	       best = limit + 1;
	const char *found = NULL;

	if (!len || len > SUGGEST_LEN)
		return NULL;
	for (size_t i = 0; i < names->n && i < SUGGEST_LOOK && best; i++) {
		size_t name_len = strlen(names->v[i]);
		size_t apart = name_len > len ? name_len - len : len - name_len;

		if (!name_len || name_len > SUGGEST_LEN || apart >= best)
			continue;
		size_t d = distance(wanted, len, names->v[i], name_len, best - 1);

		if (d < best && d < name_len) {
			best = d;
			found = names->v[i];
		}
	}
	return found;
}

/* "; did you mean 'x'?" and then the list. */
static void put_available(struct sf_text *t, const char *wanted, const struct sf_strv *names,
			  const char *title, const char *none)
{
	const char *suggestion = nearest(wanted, names);

	if (suggestion) {
		sf_text_put(t, "; did you mean ");
		put_quoted(t, suggestion);
		sf_text_put(t, "?");
	}
	sf_text_put(t, suggestion ? " " : "; ");
	sf_text_put(t, names->n ? title : none);
	put_list(t, names);
}

/* ---- one function for each code that is more than a format ---- */

static void map_not_found(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "no map ");
	put_quoted(t, p->requested);
	sf_text_put(t, " in this snapshot");
	put_available(t, p->requested, &p->available, "captured maps: ", "no maps were captured");
}

static void var_not_found(struct sf_text *t, const struct sf_error_payload *p)
{
	const char *dot = p->requested ? strchr(p->requested, '.') : NULL;

	sf_text_put(t, "no global variable ");
	put_quoted(t, p->requested);
	sf_text_put(t, " in any .bss, .data or .rodata map");
	for (size_t i = 0; dot && i < p->available.n; i++) {
		size_t len = (size_t)(dot - p->requested);

		if (strncmp(p->available.v[i], p->requested, len) != 0 || p->available.v[i][len])
			continue;
		sf_text_put(t, "; names of variables are not split at dots: ask for ");
		put_quoted(t, p->available.v[i]);
		sf_text_put(t, " and then for its member ");
		put_quoted(t, dot + 1);
		break;
	}
	put_available(t, p->requested, &p->available,
		      "available: ", "no global section was captured");
}

static void ambiguous_var(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "variable ");
	put_quoted(t, p->requested);
	sf_text_putf(t, " is in %zu maps: ", p->found_in.n);
	put_list(t, &p->found_in);
	if (p->column)
		sf_text_put(t, "; map(\"NAME\").VARIABLE names one, vars() has all of them");
	else
		sf_text_put(t, "; sf_view_live_var() or sf_view_active() takes the running scheduler's, "
			       "sf_view_map() names one");
}

static void put_where(struct sf_text *t, const struct sf_error_payload *p)
{
	if (p->walked && *p->walked) {
		sf_text_put(t, " after ");
		put_quoted(t, p->walked);
	}
	if (p->requested && *p->requested &&
	    (!p->component || strcmp(p->requested, p->component) != 0)) {
		sf_text_put(t, " (path ");
		put_quoted(t, p->requested);
		sf_text_put(t, ")");
	}
}

static void field_not_found(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "no member ");
	put_quoted(t, p->component);
	put_where(t, p);
	put_available(t, p->component, &p->available,
		      "members there: ", "the struct there has no members");
}

static void not_a_struct(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "cannot look for ");
	put_quoted(t, p->component);
	put_where(t, p);
	sf_text_putf(t, ": %s is not a struct but ",
		     p->walked && *p->walked ? "what is there" : "the value");
	sf_text_put_name(t, p->kind ? p->kind : "something else", NAME_MAX_SHOWN);
}

static void type_mismatch(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "expected ");
	sf_text_put_name(t, p->expected ? p->expected : "another type", NAME_MAX_SHOWN);
	sf_text_put(t, ", found ");
	sf_text_put_name(t, p->actual ? p->actual : "something else", NAME_MAX_SHOWN);
	if (p->requested && *p->requested) {
		sf_text_put(t, " at ");
		put_quoted(t, p->requested);
	}
}

/* The map, or the part of a path, that an index or a CPU is one of. */
static void put_subject(struct sf_text *t, const struct sf_error_payload *p)
{
	if (p->map && *p->map) {
		sf_text_put(t, "map ");
		put_quoted(t, p->map);
		sf_text_put(t, ": ");
	} else if (p->requested || p->walked) {
		put_quoted(t, p->requested ? p->requested : p->walked);
		sf_text_put(t, ": ");
	}
}

static void index_out_of_range(struct sf_text *t, const struct sf_error_payload *p)
{
	unsigned long long last = p->len ? p->len - 1 : 0;

	put_subject(t, p);
	sf_text_putf(t, "index %llu is out of range: ", (unsigned long long)p->index);
	if (p->len)
		sf_text_putf(t, "the length is %llu (0 to %llu)", last + 1, last);
	else
		sf_text_put(t, "there are no entries (length 0)");
}

static void per_cpu_slot(struct sf_text *t, const struct sf_error_payload *p)
{
	unsigned long long cpu = p->cpu, len = p->len;

	put_subject(t, p);
	if (p->unmapped)
		sf_text_putf(t,
			     "CPU %llu (of %llu) has no value: its slot was unmapped or not "
			     "readable at capture",
			     cpu, len);
	else
		sf_text_putf(t, "CPU %llu is beyond the list, which has %llu CPUs", cpu, len);
}

static void no_match(struct sf_text *t, const struct sf_error_payload *p)
{
	const struct sf_strv *keys = &p->available_keys;
	bool all_hex = keys->n > 0;

	put_subject(t, p);
	sf_text_put_name(t, p->op ? p->op : "the search", NAME_MAX_SHOWN);
	if (!p->len) {
		sf_text_put(t, " has no result: there is nothing to look at, the map is empty "
			       "(0 entries with a value)");
		return;
	}
	sf_text_putf(t, " matched none of %llu entries; ", (unsigned long long)p->len);
	if (!keys->n) {
		sf_text_put(t, "their keys are unavailable");
		return;
	}
	sf_text_put(t, "keys there: ");
	put_list(t, keys);
	if (p->len > keys->n && keys->n <= LIST_MAX)
		sf_text_putf(t, ", … %llu more", (unsigned long long)p->len - keys->n);
	for (size_t i = 0; i < keys->n; i++)
		all_hex &= !strncmp(keys->v[i], "hex:", 4);
	if (all_hex)
		sf_text_put(t, "; these keys are bytes without a type: a typed key needs a kernel "
			       "built with CONFIG_DEBUG_INFO_BTF and a map declared with its key "
			       "type");
}

static void put_sample(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "sample ");
	put_quoted(t, p->tag);
}

static void missing_stats(struct sf_text *t, const struct sf_error_payload *p)
{
	const struct sf_missing_stats_reason *why = &p->stats;
	const char *text = why->text && *why->text ? why->text : NULL;

	put_sample(t, p);
	sf_text_put(t, " has no scheduler statistics: ");
	switch (why->kind) {
	case SF_STATS_NO_SCHEDULER_BINARY:
		sf_text_put(t, "no scheduler binary is configured, so nobody was asked");
		break;
	case SF_STATS_NO_SCHEDULER:
		sf_text_put(t, "the scheduler's socket could not be reached");
		break;
	case SF_STATS_DURING_FREEZE:
		sf_text_put(t, "a freeze was in progress");
		break;
	case SF_STATS_CANCELLED:
		sf_text_put(t, "the run was being cancelled");
		break;
	case SF_STATS_SCHEDULER_ERROR:
		sf_text_putf(t, "the scheduler answered with errno %lld", (long long)why->err_no);
		break;
	case SF_STATS_MISSING_RESP:
		sf_text_put(t, "the scheduler's answer has no 'resp'");
		break;
	case SF_STATS_REQUEST_TOO_LARGE:
	case SF_STATS_RESPONSE_TOO_LARGE:
		sf_text_putf(t, "the %s of %llu bytes is larger than %llu",
			     why->kind == SF_STATS_REQUEST_TOO_LARGE ? "request" : "response",
			     (unsigned long long)why->size, (unsigned long long)why->max);
		break;
	case SF_STATS_MUTEX_POISONED:
		sf_text_put(t, "the client's state became unusable after an earlier failure");
		break;
	default:
		sf_text_put(t, "the reason was not recorded");
	}
	if (text) {
		sf_text_put(t, ": ");
		put_sentence(t, text);
	}
}

static void excluded_maps(struct sf_text *t, const struct sf_error_payload *p)
{
	size_t n = p->excluded_maps ? p->n_excluded_maps : 0, unrecorded = 0;

	put_quoted(t, p->requested);
	sf_text_put(t, " was not looked for: every map of the active object ");
	put_quoted(t, p->active_obj);
	sf_text_put(t, " is outside the live scheduler's maps ");
	put_kvas(t, p->whitelist_kvas, p->n_whitelist_kvas);
	sf_text_put(t, "; excluded: ");
	for (size_t i = 0; i < n; i++) {
		unrecorded += !p->excluded_maps[i].map_kva;
		if (i >= LIST_MAX)
			continue;
		sf_text_put(t, i ? ", " : "");
		sf_text_put_name(t, p->excluded_maps[i].name ? p->excluded_maps[i].name : "",
				 NAME_MAX_SHOWN);
		sf_text_putf(t, "@0x%llx", (unsigned long long)p->excluded_maps[i].map_kva);
	}
	if (n > LIST_MAX)
		sf_text_putf(t, ", … %zu more", n - LIST_MAX);
	if (!unrecorded)
		sf_text_put(t, "; none of them is in the live set, so the snapshot predates the "
			       "last Replace or Attach");
	else if (unrecorded == n)
		sf_text_put(t, "; no addresses (KVAs) were recorded for them, so none can be told "
			       "to be live");
	else
		sf_text_put(t, "; some have no recorded address (KVA) and the others are not in "
			       "the live set: re-run to get a consistent snapshot");
	sf_text_put(t, "; sf_view_vars() and sf_view_map() of the unfiltered view reach them");
}

static void walker_drifted(struct sf_text *t, const struct sf_error_payload *p)
{
	put_quoted(t, p->requested);
	sf_text_putf(t, ": the set of live maps changed within phase %llu: ",
		     (unsigned long long)p->phase);
	put_kvas(t, p->pinned_kvas, p->n_pinned_kvas);
	sf_text_put(t, " when the phase began, ");
	put_kvas(t, p->sample_kvas, p->n_sample_kvas);
	sf_text_put(t, " in this sample");
}

static void host_field(struct sf_text *t, const struct sf_error_payload *p)
{
	put_sample(t, p);
	sf_text_putf(t, ": the per-CPU times have no row for CPU %llu", (unsigned long long)p->cpu);
}

static void placeholder_sample(struct sf_text *t, const struct sf_error_payload *p)
{
	put_sample(t, p);
	sf_text_put(t, " is a placeholder: ");
	put_sentence(t, p->reason ? p->reason : "the reason was not recorded");
}

static void placeholder_snapshot(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "the snapshot ");
	if (p->tag) {
		put_quoted(t, p->tag);
		sf_text_put(t, " ");
	}
	sf_text_put(t,
		    "is a placeholder: its capture could not be done, so there is nothing to read");
}

static void no_active_scheduler(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "no active scheduler: ");
	put_sentence(t, p->reason ? p->reason : "the reason was not recorded");
	sf_text_put(t, "; sf_view_vars() gives every copy of a variable, sf_view_live_var_via() "
		       "picks one, sf_view_map() names a map");
}

static void per_cpu_not_narrowed(struct sf_text *t, const struct sf_error_payload *p)
{
	put_quoted(t, p->map);
	sf_text_putf(t, " has one value per CPU: %s", p->column ?
		     "map(NAME)@0 is that of CPU 0, sum(), min() and max() are of all" :
		     "select a CPU first, with sf_map_cpu()");
}

static void no_rendered(struct sf_text *t, const struct sf_error_payload *p)
{
	put_subject(t, p);
	sf_text_put(t, "the ");
	sf_text_put_name(t, p->side ? p->side : "value", NAME_MAX_SHOWN);
	sf_text_put(t, " has no BTF type at capture, so it is only bytes");
}

static void empty_path_component(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "path ");
	put_quoted(t, p->requested);
	sf_text_put(t, " has an empty component: a doubled dot, or one at the start or the end");
}

static void projection_failed(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "projection failed: ");
	put_sentence(t, p->reason ? p->reason : "");
}

static void map_render_incomplete(struct sf_text *t, const struct sf_error_payload *p)
{
	sf_text_put(t, "map ");
	put_quoted(t, p->map);
	sf_text_put(t, " was captured, but its contents were not readable: ");
	put_sentence(t, p->reason ? p->reason : "the reason was not recorded");
}

/* ---- codes that a frame adds ---- */

static void frame_error(struct sf_text *t, const struct sf_error_payload *p)
{
	static const char *const what[] = {
		[SF_PAGE_NOT_KEPT - FIRST_FRAME_CODE] = "page not kept",
		[SF_TORN_LIST - FIRST_FRAME_CODE] = "torn list",
		[SF_FRAME_CORRUPT - FIRST_FRAME_CODE] = "corrupt frame",
		[SF_BAD_PATH - FIRST_FRAME_CODE] = "bad path",
		[SF_KEY_MISMATCH - FIRST_FRAME_CODE] = "the key does not fit",
	};

	sf_text_put(t, what[p->code - FIRST_FRAME_CODE]);
	if (p->map) {
		sf_text_put(t, ": map ");
		put_quoted(t, p->map);
	}
	if (p->requested) {
		sf_text_put(t, ": ");
		put_quoted(t, p->requested);
	}
	if (p->code == SF_BAD_PATH && p->requested)
		sf_text_putf(t, ", column %llu", (unsigned long long)p->index + 1);
	if (p->walked && *p->walked) {
		sf_text_put(t, " after ");
		put_quoted(t, p->walked);
	}
	if (p->component) {
		sf_text_put(t, " at ");
		put_quoted(t, p->component);
	}
	if (p->addr)
		sf_text_putf(t, " at address 0x%llx", (unsigned long long)p->addr);
	if (p->code == SF_TORN_LIST && p->len)
		sf_text_putf(t, " after %llu entries", (unsigned long long)p->len);
	if (p->expected || p->actual) {
		sf_text_put(t, ": ");
		type_mismatch(t, &(struct sf_error_payload){ .expected = p->expected,
							     .actual = p->actual });
	}
	if (p->reason) {
		sf_text_put(t, ": ");
		put_sentence(t, p->reason);
	}
	if (p->available.n)
		put_available(t, p->component ? p->component : p->requested, &p->available,
			      "available: ", "");
	if (p->code == SF_PAGE_NOT_KEPT && !p->reason)
		sf_text_put(t, ": what is there was not among the pages that the capture kept");
}

static void machinery(struct sf_text *t, const struct sf_error_payload *p)
{
	const char *text = p->reason;

	if (!text && p->code == SF_SYSTEM)
		text = strerrordesc_np((int)p->err_no);
	put_sentence(t, text ? text : sf_error_code_name(p->code));
}

typedef void compose_fn(struct sf_text *t, const struct sf_error_payload *p);

static compose_fn *const composers[] = {
	[SF_MAP_NOT_FOUND] = map_not_found,
	[SF_VAR_NOT_FOUND] = var_not_found,
	[SF_AMBIGUOUS_VAR] = ambiguous_var,
	[SF_FIELD_NOT_FOUND] = field_not_found,
	[SF_NOT_A_STRUCT] = not_a_struct,
	[SF_TYPE_MISMATCH] = type_mismatch,
	[SF_INDEX_OUT_OF_RANGE] = index_out_of_range,
	[SF_PER_CPU_SLOT] = per_cpu_slot,
	[SF_NO_MATCH] = no_match,
	[SF_EMPTY_PATH_COMPONENT] = empty_path_component,
	[SF_PER_CPU_NOT_NARROWED] = per_cpu_not_narrowed,
	[SF_NO_RENDERED] = no_rendered,
	[SF_PLACEHOLDER_SAMPLE] = placeholder_sample,
	[SF_MISSING_STATS] = missing_stats,
	[SF_HOST_FIELD_UNAVAILABLE] = host_field,
	[SF_PLACEHOLDER_SNAPSHOT] = placeholder_snapshot,
	[SF_NO_ACTIVE_SCHEDULER] = no_active_scheduler,
	[SF_ACTIVE_FILTER_EXCLUDED_MAPS] = excluded_maps,
	[SF_WALKER_DRIFTED_WITHIN_PHASE] = walker_drifted,
	[SF_PROJECTION_FAILED] = projection_failed,
	[SF_MAP_RENDER_INCOMPLETE] = map_render_incomplete,
	[SF_PAGE_NOT_KEPT... SF_KEY_MISMATCH] = frame_error,
};

/*
 * Does the payload hold nothing but a sentence, as after the details of a borrowed error are gone?
 */
static bool only_reason(const struct sf_error_payload *p)
{
	return p->reason && p->code < FIRST_FRAME_CODE && p->code != SF_NO_ACTIVE_SCHEDULER &&
	       p->code != SF_PROJECTION_FAILED && !p->requested && !p->walked && !p->component &&
	       !p->kind && !p->expected && !p->actual && !p->map && !p->op && !p->tag &&
	       !p->active_obj;
}

char *sf_error_compose(const struct sf_error_payload *p)
{
	compose_fn *compose = (size_t)p->code < ARRAY_SIZE(composers) ? composers[p->code] : NULL;
	struct sf_text text = { 0 };

	if (p->column)
		sf_text_putf(&text, "column %llu: ", (unsigned long long)p->column);
	if (only_reason(p)) {
		sf_text_putf(&text, "%s: ", sf_error_code_name(p->code));
		put_sentence(&text, p->reason);
	} else if (compose) {
		compose(&text, p);
	} else {
		machinery(&text, p);
	}
	return sf_text_take(&text);
}
