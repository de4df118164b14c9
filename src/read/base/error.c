/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error_private.h"

#include "base/text.h"

/* Memory of a payload. It is only ever freed whole. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

#define CHUNK_SIZE 208

static const struct sf_error out_of_memory = {
	.code = SF_NO_MEMORY,
	.borrowed = true,
	.made = true,
	.message = (char *)"out of memory",
	.payload = { .code = SF_NO_MEMORY, .reason = "out of memory" },
};

/*
 * What sf_error_bare() gives without memory. Its callers write numbers into the payload, which
 * nobody reads: every function that looks at an error takes this one for `out_of_memory`.
 */
static struct sf_error swallower = { .code = SF_NO_MEMORY, .borrowed = true, .made = true };

static const struct {
	enum sf_code code;
	const char *name;
} code_names[] = {
	{ SF_OK, "Ok" },
	{ SF_MAP_NOT_FOUND, "MapNotFound" },
	{ SF_VAR_NOT_FOUND, "VarNotFound" },
	{ SF_AMBIGUOUS_VAR, "AmbiguousVar" },
	{ SF_FIELD_NOT_FOUND, "FieldNotFound" },
	{ SF_NOT_A_STRUCT, "NotAStruct" },
	{ SF_TYPE_MISMATCH, "TypeMismatch" },
	{ SF_INDEX_OUT_OF_RANGE, "IndexOutOfRange" },
	{ SF_PER_CPU_SLOT, "PerCpuSlot" },
	{ SF_NO_MATCH, "NoMatch" },
	{ SF_EMPTY_PATH_COMPONENT, "EmptyPathComponent" },
	{ SF_PER_CPU_NOT_NARROWED, "PerCpuNotNarrowed" },
	{ SF_NO_RENDERED, "NoRendered" },
	{ SF_PLACEHOLDER_SAMPLE, "PlaceholderSample" },
	{ SF_MISSING_STATS, "MissingStats" },
	{ SF_HOST_FIELD_UNAVAILABLE, "HostFieldUnavailable" },
	{ SF_PLACEHOLDER_SNAPSHOT, "PlaceholderSnapshot" },
	{ SF_NO_ACTIVE_SCHEDULER, "NoActiveScheduler" },
	{ SF_ACTIVE_FILTER_EXCLUDED_MAPS, "ActiveFilterExcludedMaps" },
	{ SF_WALKER_DRIFTED_WITHIN_PHASE, "WalkerDriftedWithinPhase" },
	{ SF_PROJECTION_FAILED, "ProjectionFailed" },
	{ SF_MAP_RENDER_INCOMPLETE, "MapRenderIncomplete" },
	{ SF_PAGE_NOT_KEPT, "PageNotKept" },
	{ SF_TORN_LIST, "TornList" },
	{ SF_FRAME_CORRUPT, "FrameCorrupt" },
	{ SF_BAD_PATH, "BadPath" },
	{ SF_KEY_MISMATCH, "KeyMismatch" },
	{ SF_SYSTEM, "System" },
	{ SF_NO_MEMORY, "NoMemory" },
	{ SF_USAGE, "Usage" },
	{ SF_BRIDGE, "Bridge" },
	{ SF_WATCH, "Watch" },
	{ SF_TRANSPORT, "Transport" },
	{ SF_HOST, "Host" },
	{ SF_DEADLINE, "Deadline" },
	{ SF_PANIC, "Panic" },
	{ SF_BAD_INPUT, "BadInput" },
	{ SF_KERNEL, "Kernel" },
	{ SF_NOT_FOUND, "NotFound" },
	{ SF_SCHEDULER, "Scheduler" },
	{ SF_ASSERTION, "Assertion" },
};

const char *sf_error_code_name(enum sf_code code)
{
	for (size_t i = 0; i < ARRAY_SIZE(code_names); i++)
		if (code_names[i].code == code)
			return code_names[i].name;
	return "Unknown";
}

bool sf_error_is_static(const struct sf_error *err)
{
	return err == &out_of_memory || err == &swallower;
}

struct sf_error *sf_error_nomem(void)
{
	return (struct sf_error *)&out_of_memory;
}

enum sf_code sf_error_code(const struct sf_error *err)
{
	return err ? err->code : SF_OK;
}

/* ---- memory of a payload ---- */

static void chunks_free(void **chunks)
{
	struct chunk *next;

	for (struct chunk *c = *chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*chunks = NULL;
}

void *sf_error_alloc(struct sf_error *err, size_t size)
{
	struct chunk *c = err->chunks;

	if (sf_error_is_static(err))
		return NULL;
	if (size > PTRDIFF_MAX / 2) {
		err->lost = true;
		return NULL;
	}
	size = sf_align_up(size, 8);
	if (!c || size > c->size - c->used) {
		size_t room = sf_max(size, (size_t)CHUNK_SIZE);

		c = malloc(sizeof(*c) + room);
		if (!c) {
			err->lost = true;
			return NULL;
		}
		*c = (struct chunk){ .next = err->chunks, .size = room };
		err->chunks = c;
	}
	void *p = c->data + c->used;

	c->used += size;
	return p;
}

/* How long @text is with everything that is not UTF-8 escaped. */
static size_t escaped_length(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t seq = text[i] ? sf_utf8_seq(text + i, len - i) : 0;

		n += seq ? seq : 4;
		i += seq ? seq : 1;
	}
	return n;
}

const char *sf_error_strn(struct sf_error *err, const char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (!text)
		return NULL;
	size_t escaped = escaped_length(text, len);
	char *copy = sf_error_alloc(err, escaped + 1), *out = copy;

	if (!copy)
		return NULL;
	if (escaped == len) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		return copy;
	}
	for (size_t i = 0; i < len;) {
		size_t seq = text[i] ? sf_utf8_seq(text + i, len - i) : 0;

		if (seq) {
			memcpy(out, text + i, seq);
			out += seq;
			i += seq;
		} else {
			*out++ = '\\';
			*out++ = 'x';
			*out++ = digits[(uint8_t)text[i] >> 4];
			*out++ = digits[(uint8_t)text[i] & 15];
			i++;
		}
	}
	*out = '\0';
	return copy;
}

const char *sf_error_str(struct sf_error *err, const char *text)
{
	return text ? sf_error_strn(err, text, strlen(text)) : NULL;
}

static sf_printf(2, 0) const char *fmtv(struct sf_error *err, const char *fmt, va_list ap)
{
	char inline_text[256];
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(inline_text, sizeof(inline_text), fmt, ap);
	_cleanup_free_ char *long_text = NULL;

	if (len >= 0 && (size_t)len >= sizeof(inline_text)) {
		len = vasprintf(&long_text, fmt, again);
		if (len < 0)
			long_text = NULL;
	}
	va_end(again);
	if (len >= 0)
		return sf_error_strn(err, long_text ? long_text : inline_text, (size_t)len);
	if (!sf_error_is_static(err))
		err->lost = true;
	return NULL;
}

const char *sf_error_fmt(struct sf_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const char *text = fmtv(err, fmt, ap);
	va_end(ap);
	return text;
}

void sf_error_strv(struct sf_error *err, struct sf_strv *ret, const char *const *v, size_t n)
{
	if (!n) {
		*ret = (struct sf_strv){ 0 };
		return;
	}
	if (n > PTRDIFF_MAX / sizeof(*v)) {
		err->lost |= !sf_error_is_static(err);
		return;
	}
	const char **copy = sf_error_alloc(err, n * sizeof(*copy));

	if (!copy)
		return;
	for (size_t i = 0; i < n; i++) {
		copy[i] = sf_error_str(err, v[i] ? v[i] : "");
		if (!copy[i])
			return;
	}
	*ret = (struct sf_strv){ .v = copy, .n = n };
}

uint64_t *sf_error_u64s(struct sf_error *err, const uint64_t *v, size_t n)
{
	if (!n)
		return NULL;
	uint64_t *copy =
		sf_error_alloc(err, n > PTRDIFF_MAX / sizeof(*v) ? SIZE_MAX : n * sizeof(*v));

	if (copy)
		memcpy(copy, v, n * sizeof(*v));
	return copy;
}

/* ---- heap errors ---- */

static struct sf_error *heap_error(enum sf_code code)
{
	struct sf_error *err = malloc(sizeof(*err));

	if (!err)
		return NULL;
	/* `refs` and most of `path` are a lazy error's; a heap error never looks at them. */
	memset(err, 0, offsetof(struct sf_error, refs));
	err->path[0] = '\0';
	err->code = code;
	err->made = true;
	err->payload.code = code;
	return err;
}

struct sf_error *sf_error_bare(enum sf_code code)
{
	struct sf_error *err = heap_error(code);

	return err ? err : &swallower;
}

struct sf_error *sf_error_newv(enum sf_code code, const char *fmt, va_list ap)
{
	struct sf_error *err = heap_error(code);

	if (!err)
		return sf_error_nomem();
	err->payload.reason = fmtv(err, fmt, ap);
	return err;
}

struct sf_error *sf_error_new(enum sf_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(code, fmt, ap);
	va_end(ap);
	return err;
}

struct sf_error *sf_error_sys(int err_no, const char *fmt, ...)
{
	const char *what = strerrordesc_np(err_no);
	va_list ap;

	va_start(ap, fmt);
	struct sf_error *err = sf_error_newv(SF_SYSTEM, fmt, ap);
	va_end(ap);
	if (sf_error_is_static(err))
		return err;
	err->payload.err_no = err_no;
	const char *doing = err->payload.reason ? err->payload.reason : "system call";
	const char *reason = what ? sf_error_fmt(err, "%s: %s", doing, what) :
				    sf_error_fmt(err, "%s: error %d", doing, err_no);

	if (reason)
		err->payload.reason = reason;
	return err;
}

struct sf_error *sf_error_context(struct sf_error *err, const char *fmt, ...)
{
	if (!err || sf_error_is_static(err) || err->code < FIRST_FRAME_CODE)
		return err;
	if (err->borrowed) {
		err = sf_error_copy(err);
		if (sf_error_is_static(err))
			return err;
	}
	va_list ap;

	va_start(ap, fmt);
	const char *context = fmtv(err, fmt, ap);
	va_end(ap);
	const char *reason = err->payload.reason;

	if (context && reason)
		context = sf_error_fmt(err, "%s: %s", context, reason);
	if (!context)
		return err;
	err->payload.reason = context;
	free(err->message);
	err->message = NULL;
	return err;
}

/* What @err owns, but not @err; of a slot this leaves all that the next user sets anyway. */
static void release(struct sf_error *err)
{
	if (err->chunks)
		chunks_free(&err->chunks);
	if (err->message) {
		free(err->message);
		err->message = NULL;
	}
	if (err->full_path) {
		free(err->long_path);
		err->long_path = NULL;
		err->full_path = false;
	}
}

void sf_error_free(struct sf_error *err)
{
	if (!err || err->borrowed)
		return;
	release(err);
	free(err);
}

/* ---- borrowed errors ---- */

/* Keeps as much of a long path as fits, when there is no memory for all of it. */
static void cut_path(struct sf_error *err, const char *path)
{
	static const char ellipsis[] = "…";
	size_t n = SF_ERROR_PATH_INLINE - sizeof(ellipsis);

	while (n && ((uint8_t)path[n] & 0xc0) == 0x80)
		n--;
	memcpy(err->path, path, n);
	memcpy(err->path + n, ellipsis, sizeof(ellipsis));
	err->path_len = (uint32_t)(n + sizeof(ellipsis) - 1);
}

struct sf_error *sf_error_ring_take(struct sf_error_ring *ring, enum sf_code code,
				    sf_error_make_fn *make, void *owner, const char *path,
				    size_t path_len)
{
	struct sf_error *err = &ring->slots[ring->next++ % SF_ERROR_RING];

	release(err);
	err->code = code;
	err->borrowed = true;
	err->made = !make;
	err->lost = false;
	err->generation++;
	err->make = make;
	err->owner = owner;
	if (!make) {
		memset(&err->payload, 0, sizeof(err->payload));
		err->payload.code = code;
	}
	path_len = path ? sf_min(path_len, (size_t)UINT32_MAX - 1) : 0;
	err->path_len = (uint32_t)path_len;
	if (path_len < SF_ERROR_PATH_INLINE) {
		if (path_len)
			memcpy(err->path, path, path_len);
		err->path[path_len] = '\0';
		return err;
	}
	err->long_path = malloc(path_len + 1);
	if (!err->long_path) {
		cut_path(err, path);
		return err;
	}
	memcpy(err->long_path, path, path_len);
	err->long_path[path_len] = '\0';
	err->full_path = true;
	return err;
}

void sf_error_ring_clear(struct sf_error_ring *ring)
{
	for (size_t i = 0; i < SF_ERROR_RING; i++) {
		struct sf_error *err = &ring->slots[i];

		release(err);
		err->made = false;
		err->make = NULL;
		err->owner = NULL;
	}
}

void sf_error_make_gone(struct sf_error *err)
{
	err->payload.reason = sf_error_fmt(err, "the details are gone: %d later errors of the same "
						"snapshot took their place", SF_ERROR_RING);
}

/* ---- reading an error ---- */

/* Makes what is lazy. The payload, or NULL without memory; then the next call tries again. */
static struct sf_error_payload *settle(struct sf_error *err)
{
	if (sf_error_is_static(err))
		return (struct sf_error_payload *)&out_of_memory.payload;
	if (err->made)
		return &err->payload;
	memset(&err->payload, 0, sizeof(err->payload));
	err->payload.code = err->code;
	err->lost = false;
	if (err->make)
		err->make(err);
	if (err->lost) {
		chunks_free(&err->chunks);
		return NULL;
	}
	err->made = true;
	return &err->payload;
}

const struct sf_error_payload *sf_error_payload(struct sf_error *err)
{
	return err ? settle(err) : NULL;
}

const char *sf_error_message(struct sf_error *err)
{
	if (!err)
		return "no error";
	if (sf_error_is_static(err))
		return out_of_memory.message;
	if (!err->message) {
		struct sf_error_payload *payload = settle(err);

		err->message = payload ? sf_error_compose(payload) : NULL;
	}
	return err->message ? err->message : sf_error_code_name(err->code);
}

struct sf_error *sf_error_copy(struct sf_error *err)
{
	if (!err)
		return NULL;
	struct sf_error_payload *payload = settle(err);
	struct sf_error *copy = payload && !sf_error_is_static(err) ? heap_error(err->code) : NULL;

	if (!copy)
		return sf_error_nomem();
	sf_error_payload_copy(copy, payload);
	if (copy->lost) {
		sf_error_free(copy);
		return sf_error_nomem();
	}
	return copy;
}

struct sf_error *sf_error_detach(struct sf_error *err)
{
	return err && err->borrowed ? sf_error_copy(err) : err;
}
