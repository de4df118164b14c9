/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_ORACLE_H
#define SF_TESTS_ORACLE_H

/*
 * One guest, looked at twice: by us from outside, and by programs of other people inside of it or on the same memory.
 * Its part in the guest (oracle_guest.c) publishes what these say; the host (oracle.c) compares memory facts, and the
 * values of maps (oracle_values.c).
 */

#include <stillframe/snapshot.h>

#include "base/json.h"

/* A map of the part in the guest: every kind of type that bpftool knows, filled with noise. */
#define KINDS_MAP "sf_kinds"
#define KINDS_ENTRIES 24u

/* Names of what the guest publishes: text in pieces, which the host puts together again. */
#define ORACLE_KALLSYMS "kallsyms"
#define ORACLE_MAPS "maps-%s"            /* bpftool's list of maps; "before" or "after" the capture */
#define ORACLE_DUMP "dump-%s-%u"         /* its dump of a map; and the map's id */
#define ORACLE_STRUCT_OPS "struct-ops"   /* its dump of the scheduler's operations */
#define ORACLE_STRUCT_OPS_ID "struct-ops-id"
#define ORACLE_CAPTURE "oracle"
#define ORACLE_CODE "code"                /* the capture beside ORACLE_KALLSYMS */

/* The part in the guest. @maps: the object of tests/bpf/maps.bpf.c. */
int oracle_guest(const char *bpftool, const char *maps, uint64_t seed);
struct sf_guest;
/* Text of any length, in pieces. */
struct sf_error *oracle_publish(struct sf_guest *guest, const char *name, const char *text, size_t len);

/* Runs a program and collects what it prints; its exit code, or -1. */
int oracle_child(char *const *argv, struct sf_json_buffer *ret);

/* What came of comparing values. */
struct oracle_tally {
	uint64_t n_equal;    /* compared, and equal */
	uint64_t n_nonzero;  /* of these: not just 0 */
	uint64_t n_between;  /* changed between the two dumps, and ours is in between */
	uint64_t n_either;   /* changed, and ours is one of the two */
	uint64_t n_by_path;  /* read through the public accessors as well, the same */
	uint64_t n_kptrs;    /* hidden by the kernel (0 for them), an address for us */
	uint64_t n_tails;    /* bytes behind the end of a string, which bpftool does not show */
	uint64_t n_flexible; /* flexible arrays: for them without elements, for us without a length */
	uint64_t n_narrow;   /* a name for us, a negative number for them: the upper half of a narrow enum */
	uint64_t n_odd;      /* others that were not compared */
	uint64_t n_maps;     /* with as many elements for them as for us */
	uint64_t n_wrong;
};

/*
 * One map: bpftool's dumps of it before and after the capture against what the frame behind @view says. What is wrong
 * is printed as TAP comments.
 */
void oracle_compare_map(struct sf_view view, struct sf_map map, const struct sf_json_node *before,
			const struct sf_json_node *after, struct oracle_tally *tally);

#endif
