/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the maps of maps.bpf.c are made of: every kind of type that BTF has and that a map's value can have. Compiled
 * for BPF, where it becomes BTF, and for the host, where the compiler's own layout is what BTF is held against.
 */
#ifndef SF_TESTS_MAPS_H
#define SF_TESTS_MAPS_H

#ifdef __bpf__
#define Q_TYPE_TAG(tag) __attribute__((btf_type_tag(tag)))
#define Q_DECL_TAG(tag) __attribute__((btf_decl_tag(tag)))
#else
#define Q_TYPE_TAG(tag)
#define Q_DECL_TAG(tag)
#endif

/* ---- enums ------------------------------------------------------------------------------------------------------ */

enum q_color { Q_NONE, Q_RED, Q_GREEN, Q_BLUE = 7 };
enum q_level { Q_LOW = -3, Q_MIDDLE = 0, Q_HIGH = 5 };
enum __attribute__((packed)) q_tiny { Q_TINY_NONE, Q_TINY_ONE, Q_TINY_MOST = 200 };
enum __attribute__((packed)) q_short { Q_SHORT_LOW = -300, Q_SHORT_NONE = 0, Q_SHORT_HIGH = 300 };
enum q_wide { Q_WIDE_NONE, Q_WIDE_ONE, Q_WIDE_TOP = 1ull << 63 };
enum q_deep { Q_DEEP_BOTTOM = -(1ll << 40), Q_DEEP_NONE = 0, Q_DEEP_TOP = 1ll << 40 };

/* ---- chains of names -------------------------------------------------------------------------------------------- */

typedef unsigned int q_u32;
typedef const q_u32 q_const_u32;
typedef volatile q_const_u32 q_slow_u32;
typedef q_slow_u32 q_named, q_names[2];
typedef enum q_color q_paint;
typedef const q_paint *q_paints;

struct q_point {
	unsigned short x;
	long y;
};
typedef struct q_point q_point_t;
typedef struct {
	signed char dx, dy;
} q_step;
struct q_only_declared;

/* ---- bit fields ------------------------------------------------------------------------------------------------- */

struct q_bits {
	int s5 : 5;
	unsigned int u11 : 11;
	enum q_color color : 4;
	enum q_level level : 4;
	_Bool yes : 1;
	unsigned int : 3;
	unsigned long u37 : 37;
	long s63 : 63;
	unsigned int u31 : 31;
	q_u32 named : 9;
	unsigned long whole : 64;
};

/* These begin anywhere, and end in another word than they began in. */
struct __attribute__((packed)) q_tight {
	unsigned char u3 : 3;
	long s60 : 60;
	unsigned int u17 : 17;
	enum q_level level : 5;
	unsigned short u13 : 13;
	_Bool yes : 1;
	int s32 : 29;
	unsigned char after;
	unsigned int odd;
};

/* Nine bytes have a part of it. */
struct __attribute__((packed)) q_nine {
	unsigned char u5 : 5;
	unsigned long u64 : 64;
	long s62 : 62;
	unsigned char u5b : 5;
};

/* ---- values ----------------------------------------------------------------------------------------------------- */

struct q_every {
	signed char s8;
	unsigned char u8;
	short s16;
	unsigned short u16;
	int s32;
	unsigned int u32;
	long s64;
	unsigned long u64;
	long long sll;
	unsigned long long ull;
	__int128 s128;
	unsigned __int128 u128;
	unsigned __int128 u128s[2];
	_Bool yes;
	_Bool flags[3];
	char letter;
	char text[13];
	unsigned char octets[6];
	signed char small[3];
	enum q_color color;
	enum q_level level;
	enum q_tiny tiny;
	enum q_short brief;
	enum q_wide wide;
	enum q_deep deep;
	enum q_color colors[3];
	q_named named;
	q_names names;
	q_paint paint;
	q_point_t point;
	struct q_point points[3];
	q_step steps[2];
	short matrix[2][3];
	struct {} empty;
	struct q_bits bits;
	struct q_tight tight;
	union {
		unsigned long whole;
		struct {
			unsigned int low;
			union {
				int high;
				struct {
					unsigned short third;
					union {
						short fourth;
						unsigned char last[2];
					};
				};
			};
		};
	};
	union {
		enum q_level as_level;
		unsigned char as_bytes[4];
		struct {
			unsigned int as_bit : 1, as_rest : 31;
		};
	} either;
	void *nothing;
	int Q_TYPE_TAG("q_tag") *tagged;
	const char *const restrict restricted;
	struct q_only_declared *declared;
	int (*function)(struct q_point *, enum q_color);
	q_paints paints;
	void **pointers[2];
	int decorated Q_DECL_TAG("q_decl");
	unsigned int n_tail;
	unsigned char tail[];
};

/* What bpftool does not know. */
struct q_reals {
	float single;
	double full;
	float singles[3];
	struct {
		double re, im;
	} z;
	union {
		float number;
		unsigned int bits;
	};
	struct q_nine nine;
	unsigned int n;
};

struct q_small {
	unsigned int id;
	short step;
	enum q_tiny tiny;
};

struct q_key {
	unsigned short group;
	char tag[3];
	enum q_tiny tiny;
	enum q_level level;
	unsigned int part : 20, rest : 12;
	struct q_point at[1];
	unsigned char end;
};

/* Longer than a page: an element of a pool is in several. */
#define Q_LONG_WORDS 600
struct q_long {
	unsigned long words[Q_LONG_WORDS];
	q_step end;
};

#endif
