/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/message.h"

static const char *const sched_names[] = {
	[SF_WIRE_SCHED_NONE] = "none",
	[SF_WIRE_SCHED_STARTING] = "starting",
	[SF_WIRE_SCHED_ATTACHED] = "attached",
	[SF_WIRE_SCHED_FAILED] = "failed",
	[SF_WIRE_SCHED_EXITED] = "exited",
	[SF_WIRE_SCHED_DETACHED] = "detached",
};

const char *sf_wire_sched_name(enum sf_wire_sched state)
{
	return (size_t)state < ARRAY_SIZE(sched_names) ? sched_names[state] : "unknown";
}

bool sf_wire_is_message(uint32_t type)
{
	switch (type) {
	case SF_WIRE_HELO:
	case SF_WIRE_EVNT:
	case SF_WIRE_VALU:
	case SF_WIRE_PROC:
	case SF_WIRE_RSLT:
	case SF_WIRE_SCHD:
	case SF_WIRE_LOGL:
	case SF_WIRE_FATL:
	case SF_WIRE_DONE:
		return true;
	}
	return false;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void put_text(struct sf_json_writer *w, const char *key, const char *text, size_t max)
{
	if (!text)
		return;
	sf_json_key(w, key);
	sf_json_strn(w, text, strnlen(text, max));
}

static void put_value(struct sf_json_writer *w, const struct sf_wire_message *m)
{
	switch (m->value) {
	case SF_WIRE_NO_VALUE:
		break;
	case SF_WIRE_U64:
		sf_json_put_u64(w, "u64", m->u64);
		break;
	case SF_WIRE_I64:
		sf_json_key(w, "i64");
		sf_json_i64(w, m->i64);
		break;
	case SF_WIRE_STR:
		put_text(w, "str", m->str ? m->str : "", SF_WIRE_MAX_TEXT);
		break;
	}
}

static void put_pids(struct sf_json_writer *w, const struct sf_wire_message *m)
{
	sf_json_key(w, "pids");
	sf_json_begin_array(w);
	for (size_t i = 0; i < sf_min(m->n_pids, (size_t)SF_WIRE_MAX_PIDS); i++)
		sf_json_i64(w, m->pids[i]);
	sf_json_end_array(w);
}

static void put_end(struct sf_json_writer *w, const struct sf_wire_message *m)
{
	if (!m->ended)
		return;
	sf_json_key(w, m->signal ? "signal" : "exit_code");
	sf_json_i64(w, m->signal ? m->signal : m->exit_code);
}

static void put_hello(struct sf_json_writer *w, const struct sf_wire_message *m)
{
	sf_json_put_u64(w, "protocol", m->protocol);
	put_text(w, "release", m->release, SF_WIRE_MAX_NAME);
	sf_json_put_u64(w, "cpus", m->cpus);
	sf_json_put_bool(w, "btf", m->btf);
	sf_json_put_bool(w, "sched_ext", m->sched_ext);
	if (m->vmcoreinfo) {
		sf_json_put_u64(w, "vmcoreinfo", m->vmcoreinfo);
		sf_json_put_u64(w, "vmcoreinfo_size", m->vmcoreinfo_size);
	}
}

static void put_sched(struct sf_json_writer *w, const struct sf_wire_message *m)
{
	put_text(w, "state", sf_wire_sched_name(m->sched), SF_WIRE_MAX_NAME);
	put_text(w, "ops", m->ops, SF_WIRE_MAX_NAME);
	put_text(w, "cause", m->cause, SF_WIRE_MAX_NAME);
	put_text(w, "reason", m->reason, SF_WIRE_MAX_TEXT);
	put_text(w, "log", m->log, SF_WIRE_MAX_TEXT);
}

struct sf_error *sf_wire_message_encode(const struct sf_wire_message *m, char **ret, size_t *ret_len)
{
	struct sf_json_buffer buffer = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &buffer, false);
	sf_json_begin_object(&w);
	sf_json_put_u64(&w, "t", m->t_ns);
	put_text(&w, "name", m->name, SF_WIRE_MAX_NAME);
	put_text(&w, "text", m->text, SF_WIRE_MAX_TEXT);
	put_value(&w, m);
	if (m->type == SF_WIRE_RSLT)
		sf_json_put_bool(&w, "ok", m->ok);
	put_text(&w, "cgroup", m->cgroup, SF_WIRE_MAX_TEXT);
	if (m->type == SF_WIRE_PROC)
		put_pids(&w, m);
	if (m->type == SF_WIRE_SCHD)
		put_sched(&w, m);
	put_end(&w, m);
	put_text(&w, "stream", m->stream, SF_WIRE_MAX_NAME);
	if (m->cut)
		sf_json_put_bool(&w, "cut", true);
	if (m->dropped)
		sf_json_put_u64(&w, "dropped", m->dropped);
	if (m->type == SF_WIRE_HELO)
		put_hello(&w, m);
	sf_json_end_object(&w);
	if (!sf_json_writer_finish(&w) || !buffer.text) {
		free(buffer.text);
		return sf_error_nomem();
	}
	*ret = buffer.text;
	*ret_len = buffer.len;
	return NULL;
}

struct sf_error *sf_wire_message_put(struct sf_wire_out *out, const struct sf_wire_message *m)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	SF_TRY(sf_wire_message_encode(m, &text, &len));
	return sf_wire_out_frame(out, m->type, text, len);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static struct sf_error *bad(uint32_t type, const char *what)
{
	const char *name = sf_wire_type_name(type);

	return sf_error_new(SF_BAD_INPUT, "a %s frame from the guest: %s", name ? name : "nameless", what);
}

static struct sf_error *read_value(const struct sf_json_node *o, struct sf_wire_message *m)
{
	const struct sf_json_node *u = sf_json_member(o, "u64"), *i = sf_json_member(o, "i64");

	m->str = sf_json_member_str(o, "str", NULL);
	if (u && u->type == SF_JSON_UINT) {
		m->value = SF_WIRE_U64;
		m->u64 = u->value.u64;
	} else if (i && i->type == SF_JSON_INT) {
		m->value = SF_WIRE_I64;
		m->i64 = i->value.i64;
	} else if (i && i->type == SF_JSON_UINT && i->value.u64 <= INT64_MAX) {
		m->value = SF_WIRE_I64;
		m->i64 = (int64_t)i->value.u64;
	} else if (m->str) {
		m->value = SF_WIRE_STR;
	} else {
		return bad(m->type, "it has no value that is u64, i64 or str");
	}
	return NULL;
}

static struct sf_error *read_pids(const struct sf_json_node *o, struct sf_wire_message *m)
{
	const struct sf_json_node *list = sf_json_member(o, "pids");

	m->cgroup = sf_json_member_str(o, "cgroup", "");
	if (!list || list->type != SF_JSON_ARRAY || list->n > SF_WIRE_MAX_PIDS)
		return bad(m->type, "it has no list of pids, or too long a one");
	m->own_pids = calloc(list->n ? list->n : 1, sizeof(*m->own_pids));
	if (!m->own_pids)
		return sf_error_nomem();
	for (const struct sf_json_node *p = list->n ? list->value.first : NULL; p; p = p->next) {
		if (p->type != SF_JSON_UINT || p->value.u64 > INT32_MAX || m->n_pids == list->n)
			return bad(m->type, "its list of pids holds something that is no pid");
		m->own_pids[m->n_pids++] = (int32_t)p->value.u64;
	}
	m->pids = m->own_pids;
	return NULL;
}

static struct sf_error *read_sched(const struct sf_json_node *o, struct sf_wire_message *m)
{
	const char *state = sf_json_member_str(o, "state", "");

	m->ops = sf_json_member_str(o, "ops", NULL);
	m->cause = sf_json_member_str(o, "cause", NULL);
	m->reason = sf_json_member_str(o, "reason", NULL);
	m->log = sf_json_member_str(o, "log", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sched_names); i++) {
		if (!strcmp(sched_names[i], state)) {
			m->sched = (enum sf_wire_sched)i;
			return NULL;
		}
	}
	return bad(m->type, "its state is none that is known");
}

static void read_end(const struct sf_json_node *o, struct sf_wire_message *m)
{
	int64_t code = sf_json_member_i64(o, "exit_code", -1), sig = sf_json_member_i64(o, "signal", 0);

	m->ended = code >= 0 || sig > 0;
	m->signal = sig > 0 && sig <= 255 ? (int)sig : 0;
	m->exit_code = code >= 0 && code <= 255 ? (int)code : m->ended && !m->signal ? 255 : 0;
}

static void read_hello(const struct sf_json_node *o, struct sf_wire_message *m)
{
	m->protocol = sf_json_member_u64(o, "protocol", 0);
	m->release = sf_json_member_str(o, "release", "");
	m->cpus = sf_json_member_u64(o, "cpus", 0);
	m->btf = sf_json_member_bool(o, "btf", false);
	m->sched_ext = sf_json_member_bool(o, "sched_ext", false);
	m->vmcoreinfo = sf_json_member_u64(o, "vmcoreinfo", 0);
	m->vmcoreinfo_size = sf_json_member_u64(o, "vmcoreinfo_size", 0);
}

static struct sf_error *read_members(const struct sf_json_node *o, struct sf_wire_message *m)
{
	const struct sf_json_node *ok = sf_json_member(o, "ok");

	m->t_ns = sf_json_member_u64(o, "t", 0);
	m->name = sf_json_member_str(o, "name", "");
	m->text = sf_json_member_str(o, "text", NULL);
	switch (m->type) {
	case SF_WIRE_EVNT:
	case SF_WIRE_FATL:
		return *m->name ? NULL : bad(m->type, "it has no name");
	case SF_WIRE_VALU:
		return *m->name ? read_value(o, m) : bad(m->type, "it has no name");
	case SF_WIRE_PROC:
		return *m->name ? read_pids(o, m) : bad(m->type, "it has no tag");
	case SF_WIRE_RSLT:
		/* A result that does not say true or false must not count as either. */
		if (!ok || ok->type != SF_JSON_BOOL)
			return bad(m->type, "it does not say whether it is ok");
		m->ok = ok->value.boolean;
		return NULL;
	case SF_WIRE_SCHD:
		read_end(o, m);
		return read_sched(o, m);
	case SF_WIRE_LOGL:
		m->stream = sf_json_member_str(o, "stream", "");
		m->cut = sf_json_member_bool(o, "cut", false);
		return NULL;
	case SF_WIRE_HELO:
		read_hello(o, m);
		return NULL;
	case SF_WIRE_DONE:
		read_end(o, m);
		m->dropped = sf_json_member_u64(o, "dropped", 0);
		return NULL;
	}
	return bad(m->type, "its type carries no message");
}

struct sf_error *sf_wire_message_read(const struct sf_wire_frame *frame, struct sf_wire_message *ret)
{
	_cleanup_message_ struct sf_wire_message m = { .type = frame->type };

	if (!frame->crc_ok)
		return bad(frame->type, "its checksum is wrong");
	if (frame->len > SF_WIRE_MAX_MESSAGE)
		return bad(frame->type, "it is too long");
	SF_OWNED(error) err = sf_json_read((const char *)frame->data, frame->len, &m.json);

	if (err)
		return sf_error_context(steal_ptr(&err), "a %.4s frame from the guest",
					sf_wire_type_name(frame->type) ? sf_wire_type_name(frame->type) : "????");
	const struct sf_json_node *root = sf_json_root(m.json);

	if (root->type != SF_JSON_OBJECT)
		return bad(frame->type, "its payload is no object");
	SF_TRY(read_members(root, &m));
	*ret = m;
	m = (struct sf_wire_message){ 0 };
	return NULL;
}

void sf_wire_message_clear(struct sf_wire_message *m)
{
	sf_json_unref(m->json);
	free(m->own_pids);
	*m = (struct sf_wire_message){ 0 };
}
