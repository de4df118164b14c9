/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_BASE_H
#define STILLFRAME_BASE_H

/*
 * What every public header starts from: visibility, cleanup attributes, the error object and the log callback.
 *
 * Manners of the whole API:
 *  - A function that can fail returns `struct sf_error *`; NULL is success. Results are the last parameters and are
 *    untouched on failure.
 *  - Functions named `try_` and all of `sf_value_*` return bool: they can only find or not find.
 *  - Views are small structs passed by value. They carry their own error, so a chain needs one check, at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#define SF_ASSERT_SIZE(t, n) static_assert(sizeof(t) == (n), #t " is ABI")
#else
#define SF_ASSERT_SIZE(t, n) _Static_assert(sizeof(t) == (n), #t " is ABI")
#endif

#define SF_API __attribute__((visibility("default")))
#define SF_CHECKED __attribute__((warn_unused_result))

/** SF_OWNED() - a variable that is released at the end of its scope: SF_OWNED(frame) f = NULL. Always initialise it. */
#define SF_OWNED(T) __attribute__((cleanup(sf_##T##_cleanup))) struct sf_##T *
#define SF_DEFINE_CLEANUP(T, fn)                                                                   \
	static inline void sf_##T##_cleanup(struct sf_##T **p)                                     \
	{                                                                                          \
		fn(*p);                                                                            \
	}

/**
 * enum sf_code - what kind of error
 *
 * The numbers are ABI and appear in JSON. 1 to 21 concern a question asked of a snapshot; 32 and up say what only a
 * frame can (its pages are a choice made at capture time); 64 and up are the machinery's.
 */
enum sf_code {
	SF_OK = 0,
	SF_MAP_NOT_FOUND = 1,
	SF_VAR_NOT_FOUND,
	SF_AMBIGUOUS_VAR,
	SF_FIELD_NOT_FOUND,
	SF_NOT_A_STRUCT,
	SF_TYPE_MISMATCH,
	SF_INDEX_OUT_OF_RANGE,
	SF_PER_CPU_SLOT,
	SF_NO_MATCH,
	SF_EMPTY_PATH_COMPONENT,
	SF_PER_CPU_NOT_NARROWED,
	SF_NO_RENDERED,
	SF_PLACEHOLDER_SAMPLE,
	SF_MISSING_STATS,
	SF_HOST_FIELD_UNAVAILABLE,
	SF_PLACEHOLDER_SNAPSHOT,
	SF_NO_ACTIVE_SCHEDULER,
	SF_ACTIVE_FILTER_EXCLUDED_MAPS,
	SF_WALKER_DRIFTED_WITHIN_PHASE,
	SF_PROJECTION_FAILED,
	SF_MAP_RENDER_INCOMPLETE,

	SF_PAGE_NOT_KEPT = 32,
	SF_TORN_LIST,
	SF_FRAME_CORRUPT,
	SF_BAD_PATH,
	SF_KEY_MISMATCH,

	SF_SYSTEM = 64,    /* a system call failed; payload.err_no has errno */
	SF_NO_MEMORY,
	SF_USAGE,          /* the caller or the user asked for something that cannot be */
	SF_BRIDGE,
	SF_WATCH,
	SF_TRANSPORT,      /* a channel between guest and host, or to QEMU, failed */
	SF_HOST,           /* the host answered a guest's request with a refusal */
	SF_DEADLINE,
	SF_PANIC,          /* the guest kernel panicked */
	SF_BAD_INPUT,      /* bytes that are not what they claim to be: BTF, JSON, ELF, kallsyms */
	SF_KERNEL,         /* the guest kernel lacks something that is needed; names it */
	SF_NOT_FOUND,      /* a name that the kernel, a file or a store does not have */
	SF_SCHEDULER,      /* the scheduler itself failed: rejected, exited, never attached */
	SF_ASSERTION,      /* an SF_ENSURE() did not hold */
};

struct sf_error; /* opaque; NULL is success */

struct sf_strv {
	const char *const *v;
	size_t n;
};

struct sf_excluded_map {
	const char *name;
	uint64_t map_kva; /* 0: not recorded */
};

enum sf_missing_stats {
	SF_STATS_NO_SCHEDULER_BINARY = 1,
	SF_STATS_NO_SCHEDULER,
	SF_STATS_DURING_FREEZE,
	SF_STATS_CANCELLED,
	SF_STATS_SCHEDULER_ERROR,
	SF_STATS_MISSING_RESP,
	SF_STATS_REQUEST_TOO_LARGE,
	SF_STATS_RESPONSE_TOO_LARGE,
	SF_STATS_MUTEX_POISONED,
};

struct sf_missing_stats_reason {
	enum sf_missing_stats kind;
	const char *text;
	int64_t err_no;
	uint64_t size, max;
};

/**
 * struct sf_error_payload - the facts of an error, by name
 *
 * Read-only, valid as long as the error. A member that does not apply is NULL or 0; which members a code fills is in
 * the description of the function that returned it.
 */
struct sf_error_payload {
	enum sf_code code;
	const char *requested;  /* what was asked for, whole */
	const char *walked;     /* the part of a path that resolved */
	const char *component;  /* the part that did not */
	const char *kind;       /* what was there instead */
	const char *expected;
	const char *actual;
	const char *map;
	const char *op;
	const char *side;       /* "key" or "value" */
	const char *tag;
	const char *reason;     /* machinery errors: the sentence */
	const char *active_obj;
	uint64_t index;
	uint64_t len;
	uint64_t cpu;
	uint64_t phase;
	uint64_t addr;          /* guest address that a code >= 32 is about */
	int64_t err_no;         /* errno, of SF_SYSTEM */
	bool unmapped;
	struct sf_strv available; /* what would have resolved */
	struct sf_strv found_in;
	struct sf_strv available_keys;
	const struct sf_excluded_map *excluded_maps;
	size_t n_excluded_maps;
	const uint64_t *whitelist_kvas;
	size_t n_whitelist_kvas;
	const uint64_t *pinned_kvas;
	size_t n_pinned_kvas;
	const uint64_t *sample_kvas;
	size_t n_sample_kvas;
	struct sf_missing_stats_reason stats;
	uint64_t column;        /* of an expression (expr.h): the character, from 1, that the error is about */
	uint64_t reserved[7];
};

/**
 * sf_error_code() - the kind of @err
 *
 * Return: SF_OK for NULL.
 */
SF_API enum sf_code sf_error_code(const struct sf_error *err);

/**
 * sf_error_code_name() - @code as the word that JSON and logs use, such as "MapNotFound"
 *
 * Return: a static string; "Unknown" for a number that is not a code.
 */
SF_API const char *sf_error_code_name(enum sf_code code);

/**
 * sf_error_message() - one line (or few) for people
 *
 * Made on the first call, which may allocate; without memory a static text that names the code.
 *
 * Return: never NULL. Owned by @err.
 */
SF_API const char *sf_error_message(struct sf_error *err);

/**
 * sf_error_payload() - the facts of @err
 *
 * Made on the first call, like the message.
 *
 * Return: owned by @err; NULL for NULL, or when there is no memory to make it.
 */
SF_API const struct sf_error_payload *sf_error_payload(struct sf_error *err);

/**
 * sf_error_copy() - detach an error from whatever lent it
 *
 * Errors of accessors are borrowed from their snapshot and valid until 64 more of them have failed. A copy is the
 * caller's, outlives snapshot and frame, and is freed with sf_error_free().
 *
 * Return: NULL for NULL; without memory the static out-of-memory error.
 *
 * Example:
 *	SF_OWNED(error) err = sf_error_copy(sf_field_error(sf_view_var(view, "nr_dispatchd")));
 *
 *	SF_ENSURE(sf_error_code(err) == SF_VAR_NOT_FOUND, "%s", sf_error_message(err));
 */
SF_API struct sf_error *sf_error_copy(struct sf_error *err);

/**
 * sf_error_detach() - make an error the caller's, whoever's it was
 *
 * A borrowed error is copied, any other is returned as it is. This is what a function returns that ends a snapshot and
 * hands out what its accessors said.
 */
SF_API struct sf_error *sf_error_detach(struct sf_error *err);

/** sf_error_equal() - same code and same payload; messages are not compared. Two NULLs are equal. */
SF_API bool sf_error_equal(struct sf_error *a, struct sf_error *b);

/** sf_error_hash() - equal errors hash equally, in this process and any other. */
SF_API uint64_t sf_error_hash(struct sf_error *err);

/**
 * sf_error_to_json() - code and payload as one JSON object, without loss
 *
 * Return: free() it; NULL without memory.
 */
SF_API char *sf_error_to_json(struct sf_error *err);

/**
 * sf_error_from_json() - the inverse of sf_error_to_json()
 * @ret: the error that @text describes; the caller's
 *
 * Return: SF_BAD_INPUT where @text is not JSON, or not such an object.
 */
SF_API SF_CHECKED struct sf_error *sf_error_from_json(const char *text, size_t len, struct sf_error **ret);

/** sf_error_free() - always legal: NULL and borrowed errors are left alone. */
SF_API void sf_error_free(struct sf_error *err);
SF_DEFINE_CLEANUP(error, sf_error_free)

/** SF_TRY() - return the error that @expr returns, if any; of a function that returns one itself */
#define SF_TRY(expr)                                                                               \
	do {                                                                                       \
		struct sf_error *sf_try_ = (expr);                                                 \
		if (sf_try_)                                                                       \
			return sf_try_;                                                            \
	} while (0)

/* ---- log ------------------------------------------------------------------------------------------------------- */

enum sf_log_level { SF_LOG_ERROR, SF_LOG_WARN, SF_LOG_INFO, SF_LOG_DEBUG };

/**
 * typedef sf_log_fn - receives what the library has to say
 * @arg: as given with the logger
 * @message: one line, no newline, valid during the call
 *
 * Called from any thread, with no lock held. It must return, and must not call back into the object that logged.
 */
typedef void sf_log_fn(void *arg, enum sf_log_level level, const char *message);

/**
 * struct sf_logger - where an object's messages go
 *
 * Copied by the objects that take one; a NULL @fn is silence. The library itself never prints.
 */
struct sf_logger {
	sf_log_fn *fn;
	void *arg;
	enum sf_log_level level; /* the most talkative level that is wanted */
};

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
