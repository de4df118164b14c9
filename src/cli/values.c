/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of options. Every refusal says what is allowed.
 */

#include <ctype.h>

#include "cli.h"

#define MIB (1ull << 20)
#define HOUR 3600000000000ull

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(units[i].name, name))
			return &units[i];
	return NULL;
}

/*
 * "12", "1.5" and a unit, exactly: digits beyond what the unit can hold are dropped. What is too large for 64 bits is the
 * largest number: every caller has a limit below it, and says so. false: no such number.
 */
static bool parse_number(const char *text, const struct unit *units, size_t n_units, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, scale = 1, value;
	const char *p = text;
	bool huge = false;

	for (; isdigit((unsigned char)*p); p++)
		if (huge || __builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			huge = true;
	if (p == text)
		return false;
	if (*p == '.') {
		const char *start = ++p;

		for (; isdigit((unsigned char)*p); p++)
			if (scale < 1000000000) {
				part = part * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
		if (p == start)
			return false;
	}
	const struct unit *u = find_unit(units, n_units, p);

	if (!u)
		return false;
	/* part < scale <= 1e9 and no unit is larger than 2^43, but their product may be. */
	if (huge || __builtin_mul_overflow(whole, u->factor, &value) ||
	    __builtin_add_overflow(value, (uint64_t)((unsigned __int128)part * u->factor / scale), &value))
		value = UINT64_MAX;
	*ret = value;
	return true;
}

struct sf_error *cli_time(const char *text, uint64_t max_ns, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
		{ "min", 60000000000 }, { "h", 3600000000000 },
	};
	char limit[CLI_NUMBER];
	uint64_t ns;

	if (!parse_number(text, units, ARRAY_SIZE(units), &ns))
		return sf_error_new(SF_USAGE, "it takes a number with a unit: 500ms, 2s, 1.5s, 3m");
	if (ns > max_ns)
		return max_ns % HOUR ? sf_error_new(SF_USAGE, "it takes at most %s", cli_put_time(limit, max_ns)) :
				       sf_error_new(SF_USAGE, "it takes at most %lluh", (unsigned long long)(max_ns / HOUR));
	*ret_ns = ns;
	return NULL;
}

struct sf_error *cli_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "M", MIB }, { "MiB", MIB }, { "MB", MIB }, { "G", 1024 * MIB }, { "GiB", 1024 * MIB },
		{ "GB", 1024 * MIB },
	};
	uint64_t bytes;

	if (!parse_number(text, units, ARRAY_SIZE(units), &bytes))
		return sf_error_new(SF_USAGE, "it takes a number with a unit, M or G: 512M, 1G, 1.5G");
	if (bytes < min || bytes > max)
		return sf_error_new(SF_USAGE, "it takes from %lluM to %lluG", (unsigned long long)(min / MIB),
				    (unsigned long long)(max / (1024 * MIB)));
	if (bytes % MIB)
		return sf_error_new(SF_USAGE, "it takes a multiple of 1M");
	*ret = bytes;
	return NULL;
}

struct sf_error *cli_count(const char *text, uint32_t max, uint32_t *ret)
{
	static const struct unit none[] = { { "", 1 } };
	uint64_t n;

	if (!parse_number(text, none, 1, &n) || strchr(text, '.') || !n || n > max)
		return sf_error_new(SF_USAGE, "it takes a number from 1 to %u", max);
	*ret = (uint32_t)n;
	return NULL;
}
