/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_BRIDGE_H
#define STILLFRAME_BRIDGE_H

/*
 * A bridge: the captures of a scenario by their names, in their order, with what was lost; and who may ask for more. It
 * is made with a callback that captures, so that a scenario's operations need not know who does.
 *
 * Reference-counted; every function may be called from any thread. Callbacks run with no lock held and may use the bridge
 * again. They must return, or end their thread, which unwinds: what leaves one by longjmp() leaves a watch or a reference
 * behind until sf_bridge_reset_thread().
 */

#include "stillframe/frame.h"
#include "stillframe/json.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SF_MAX_STORED_SNAPSHOTS 64
#define SF_MAX_STORED_EVENTS 1024
#define SF_MAX_WATCH_SNAPSHOTS 3

struct sf_bridge;

/**
 * typedef sf_capture_fn - take a capture
 * @ret: a reference for the bridge; left NULL: there is none, and the error (which may be NULL) is why. It is freed
 */
typedef struct sf_error *sf_capture_fn(void *arg, const char *tag, struct sf_frame **ret);
/** typedef sf_watch_register_fn - capture when the kernel variable @symbol is written; an error is why not */
typedef struct sf_error *sf_watch_register_fn(void *arg, const char *symbol);

/** enum sf_kernel_mode - how kernel memory is read or written: while the guest runs, or while it is stopped */
enum sf_kernel_mode { SF_KERNEL_HOT, SF_KERNEL_COLD };
/** enum sf_kernel_direction - and which of the two */
enum sf_kernel_direction { SF_KERNEL_WRITE, SF_KERNEL_READ };
/** enum sf_kernel_target_kind - how a place in kernel memory is named */
enum sf_kernel_target_kind {
	SF_TARGET_SYMBOL,     /* `symbol` */
	SF_TARGET_DIRECT,     /* `address`: of the direct map, or a guest-physical one */
	SF_TARGET_KVA,        /* `address`: any kernel virtual address */
	SF_TARGET_PER_CPU,    /* `field` of the per-CPU variable `symbol` on `cpu` */
	SF_TARGET_TASK,       /* `field` of the task `pid` that started at `start_ns` (0: whenever) */
};
/** struct sf_kernel_target - a place in kernel memory; members that its kind does not name are 0 */
struct sf_kernel_target {
	enum sf_kernel_target_kind kind;
	uint32_t cpu, pid;
	uint64_t address, start_ns;
	const char *symbol, *field;
};
/** enum sf_kernel_value_kind - what is there */
enum sf_kernel_value_kind { SF_KERNEL_U32, SF_KERNEL_U64, SF_KERNEL_BYTES, SF_KERNEL_OR_U32 };
/** struct sf_kernel_value - a value to write, or that was read */
struct sf_kernel_value {
	enum sf_kernel_value_kind kind;
	uint64_t u64;         /* of SF_KERNEL_U32, _U64, and _OR_U32, whose bits are set */
	const void *bytes;    /* of SF_KERNEL_BYTES */
	size_t n_bytes;
};
/** struct sf_kernel_op_entry - of a read the target, and the kind (of bytes: how many) are what counts */
struct sf_kernel_op_entry {
	struct sf_kernel_target target;
	struct sf_kernel_value value;
};
/** struct sf_kernel_op_request - one or several accesses, done together */
struct sf_kernel_op_request {
	size_t size;          /* sizeof(struct sf_kernel_op_request) */
	uint32_t id;          /* 0: not on a wire yet */
	enum sf_kernel_mode mode;
	enum sf_kernel_direction direction;
	const char *tag;      /* of a read: the name that its values are kept by; else "" */
	const struct sf_kernel_op_entry *entries;
	size_t n_entries;
};
/** struct sf_kernel_op_reply - what came of it; never nothing */
struct sf_kernel_op_reply {
	size_t size;          /* sizeof(struct sf_kernel_op_reply) */
	uint32_t id;
	bool success;
	const char *reason;   /* why not */
	const struct sf_kernel_value *values; /* of a read one for each entry */
	size_t n_values;
};
/**
 * typedef sf_kernel_op_fn - do it
 * @ret: is all zero but for its size; what its members point at has to stay until the next call on this thread
 */
typedef void sf_kernel_op_fn(void *arg, const struct sf_kernel_op_request *request, struct sf_kernel_op_reply *ret);

/** struct sf_bridge_options - what a bridge is made of; zero or NULL takes the default */
struct sf_bridge_options {
	size_t size;                   /* sizeof(struct sf_bridge_options) */
	uint32_t max_snapshots;        /* default SF_MAX_STORED_SNAPSHOTS */
	uint32_t max_events;           /* default SF_MAX_STORED_EVENTS */
	uint32_t max_watches;          /* default SF_MAX_WATCH_SNAPSHOTS */
	sf_capture_fn *capture;        /* NULL: nothing can be captured, only stored */
	sf_watch_register_fn *watch_register; /* NULL: nothing can be watched */
	sf_kernel_op_fn *kernel_op;    /* NULL: none here */
	void *arg;                     /* of all three */
	void (*destroy)(void *arg);    /* called with the last reference; NULL: not */
	struct sf_logger log;
};

/**
 * sf_bridge_new() - make an empty bridge
 * @options: NULL: the defaults, and no callbacks
 * @ret: the caller's reference
 *
 * Return: SF_USAGE for limits beyond 2^20; SF_NO_MEMORY. @options->destroy is only called for a bridge that was made.
 */
SF_API SF_CHECKED struct sf_error *sf_bridge_new(const struct sf_bridge_options *options, struct sf_bridge **ret);
/** sf_bridge_ref() - one more reference to the same store; NULL gives NULL. */
SF_API struct sf_bridge *sf_bridge_ref(struct sf_bridge *bridge);
/** sf_bridge_unref() - one reference less; the last one frees it. NULL is fine. */
SF_API void sf_bridge_unref(struct sf_bridge *bridge);
SF_DEFINE_CLEANUP(bridge, sf_bridge_unref)

/* ---- the store -------------------------------------------------------------------------------------------------- */

/** struct sf_stamp - what is kept beside a capture */
struct sf_stamp {
	size_t size;             /* sizeof(struct sf_stamp) */
	bool has_elapsed, has_boundary_offset, has_step;
	uint64_t elapsed_ms;     /* since the run began */
	uint64_t boundary_offset_ms; /* for when it was scheduled */
	uint16_t step;           /* 0: before the first; from 1 on */
	const char *stats;       /* the scheduler's statistics, JSON of @stats_len bytes; NULL: @no_stats says why */
	size_t stats_len;
	const struct sf_missing_stats_reason *no_stats; /* NULL, too: no scheduler was asked */
};

/**
 * sf_bridge_capture() - capture as @tag, through the callback
 * @stamp: NULL: none
 *
 * Return: is it stored? If not, what was stored as @tag before stays, and an event says that nothing came.
 */
SF_API bool sf_bridge_capture(struct sf_bridge *bridge, const char *tag, const struct sf_stamp *stamp);
/**
 * sf_bridge_store() - keep @frame as @tag; the bridge takes a reference
 *
 * What had that name is replaced and the name goes to the end; where there are too many the oldest goes. Both are
 * events. Return: SF_USAGE for no name; SF_BAD_INPUT for statistics that are no JSON; SF_NO_MEMORY.
 */
SF_API SF_CHECKED struct sf_error *sf_bridge_store(struct sf_bridge *bridge, const char *tag, struct sf_frame *frame,
						   const struct sf_stamp *stamp);
/** sf_bridge_has() - is there a capture called @tag? */
SF_API bool sf_bridge_has(struct sf_bridge *bridge, const char *tag);
/** sf_bridge_len() - how many there are. */
SF_API size_t sf_bridge_len(struct sf_bridge *bridge);
/** sf_bridge_periodic_real_count() - how many are called periodic_NNN, three digits, and are no placeholders. */
SF_API uint32_t sf_bridge_periodic_real_count(struct sf_bridge *bridge);

/** struct sf_drained_entry - a capture that left its bridge; all of it is the list's */
struct sf_drained_entry {
	const char *tag;
	struct sf_frame *frame;    /* sf_frame_ref() it to keep it longer */
	struct sf_json_doc *stats; /* NULL: @no_stats */
	struct sf_missing_stats_reason no_stats;
	bool has_elapsed, has_boundary_offset, has_step;
	uint64_t elapsed_ms, boundary_offset_ms;
	uint16_t step;
	uint64_t reserved[4];
};
struct sf_drained;
/** sf_bridge_drain() - all captures, in their order; the bridge has none then. Events, logs and watches stay. */
SF_API SF_CHECKED struct sf_error *sf_bridge_drain(struct sf_bridge *bridge, struct sf_drained **ret);
/** sf_drained_len() - how many; 0 for NULL. */
SF_API size_t sf_drained_len(const struct sf_drained *drained);
/** sf_drained_at() - number @i, from 0; NULL beyond the last. */
SF_API const struct sf_drained_entry *sf_drained_at(const struct sf_drained *drained, size_t i);
/** sf_drained_find() - by its name; NULL: none. */
SF_API const struct sf_drained_entry *sf_drained_find(const struct sf_drained *drained, const char *tag);
/** sf_drained_free() - NULL is fine. */
SF_API void sf_drained_free(struct sf_drained *drained);
SF_DEFINE_CLEANUP(drained, sf_drained_free)

/* ---- what was lost ------------------------------------------------------------------------------------------------ */

/** enum sf_bridge_event_type - what happened; each is a warning in the log as well */
enum sf_bridge_event_type {
	SF_EVENT_CAPTURE_UNAVAILABLE = 1, /* `tag`, `reason` */
	SF_EVENT_OVERWRITE,               /* `tag`, `prior_schema` */
	SF_EVENT_EVICTION,                /* `tag` went for `other_tag`; `cap` */
	SF_EVENT_DRAIN_ORDERING_INVARIANT_VIOLATION, /* `tag`, `drain_variant`: a bug of ours */
	SF_EVENT_CAP_INVARIANT_VIOLATION, /* `reports_len`, `cap`: a bug of ours */
	SF_EVENT_EVENT_LOG_TRUNCATED,     /* `dropped_count` events were dropped, the oldest first */
};
/** struct sf_bridge_event - one of them; members that its type does not name are NULL or 0 */
struct sf_bridge_event {
	enum sf_bridge_event_type type;
	const char *tag, *other_tag, *prior_schema, *drain_variant, *reason;
	uint64_t cap, reports_len, dropped_count;
	uint64_t reserved[4];
};
struct sf_bridge_events;
/** sf_bridge_drain_events() - all events, in their order; if some were dropped the last one says how many. */
SF_API SF_CHECKED struct sf_error *sf_bridge_drain_events(struct sf_bridge *bridge, struct sf_bridge_events **ret);
/** sf_bridge_event_count() - how many wait to be drained. */
SF_API size_t sf_bridge_event_count(struct sf_bridge *bridge);
/** sf_bridge_events_len() - how many; 0 for NULL. */
SF_API size_t sf_bridge_events_len(const struct sf_bridge_events *events);
/** sf_bridge_events_at() - number @i, from 0; NULL beyond the last. */
SF_API const struct sf_bridge_event *sf_bridge_events_at(const struct sf_bridge_events *events, size_t i);
/**
 * sf_bridge_events_to_json() - as a JSON array of objects
 *
 * "type" is "CaptureUnavailable", "Overwrite", "Eviction", "DrainOrderingInvariantViolation", "CapInvariantViolation" or
 * "EventLogTruncated". The others are named as the members of struct sf_bridge_event, but an eviction's, whose names are
 * "evicted_tag" and "new_tag".
 *
 * Return: free() it; NULL without memory.
 */
SF_API char *sf_bridge_events_to_json(const struct sf_bridge_events *events);
/** sf_bridge_events_free() - NULL is fine. */
SF_API void sf_bridge_events_free(struct sf_bridge_events *events);
SF_DEFINE_CLEANUP(bridge_events, sf_bridge_events_free)

/* ---- watches, kernel memory, cgroups ----------------------------------------------------------------------------- */

/**
 * sf_bridge_register_watch() - watch @symbol, through the callback
 *
 * Nothing is ever watched no more. Return: SF_USAGE for no name; SF_WATCH: "cap exceeded" (there are as many as may be), no
 * callback; or the callback's own error.
 */
SF_API SF_CHECKED struct sf_error *sf_bridge_register_watch(struct sf_bridge *bridge, const char *symbol);
/** sf_bridge_watch_count() - how many were registered. */
SF_API uint32_t sf_bridge_watch_count(struct sf_bridge *bridge);

/**
 * sf_bridge_kernel_op() - access kernel memory, through the callback; the reply is logged under the request's tag
 * @ret: set its size. Its pointers are the bridge's, valid until the log is drained. May be NULL
 *
 * Without memory to log it the reply is a failure that says so.
 *
 * Return: false: there is no callback, and nothing is logged.
 */
SF_API bool sf_bridge_kernel_op(struct sf_bridge *bridge, const struct sf_kernel_op_request *request,
				struct sf_kernel_op_reply *ret);
/** sf_bridge_record_kernel_op() - log a reply that came another way; it is copied. */
SF_API SF_CHECKED struct sf_error *sf_bridge_record_kernel_op(struct sf_bridge *bridge, const char *tag,
							      const struct sf_kernel_op_reply *reply);
/**
 * sf_bridge_kernel_value() - the first value of the first successful reply under @tag that has any
 * @ret: its bytes are the bridge's, valid until the log is drained
 */
SF_API bool sf_bridge_kernel_value(struct sf_bridge *bridge, const char *tag, struct sf_kernel_value *ret);
/** typedef sf_kernel_log_fn - gets one logged reply, valid during the call */
typedef void sf_kernel_log_fn(void *arg, const char *tag, const struct sf_kernel_op_reply *reply);
/** sf_bridge_drain_kernel_ops() - @fn for each logged reply, in order; the log is empty then. Return: how many. */
SF_API size_t sf_bridge_drain_kernel_ops(struct sf_bridge *bridge, sf_kernel_log_fn *fn, void *arg);

/** struct sf_cgroup_procs - which processes were in a cgroup; none at all is a list of none */
struct sf_cgroup_procs {
	const char *tag, *cgroup;
	const pid_t *pids;
	size_t n_pids;
};
/** sf_bridge_record_cgroup_procs() - keep such a list; it is copied. */
SF_API SF_CHECKED struct sf_error *sf_bridge_record_cgroup_procs(struct sf_bridge *bridge,
								 const struct sf_cgroup_procs *procs);
/** sf_bridge_cgroup_procs() - the first list called @tag; @ret's pointers are valid until the lists are drained. */
SF_API bool sf_bridge_cgroup_procs(struct sf_bridge *bridge, const char *tag, struct sf_cgroup_procs *ret);
/** typedef sf_cgroup_log_fn - gets one list, valid during the call */
typedef void sf_cgroup_log_fn(void *arg, const struct sf_cgroup_procs *procs);
/** sf_bridge_drain_cgroup_procs() - @fn for each list, in order; there are none then. Return: how many. */
SF_API size_t sf_bridge_drain_cgroup_procs(struct sf_bridge *bridge, sf_cgroup_log_fn *fn, void *arg);

/* ---- the thread's bridge ------------------------------------------------------------------------------------------ */

/**
 * struct sf_bridge_guard - a token of an installation; all zero is none
 *
 * Nothing points at it, so that a test which is left by longjmp() leaves nothing that points into its stack.
 */
struct sf_bridge_guard {
	uint64_t priv[2];
};
SF_ASSERT_SIZE(struct sf_bridge_guard, 16);

/**
 * sf_bridge_install() - make @bridge the one that operations on this thread use
 * @ret: the token that ends it; sf_bridge_uninstall() it on this thread, the last first
 *
 * A reference is taken. The one before comes back with the end of this one. Return: SF_USAGE from within
 * sf_bridge_with_active(); SF_NO_MEMORY.
 */
SF_API SF_CHECKED struct sf_error *sf_bridge_install(struct sf_bridge *bridge, struct sf_bridge_guard *ret);
/** sf_bridge_uninstall() - SF_USAGE out of order, on another thread, from within sf_bridge_with_active(). Zero is fine. */
SF_API SF_CHECKED struct sf_error *sf_bridge_uninstall(struct sf_bridge_guard guard);
/** sf_bridge_reset_thread() - end all installations on this thread: for fixtures of tests that longjmp() may leave. */
SF_API void sf_bridge_reset_thread(void);
static inline void sf_bridge_guard_cleanup(struct sf_bridge_guard *guard)
{
	sf_error_free(sf_bridge_uninstall(*guard));
}
/* SF_BRIDGE_GUARD g = { { 0 } }; -- an installation that ends with its scope. */
#define SF_BRIDGE_GUARD __attribute__((cleanup(sf_bridge_guard_cleanup))) struct sf_bridge_guard

/** typedef sf_bridge_fn - gets the thread's bridge, valid during the call */
typedef void sf_bridge_fn(struct sf_bridge *bridge, void *arg);
/** sf_bridge_with_active() - call @fn with this thread's bridge; false: not called, there is none (or no memory). */
SF_API bool sf_bridge_with_active(sf_bridge_fn *fn, void *arg);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
