/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which quiet maps there are and what is in them. For the guest, which fills them, and the host, which knows it too.
 */

#include <string.h>

#include "base/util.h"
#include "oracle_quiet.h"

#define SIZES(key, value) .key_size = (key), .value_size = (value)
#define FORMATTED .is_formatted = true
#define PERCPU .is_percpu = true

const struct quiet_map quiet_maps[] = {
	{ "q_array", QUIET_INDEX, QUIET_EVERY, 50, SIZES(4, sizeof(struct q_every)), FORMATTED },
	{ "q_array_real", QUIET_INDEX, QUIET_REALS, 20, SIZES(4, sizeof(struct q_reals)) },
	{ "q_array_small", QUIET_INDEX, QUIET_SMALL, 5000, SIZES(4, sizeof(struct q_small)), FORMATTED },
	{ "q_pcpu_array", QUIET_INDEX, QUIET_EVERY, 20, SIZES(4, sizeof(struct q_every)), PERCPU, FORMATTED },
	{ "q_pcpu_small", QUIET_INDEX, QUIET_SMALL, 700, SIZES(4, sizeof(struct q_small)), PERCPU, FORMATTED },
	{ "q_hash", QUIET_STRUCT, QUIET_EVERY, 100, SIZES(sizeof(struct q_key), sizeof(struct q_every)), FORMATTED },
	{ "q_hash_lazy", QUIET_STRUCT, QUIET_EVERY, 100, SIZES(sizeof(struct q_key), sizeof(struct q_every)), FORMATTED },
	{ "q_hash_real", QUIET_NUMBER, QUIET_REALS, 60, SIZES(8, sizeof(struct q_reals)) },
	{ "q_hash_long", QUIET_NUMBER, QUIET_LONG, 13, SIZES(4, sizeof(struct q_long)), FORMATTED },
	{ "q_hash_number", QUIET_NUMBER, QUIET_INT, 64, SIZES(8, 4), FORMATTED },
	{ "q_lru", QUIET_STRUCT, QUIET_EVERY, 100, SIZES(sizeof(struct q_key), sizeof(struct q_every)), FORMATTED },
	{ "q_pcpu_hash", QUIET_STRUCT, QUIET_EVERY, 30, SIZES(sizeof(struct q_key), sizeof(struct q_every)),
	  PERCPU, FORMATTED },
	{ "q_pcpu_lazy", QUIET_STRUCT, QUIET_SMALL, 60, SIZES(sizeof(struct q_key), sizeof(struct q_small)),
	  PERCPU, FORMATTED },
	{ "q_lru_pcpu", QUIET_NUMBER, QUIET_EVERY, 30, SIZES(8, sizeof(struct q_every)), PERCPU, FORMATTED },
	{ "q_huge", QUIET_NUMBER, QUIET_SMALL, 3000, SIZES(8, sizeof(struct q_small)), FORMATTED },
	{ "q_bare_hash", QUIET_BYTES, QUIET_UNTYPED, 150, SIZES(13, 21) },
	{ "q_bare_array", QUIET_INDEX, QUIET_UNTYPED, 30, SIZES(4, 12) },
	{ "q_bare_pcpu", QUIET_BYTES, QUIET_UNTYPED, 40, SIZES(5, 12), PERCPU },
	{ "q_task", QUIET_TASKS, QUIET_EVERY, 14, SIZES(4, sizeof(struct q_every)) },
	{ "q_cgroup", QUIET_CGROUPS, QUIET_EVERY, 12, SIZES(4, sizeof(struct q_every)) },
	{ "q_inode", QUIET_INODES, QUIET_EVERY, 10, SIZES(4, sizeof(struct q_every)) },
	{ "q_sock", QUIET_SOCKS, QUIET_EVERY, 10, SIZES(4, sizeof(struct q_every)) },
	{ "q_task_real", QUIET_TASKS, QUIET_REALS, 14, SIZES(4, sizeof(struct q_reals)) },
	{ "q.bss", QUIET_SECTION, QUIET_UNTYPED, 1, SIZES(4, 0), FORMATTED },
	{ "q.data", QUIET_SECTION, QUIET_UNTYPED, 1, SIZES(4, 0), FORMATTED },
	{ "q.rodata", QUIET_SECTION, QUIET_UNTYPED, 1, SIZES(4, 0), FORMATTED },
	{ ".data.reals", QUIET_SECTION, QUIET_UNTYPED, 1, SIZES(4, 0) },
};
const size_t n_quiet_maps = ARRAY_SIZE(quiet_maps);

const struct quiet_map *quiet_by_name(const char *name)
{
	for (size_t i = 0; i < n_quiet_maps; i++)
		if (!strcmp(name, quiet_maps[i].name))
			return &quiet_maps[i];
	return NULL;
}

/* ---- noise ------------------------------------------------------------------------------------------------------ */

static void fill_noise(const char *name, uint64_t seed, uint32_t i, uint32_t cpu, void *buf, size_t size)
{
	struct {
		uint64_t seed, name;
		uint32_t i, cpu;
	} from = { seed, sf_hash_bytes(name, strlen(name)), i, cpu };
	uint64_t x = sf_hash_words(&from, sizeof(from)) | 1;
	uint8_t *p = buf;

	for (size_t at = 0; at < size; at++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[at] = (uint8_t)(x >> 32);
	}
}

/* ---- what follows from a number --------------------------------------------------------------------------------- */

static const enum q_color colors[] = { Q_NONE, Q_RED, Q_GREEN, Q_BLUE, (enum q_color)5 };
static const enum q_level levels[] = { Q_LOW, Q_MIDDLE, Q_HIGH, (enum q_level)-1 };
static const enum q_tiny tinies[] = { Q_TINY_NONE, Q_TINY_ONE, Q_TINY_MOST, (enum q_tiny)99 };
static const enum q_short shorts[] = { Q_SHORT_LOW, Q_SHORT_NONE, Q_SHORT_HIGH, (enum q_short)-2 };
static const enum q_wide wides[] = { Q_WIDE_NONE, Q_WIDE_ONE, Q_WIDE_TOP, (enum q_wide)(1ull << 62) };
static const enum q_deep deeps[] = { Q_DEEP_BOTTOM, Q_DEEP_NONE, Q_DEEP_TOP, (enum q_deep)-5 };
#define PICK(from, i) ((from)[(i) % ARRAY_SIZE(from)])

static void known_bits(struct q_bits *b, uint64_t i)
{
	b->s5 = -(int)(i % 16);
	b->u11 = (i * 37) & 0x7ff;
	b->color = PICK(colors, i);
	b->level = PICK(levels, i);
	b->yes = i & 1;
	b->u37 = (i * 0x123456789ull) & 0x1fffffffffull;
	b->s63 = -(long)i;
	b->u31 = (i * 12345) & 0x7fffffff;
	b->named = i & 0x1ff;
	b->whole = ~i;
}

static void known_tight(struct q_tight *t, uint64_t i)
{
	t->u3 = i & 7;
	t->s60 = i & 1 ? -(long)(i << 20) : (long)(i << 40);
	t->u17 = (i * 4099) & 0x1ffff;
	t->level = PICK(levels, i);
	t->u13 = i & 0x1fff;
	t->yes = i & 1;
	t->s32 = -(int)i;
	t->after = (unsigned char)i;
	t->odd = (unsigned int)(i * 3);
}

static void known_every(struct q_every *v, uint64_t i)
{
	v->s8 = (signed char)-i;
	v->u8 = (unsigned char)i;
	v->s16 = (short)(-i * 100);
	v->u16 = (unsigned short)(i * 100);
	v->s32 = -(int)(i * 100000);
	v->u32 = (unsigned int)i * 100000;
	v->s64 = -(long)(i * 10000000000);
	v->u64 = i * 10000000000;
	v->sll = INT64_MIN + (long long)i;
	v->ull = UINT64_MAX - i;
	v->s128 = -(__int128)i;
	v->u128 = (unsigned __int128)i << 70 | i;
	v->u128s[1] = i;
	v->yes = i & 1;
	v->flags[i % 3] = true;
	v->letter = (char)('a' + i % 26);
	snprintf(v->text, sizeof(v->text), "\"no\\ %llu\"", (unsigned long long)i % 100000);
	memset(v->octets, (int)i, sizeof(v->octets));
	v->small[1] = (signed char)(i % 128);
	v->color = PICK(colors, i);
	v->level = PICK(levels, i);
	v->tiny = PICK(tinies, i);
	v->brief = PICK(shorts, i);
	v->wide = PICK(wides, i);
	v->deep = PICK(deeps, i);
	v->colors[i % 3] = Q_GREEN;
	*(unsigned int *)&v->named = (unsigned int)i;
	*(unsigned int *)&v->names[i % 2] = 7;
	v->paint = PICK(colors, i + 1);
	v->point = (q_point_t){ (unsigned short)i, -(long)i };
	v->points[i % 3] = (struct q_point){ 1, (long)i };
	v->steps[1] = (q_step){ -1, 2 };
	v->matrix[1][2] = (short)i;
	known_bits(&v->bits, i);
	known_tight(&v->tight, i);
	v->low = (unsigned int)i;
	v->third = (unsigned short)(i * 3);
	v->fourth = (short)-i;
	v->either.as_level = PICK(levels, i + 1);
	v->nothing = (void *)(0xffff888000000000 + i);
	v->tagged = (int *)(8 * i);
	v->declared = (struct q_only_declared *)~i;
	v->pointers[1] = (void **)i;
	v->decorated = -1;
	v->n_tail = 4;
}

static void known_reals(struct q_reals *v, uint64_t i)
{
	v->single = (float)i / 3;
	v->full = -(double)i * 1e100 / 7;
	v->singles[i % 3] = 0.5f;
	v->z.re = (double)i;
	v->z.im = 1.0 / (double)(i + 1);
	v->number = (float)i;
	v->nine.u5 = i & 0x1f;
	v->nine.u64 = ~i * 0x9e3779b97f4a7c15ull;
	v->nine.s62 = -(long)i;
	v->nine.u5b = (i * 7) & 0x1f;
	v->n = (unsigned int)i;
}

static void known(enum quiet_values what, uint64_t i, void *value, size_t size)
{
	memset(value, 0, size);
	switch (what) {
	case QUIET_EVERY:
		known_every(value, i);
		break;
	case QUIET_REALS:
		known_reals(value, i);
		break;
	case QUIET_SMALL:
		*(struct q_small *)value = (struct q_small){ (unsigned int)i, (short)-i, PICK(tinies, i) };
		break;
	case QUIET_LONG:
		for (uint64_t word = i % 7; word < Q_LONG_WORDS; word += 7)
			((struct q_long *)value)->words[word] = word << 32 | i;
		((struct q_long *)value)->end = (q_step){ 1, -1 };
		break;
	case QUIET_INT:
		*(int *)value = -(int)i;
		break;
	case QUIET_UNTYPED:
		memset(value, (int)i, size / 2);
		break;
	}
}

void quiet_fill_value(const struct quiet_map *m, uint64_t seed, uint32_t i, uint32_t cpu, void *value, size_t size)
{
	if (i % 2 || m->keys == QUIET_SECTION)
		fill_noise(m->name, seed, i, cpu + 1, value, size);
	else
		known(m->values, i + 1000u * cpu, value, size);
}

static void known_key(uint32_t i, struct q_key *k)
{
	memset(k, 0, sizeof(*k));
	k->group = (unsigned short)i;
	snprintf(k->tag, sizeof(k->tag), "%c", (int)('a' + i % 26));
	k->tiny = PICK(tinies, i);
	k->level = PICK(levels, i);
	k->part = i & 0xfffff;
	k->rest = (i * 5) & 0xfff;
	k->at[0] = (struct q_point){ 5, -(long)i };
	k->end = (unsigned char)i;
}

void quiet_fill_key(const struct quiet_map *m, uint64_t seed, uint32_t i, void *key)
{
	struct q_key k;

	if (m->keys == QUIET_INDEX || m->keys == QUIET_SECTION) {
		memcpy(key, &i, sizeof(i));
	} else if (i % 2) {
		fill_noise(m->name, seed, i, 0, key, m->key_size);
	} else if (m->keys == QUIET_STRUCT) {
		known_key(i, &k);
		memcpy(key, &k, sizeof(k));
	} else {
		memset(key, 0, m->key_size);
		memcpy(key, &i, sizeof(i));
	}
}
