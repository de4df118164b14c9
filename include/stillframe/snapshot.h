/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_SNAPSHOT_H
#define STILLFRAME_SNAPSHOT_H

/*
 * Asking a frame. A snapshot is one thread's way into a frame; views, maps, entries and fields are small values that
 * lead from it to a number.
 *
 * Example:
 *	SF_OWNED(snapshot) mine = NULL;
 *	uint64_t n;
 *
 *	SF_TRY(sf_snapshot_new(frame, &mine));
 *	SF_TRY(sf_error_detach(sf_as(sf_view_var(sf_snapshot_view(mine), "nr_dispatched"), &n)));
 *
 * A step that does not resolve yields a view that carries its error; so a chain is checked once, at its end. These
 * errors are borrowed from the snapshot: they cost no allocation until their message is asked for, and are valid until
 * 64 more have failed. sf_error_copy() detaches one; sf_error_free() leaves them alone.
 */

#include "stillframe/frame.h"
#include "stillframe/map.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sf_snapshot;

/**
 * sf_snapshot_new() - a way into @frame, for one thread
 * @frame: a reference is taken
 * @ret: sf_snapshot_free() it
 *
 * Return: SF_NO_MEMORY; SF_PAGE_NOT_KEPT, SF_KERNEL where the frame's maps cannot be listed.
 */
SF_API SF_CHECKED struct sf_error *sf_snapshot_new(struct sf_frame *frame, struct sf_snapshot **ret);
/** sf_snapshot_free() - NULL is fine. Views and errors taken from it are no longer valid. */
SF_API void sf_snapshot_free(struct sf_snapshot *snap);
SF_DEFINE_CLEANUP(snapshot, sf_snapshot_free)

/* A plain value of fixed size, private inside, valid as long as its snapshot. */
struct sf_view {
	uint64_t priv[2];
};
SF_ASSERT_SIZE(struct sf_view, 16);

/** sf_snapshot_view() - everything the frame has. */
SF_API struct sf_view sf_snapshot_view(struct sf_snapshot *snap);
/**
 * sf_view_active() - only what belongs to the scheduler that is active
 *
 * Which that is, says the kernel: the object whose maps the live struct_ops programs use. Where that could not be read
 * and there is one object only, it is that one. Maps are then those of the object, and of them those that its programs
 * use. Errors, in what is asked of the view and sf_view_error(): SF_NO_ACTIVE_SCHEDULER (why, and what to use instead),
 * SF_PLACEHOLDER_SNAPSHOT.
 */
SF_API struct sf_view sf_view_active(struct sf_view view);
/** sf_view_error() - why there is no such view; NULL: there is. Borrowed. */
SF_API struct sf_error *sf_view_error(struct sf_view view);

/** sf_view_frame() - the frame behind @view; borrowed. */
SF_API struct sf_frame *sf_view_frame(struct sf_view view);
/** sf_view_is_placeholder() - is there no data at all? */
SF_API bool sf_view_is_placeholder(struct sf_view view);

/* ---- globals -------------------------------------------------------------------------------------------------- */

/**
 * sf_view_var() - a global variable of a BPF object, by its name
 * @name: the variable; no dots (go on with sf_field_get())
 *
 * Sought in the sections `.bss`, `.data` and `.rodata` of every object, and where none of them has it in sections of
 * other names (`.data.NAME`). Where several have it, the active scheduler's is meant, if that can be told. Errors:
 * SF_VAR_NOT_FOUND (lists the globals there are), SF_AMBIGUOUS_VAR (lists the maps that have it),
 * SF_MAP_RENDER_INCOMPLETE (a section's values could not be read), SF_ACTIVE_FILTER_EXCLUDED_MAPS (the view is that of
 * the active scheduler, and all maps of its object were left out; why), SF_PLACEHOLDER_SNAPSHOT.
 *
 * Example:
 *	uint64_t cpus;
 *
 *	SF_TRY(sf_as(sf_view_var(view, "nr_cpus_onln"), &cpus));
 *	SF_ENSURE(cpus > 0, "nr_cpus_onln is %" PRIu64, cpus);
 */
SF_API struct sf_field sf_view_var(struct sf_view view, const char *name);
/** sf_view_live_var() - the active scheduler's: sf_view_active(), then sf_view_var(). */
SF_API struct sf_field sf_view_live_var(struct sf_view view, const char *name);

/** struct sf_candidate - one of several variables of one name */
struct sf_candidate {
	const char *map;        /* the section's map; the frame's */
	uint64_t map_kva;       /* 0: not recorded */
	struct sf_field field;
};
/**
 * sf_view_vars() - every variable called @name, in the order of their maps; none on a placeholder.
 * @name: is read until the last of them was
 *
 * Example:
 *	struct sf_iter it = sf_view_vars(view, "nr_dispatched");
 *	struct sf_candidate c;
 *
 *	while (sf_var_next(&it, &c))
 *		printf("%s: %" PRIu64 "\n", c.map, sf_field_u64_or(c.field, 0));
 */
SF_API struct sf_iter sf_view_vars(struct sf_view view, const char *name);
/** sf_var_next() - the next one; false: there is none. */
SF_API bool sf_var_next(struct sf_iter *it, struct sf_candidate *ret);

/** struct sf_candidate_row - variables of several names, all of one section */
struct sf_candidate_row {
	const char *map;
	uint64_t map_kva;
	const struct sf_field *fields; /* as many as names were asked for, in their order; valid during the call */
	size_t n_fields;
};
/** typedef sf_picker - which of the candidates is meant: its index, or -1 for none */
typedef ssize_t sf_picker(const struct sf_candidate *candidates, size_t n, void *arg);
/** typedef sf_row_picker - the same for rows */
typedef ssize_t sf_row_picker(const struct sf_candidate_row *rows, size_t n, void *arg);

/**
 * sf_view_live_var_via() - the variable that @picker chooses among all of that name
 *
 * Errors: SF_VAR_NOT_FOUND (lists the sections there are; @picker is not called), SF_PROJECTION_FAILED (@picker chose
 * none, or one that is not there), SF_ACTIVE_FILTER_EXCLUDED_MAPS, SF_PLACEHOLDER_SNAPSHOT.
 *
 * Example:
 *	uint64_t n;
 *
 *	SF_TRY(sf_as(sf_view_live_var_via(view, "nr_dispatched", sf_pick_max_by_counter_value, NULL), &n));
 */
SF_API struct sf_field sf_view_live_var_via(struct sf_view view, const char *name, sf_picker *picker, void *arg);
/**
 * sf_view_live_vars_via() - several variables of one copy, chosen by @picker
 * @names: @n of them; a section that lacks one is no candidate. One may occur again
 * @ret: @n fields, in the order of @names
 *
 * Return: as sf_view_live_var_via(), borrowed; SF_PROJECTION_FAILED for no names at all.
 *
 * Example:
 *	const char *const names[] = { "nr_enqueued", "nr_dispatched" };
 *	struct sf_field both[2];
 *	uint64_t in, out;
 *
 *	SF_TRY(sf_view_live_vars_via(view, names, 2, sf_pick_max_by_sum_u64, NULL, both));
 *	SF_TRY(sf_as(both[0], &in));
 *	SF_TRY(sf_as(both[1], &out));
 *	SF_ENSURE(in >= out, "%" PRIu64 " were dispatched of %" PRIu64, out, in);
 */
SF_API SF_CHECKED struct sf_error *sf_view_live_vars_via(struct sf_view view, const char *const *names, size_t n,
							 sf_row_picker *picker, void *arg, struct sf_field *ret);
/** sf_pick_max_by_counter_value() - the largest number; of equal ones the last. What is no number is passed over. */
SF_API ssize_t sf_pick_max_by_counter_value(const struct sf_candidate *candidates, size_t n, void *unused);
/** sf_pick_max_by_sum_u64() - the largest sum; of equal ones the last. Rows with anything but numbers are passed over. */
SF_API ssize_t sf_pick_max_by_sum_u64(const struct sf_candidate_row *rows, size_t n, void *unused);

/* ---- maps ----------------------------------------------------------------------------------------------------- */

/**
 * sf_view_map() - a map by its name
 * @name: as the kernel has it, or longer: the kernel keeps 15 characters, which are compared then
 *
 * Errors: SF_MAP_NOT_FOUND (lists the maps there are), SF_ACTIVE_FILTER_EXCLUDED_MAPS, SF_PLACEHOLDER_SNAPSHOT.
 */
SF_API struct sf_map sf_view_map(struct sf_view view, const char *name);
/** sf_view_map_count() - how many maps the view has. */
SF_API size_t sf_view_map_count(struct sf_view view);
/** sf_view_map_at() - map @i (from 0) in order of id; SF_INDEX_OUT_OF_RANGE, SF_PLACEHOLDER_SNAPSHOT. */
SF_API struct sf_map sf_view_map_at(struct sf_view view, size_t i);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
