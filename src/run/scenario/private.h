/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_SCENARIO_PRIVATE_H
#define SF_SCENARIO_PRIVATE_H

#include "base/text.h"
#include "document.h"
#include "scenario/scenario.h"

#define MAX_GROUPS 256    /* cgroups, and names of workers */
#define MAX_CAPTURES 4096 /* a run takes no more of one guest */

/* What a scenario's texts live in. */
struct sf_scenario_own {
	struct sf_doc doc;
	struct { char **v; size_t n, cap; } strings;
};

/* The way to where the loader is, on its stack: keys, and places in lists. */
struct at {
	const struct at *up;
	const char *key; /* NULL: [index] */
	size_t index;
	size_t turn;     /* of a repetition, from 1; 0: none */
};

struct names {
	const char *v[MAX_GROUPS];
	uint32_t line[MAX_GROUPS];
	size_t n;
};

struct loader {
	struct sf_scenario *s;
	const char *path; /* of the file */
	struct sf_scenario_own *own;
	struct { struct sf_scenario_step *v; size_t n, cap; } steps;
	struct { struct sf_scenario_place *v; size_t n, cap; } places; /* as many as steps */
	struct { struct sf_expect *v; size_t n, cap; } expects;
	struct names cgroups, workers;
	struct { const char **v; size_t n, cap; } captures; /* in the order they are taken */
	size_t n_executed; /* steps and questions, repetitions written out */
	bool has_steps;
};

typedef const struct sf_doc_node node;

/* A text for as long as the scenario; NULL without memory. Takes @text. */
const char *sf_scn_keep(struct loader *l, char *text);
/* @text as a message can repeat it, for as long as the scenario. Never NULL. */
const char *sf_scn_shown(struct loader *l, const char *text);
const char *sf_scn_path(struct loader *l, const struct at *at); /* never NULL */
const char *sf_scn_where(struct loader *l, const struct at *at, node *n); /* with file, line and column; never NULL */

SF_NONNULL struct sf_error *sf_scn_bad_at(struct loader *l, const struct at *at, uint32_t line, uint32_t column,
					  const char *fmt, ...) sf_printf(5, 6);
/* At the value. */
#define sf_scn_bad(l, at, n, ...) sf_scn_bad_at(l, at, (n)->line, (n)->column, __VA_ARGS__)

/* ---- schema.c ------------------------------------------------------------------------------------------------------ */

typedef struct sf_error *sf_scn_set(struct loader *l, const struct at *at, node *n, void *into);

struct key {
	const char *name;
	bool required;
	sf_scn_set *set;
};

/* A map with these keys and no others, in any order. @at is its own place. */
SF_CHECKED struct sf_error *sf_scn_map(struct loader *l, const struct at *at, node *n, const struct key *keys,
				       size_t n_keys, void *into);
/* A map of exactly one of these keys. */
SF_CHECKED struct sf_error *sf_scn_one(struct loader *l, const struct at *at, node *n, const struct key *keys,
				       size_t n_keys, void *into);
/* "a, b, c", and `; did you mean "b"?` where @word is nearly one; for as long as the scenario. Never NULL. */
const char *sf_scn_allowed(struct loader *l, const char *word, const char *const *words, size_t n);

/* ---- values.c: what is wrong is said with what is allowed ------------------------------------------------------------ */

/* @what as in "a path". */
SF_CHECKED struct sf_error *sf_scn_text(struct loader *l, const struct at *at, node *n, const char *what,
					const char **ret);
SF_CHECKED struct sf_error *sf_scn_number(struct loader *l, const struct at *at, node *n, int64_t min, int64_t max,
					  int64_t *ret);
SF_CHECKED struct sf_error *sf_scn_bool(struct loader *l, const struct at *at, node *n, bool *ret);
SF_CHECKED struct sf_error *sf_scn_time(struct loader *l, const struct at *at, node *n, uint64_t *ret_ns);
SF_CHECKED struct sf_error *sf_scn_size(struct loader *l, const struct at *at, node *n, uint64_t *ret);
SF_CHECKED struct sf_error *sf_scn_word(struct loader *l, const struct at *at, node *n, const char *const *words,
					size_t n_words, size_t *ret);
SF_CHECKED struct sf_error *sf_scn_cpus(struct loader *l, const struct at *at, node *n, const char **ret);
/* Of a capture or of workers: 1 to 64 bytes, no spaces, no '/'. */
SF_CHECKED struct sf_error *sf_scn_name(struct loader *l, const struct at *at, node *n, const char **ret);
SF_CHECKED struct sf_error *sf_scn_cgroup(struct loader *l, const struct at *at, node *n, const char **ret);
/* A list of texts, NULL-terminated, for as long as the scenario; @map (may be NULL) makes each. */
SF_CHECKED struct sf_error *sf_scn_texts(struct loader *l, const struct at *at, node *n, const char *what,
					 const char *(*map)(struct loader *l, const char *text), bool one_will_do,
					 const char *const **ret, size_t *ret_n);

/* ---- names.c ------------------------------------------------------------------------------------------------------- */

bool sf_scn_find(const struct names *names, const char *name, size_t *ret);
SF_CHECKED struct sf_error *sf_scn_add(struct loader *l, const struct at *at, node *n, struct names *names,
				       const char *kind, const char *name);
SF_CHECKED struct sf_error *sf_scn_need(struct loader *l, const struct at *at, node *n, const struct names *names,
					const char *kind, const char *name);
void sf_scn_forget(struct names *names, const char *name);
/* The name under which this turn captures. */
SF_CHECKED struct sf_error *sf_scn_add_capture(struct loader *l, const struct at *at, node *n, const char *name,
					       const char **ret);
bool sf_scn_has_capture(const struct loader *l, const char *name);
SF_CHECKED struct sf_error *sf_scn_no_capture(struct loader *l, const struct at *at, node *n, const char *name);

/* ---- operations.c -------------------------------------------------------------------------------------------------- */

SF_CHECKED struct sf_error *sf_scn_steps(struct loader *l, const struct at *at, node *n, void *into);
/* One question; @capture is whom it is asked of. */
SF_CHECKED struct sf_error *sf_scn_expect(struct loader *l, const struct at *at, node *n, const char *capture);

#endif
