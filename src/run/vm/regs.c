/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "regs.h"

/*
 * The format (target/i386/cpu-dump.c, QEMU 7.2 to 11.0): a line "CPU#N" before each vCPU, then lines of "NAME=hex" with
 * one blank after short names ("R8 ="). Outside 64-bit code the general registers are "EAX=" to "EFL=", of 8 digits.
 * Segments are "CS =selector base limit attributes ...". Newer versions add registers (R16 to R31, opmasks, ZMM), which
 * are skipped like the FPU's; only CR4's and RFL's upper halves are never shown.
 */

enum shape { U64, SELECTOR, FLAG, SEGMENT_BASE };

struct field {
	char name[5];
	enum shape shape;
	uint16_t offset;
	uint8_t required; /* a bit of REQUIRED */
};

#define REQUIRED 0x1f
#define AT(member) offsetof(struct sf_vcpu_regs, member)

static const struct field fields[] = {
	{ "RAX", U64, AT(rax), 0 },
	{ "RBX", U64, AT(rbx), 0 },
	{ "RCX", U64, AT(rcx), 0 },
	{ "RDX", U64, AT(rdx), 0 },
	{ "RSI", U64, AT(rsi), 0 },
	{ "RDI", U64, AT(rdi), 0 },
	{ "RBP", U64, AT(rbp), 0 },
	{ "RSP", U64, AT(rsp), 1 },
	{ "R8", U64, AT(r8), 0 },
	{ "R9", U64, AT(r9), 0 },
	{ "R10", U64, AT(r10), 0 },
	{ "R11", U64, AT(r11), 0 },
	{ "R12", U64, AT(r12), 0 },
	{ "R13", U64, AT(r13), 0 },
	{ "R14", U64, AT(r14), 0 },
	{ "R15", U64, AT(r15), 0 },
	{ "RIP", U64, AT(rip), 2 },
	{ "RFL", U64, AT(rflags), 4 },
	{ "EAX", U64, AT(rax), 0 },
	{ "EBX", U64, AT(rbx), 0 },
	{ "ECX", U64, AT(rcx), 0 },
	{ "EDX", U64, AT(rdx), 0 },
	{ "ESI", U64, AT(rsi), 0 },
	{ "EDI", U64, AT(rdi), 0 },
	{ "EBP", U64, AT(rbp), 0 },
	{ "ESP", U64, AT(rsp), 1 },
	{ "EIP", U64, AT(rip), 2 },
	{ "EFL", U64, AT(rflags), 4 },
	{ "CPL", FLAG, AT(cpl), 0 },
	{ "HLT", FLAG, AT(halted), 0 },
	{ "CS", SELECTOR, AT(cs), 0 },
	{ "SS", SELECTOR, AT(ss), 0 },
	{ "DS", SELECTOR, AT(ds), 0 },
	{ "ES", SELECTOR, AT(es), 0 },
	{ "FS", SEGMENT_BASE, AT(fs_base), 0 },
	{ "GS", SEGMENT_BASE, AT(gs_base), 0 },
	{ "CR0", U64, AT(cr0), 8 },
	{ "CR2", U64, AT(cr2), 0 },
	{ "CR3", U64, AT(cr3), 16 },
	{ "CR4", U64, AT(cr4), 0 },
	{ "EFER", U64, AT(efer), 0 },
};

struct cursor {
	const char *p, *end;
};

static bool is_name(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool take_hex(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned int digits = 0;

	for (; c->p < c->end; c->p++, digits++) {
		char ch = *c->p;
		unsigned int d;

		if (ch >= '0' && ch <= '9')
			d = (unsigned int)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			d = (unsigned int)(ch - 'a') + 10;
		else
			break;
		if (digits == 16)
			return false;
		v = v << 4 | d;
	}
	if (!digits)
		return false;
	*ret = v;
	return true;
}

static const struct field *find_field(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == len && !memcmp(fields[i].name, name, len))
			return &fields[i];
	return NULL;
}

/* The value of @f, with the cursor behind "=". False: not one, so that the vCPU cannot be trusted. */
static bool take_value(struct cursor *c, const struct field *f, struct sf_vcpu_regs *regs)
{
	uint8_t *at = (uint8_t *)regs + f->offset;
	uint64_t v;

	if (!take_hex(c, &v))
		return false;
	switch (f->shape) {
	case U64:
		memcpy(at, &v, sizeof(v));
		return true;
	case SELECTOR:
		memcpy(at, &v, sizeof(v));
		return v <= UINT16_MAX;
	case FLAG:
		*at = (uint8_t)v;
		return v <= (f->offset == AT(cpl) ? 3 : 1);
	case SEGMENT_BASE:
		if (c->p == c->end || *c->p != ' ')
			return false;
		c->p++;
		if (!take_hex(c, &v))
			return false;
		memcpy(at, &v, sizeof(v));
		return true;
	}
	return false;
}

/* One vCPU's lines, [c->p, c->end). */
static bool parse_one(struct cursor *c, struct sf_vcpu_regs *ret)
{
	struct sf_vcpu_regs regs = { 0 };
	unsigned int seen = 0;
	bool at_word = true;

	while (c->p < c->end) {
		const char *name = c->p;

		if (!at_word || !is_name(*name)) {
			at_word = *name == ' ' || *name == '\n' || *name == '\r';
			c->p++;
			continue;
		}
		while (c->p < c->end && is_name(*c->p))
			c->p++;
		at_word = false;
		size_t len = (size_t)(c->p - name);

		if (c->end - c->p >= 2 && c->p[0] == ' ' && c->p[1] == '=')
			c->p++;
		if (c->p == c->end || *c->p != '=')
			continue;
		c->p++;
		const struct field *f = find_field(name, len);

		if (!f)
			continue;
		if (!take_value(c, f, &regs))
			return false;
		seen |= f->required;
	}
	if (seen != REQUIRED)
		return false;
	regs.present = true;
	*ret = regs;
	return true;
}

/* The number of a line "CPU#N" at @c, which is left behind it. */
static bool take_header(struct cursor *c, uint64_t *ret)
{
	uint64_t n = 0;
	const char *p = c->p + 4, *digits = p;

	if (c->end - c->p < 5 || memcmp(c->p, "CPU#", 4))
		return false;
	for (; p < c->end && *p >= '0' && *p <= '9' && p - digits < 6; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == digits || (p < c->end && *p != '\n' && *p != '\r'))
		return false;
	c->p = p;
	*ret = n;
	return true;
}

static bool next_line(struct cursor *c)
{
	const char *eol = memchr(c->p, '\n', (size_t)(c->end - c->p));

	c->p = eol ? eol + 1 : c->end;
	return c->p < c->end;
}

void sf_vcpu_regs_parse(const char *text, size_t len, struct sf_vcpu_regs *ret, size_t n)
{
	struct cursor c = { text, text + len };
	uint64_t cpu = 0, next = 0;
	_cleanup_free_ bool *taken = calloc(n ? n : 1, sizeof(*taken));

	memset(ret, 0, n * sizeof(*ret));
	if (!taken || !len)
		return;
	while (!take_header(&c, &cpu))
		if (!next_line(&c))
			return;
	for (bool more = true; more; cpu = next) {
		struct cursor one = { c.p, c.p };

		more = false;
		while (next_line(&c)) {
			one.end = c.p;
			if (take_header(&c, &next)) {
				more = true;
				break;
			}
		}
		if (!more)
			one.end = c.end;
		if (cpu >= n)
			continue;
		if (taken[cpu] || !parse_one(&one, &ret[cpu]))
			memset(&ret[cpu], 0, sizeof(ret[cpu]));
		taken[cpu] = true;
	}
}
