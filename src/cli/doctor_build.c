/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scheduler is built with. A run needs none of it: nothing here stands in its way.
 */

#include "base/file.h"
#include "doctor.h"
#include "pack/child.h"

/* tools/bpf-build and tools/setup ask for these. */
#define CLANG_MAJOR 19
#define CLANG_NEWEST 30
#define BPFTOOL_MAJOR 7
#define BPFTOOL_MINOR 5
#define LIBBPF_MAJOR 1
#define LIBBPF_MINOR 4
#define LIBBPF_HEADER "/bpf/libbpf_version.h"
#define SETUP "tools/setup of the source tree brings what Debian 12 has not"

static char *in_cache(const char *path)
{
	_cleanup_free_ char *cache = NULL;
	SF_OWNED(error) err = sf_cache_dir(&cache);

	return err ? NULL : sf_asprintf("%s/%s", cache, path);
}

/* ---- clang -------------------------------------------------------------------------------------------------------- */

/* false: no clang. */
static bool clang_version(const char *program, unsigned int *major, char version[64])
{
	_cleanup_free_ char *text = doctor_ask((const char *const[]){ program, "--version", NULL });
	const char *at = text ? strstr(text, "clang version ") : NULL;

	return at && sscanf(at, "clang version %63s", version) == 1 && sscanf(version, "%u", major) == 1;
}

/* The newest one; names with a version first, so that no more than two are executed. */
static bool find_clang(char program[64], unsigned int *major, char version[64])
{
	const char *named = getenv("CLANG");
	char other_version[64];
	unsigned int other;
	bool found = false;

	if (named && named[0] && strlen(named) < 64 && clang_version(named, major, version)) {
		strcpy(program, named);
		return true;
	}
	for (int n = CLANG_NEWEST; n >= CLANG_MAJOR && !found; n--) {
		_cleanup_free_ char *path = NULL;

		snprintf(program, 64, "clang-%d", n);
		SF_OWNED(error) err = sf_find_program(program, &path);

		found = !err && path && clang_version(program, major, version);
	}
	if (clang_version("clang", &other, other_version) && (!found || other > *major)) {
		strcpy(program, "clang");
		strcpy(version, other_version);
		*major = other;
		found = true;
	}
	return found;
}

static void check_clang(struct doctor *d)
{
	static const char remedy[] = "install clang 19 or newer (Debian: clang-19); $CLANG can name it";
	char program[64], version[64];
	unsigned int major;

	if (!find_clang(program, &major, version)) {
		doctor_found(d, "clang", FOUND_NO, false, remedy, "there is none in PATH; BPF schedulers are built with it");
		return;
	}
	if (major < CLANG_MAJOR) {
		doctor_found(d, "clang", FOUND_NO, false, remedy, "%s is %s; schedulers are built with 19 or newer", program,
			     version);
		return;
	}
	_cleanup_free_ char *targets = doctor_ask((const char *const[]){ program, "--print-targets", NULL });

	if (targets && strstr(targets, " bpf "))
		doctor_found(d, "clang", FOUND_OK, false, NULL, "%s, which is %s and can make BPF", program, version);
	else
		doctor_found(d, "clang", FOUND_NO, false, remedy, "%s (%s) was built without its BPF target", program, version);
}

/* ---- bpftool and libbpf --------------------------------------------------------------------------------------------- */

static bool is_at_least(unsigned int major, unsigned int minor, unsigned int want_major, unsigned int want_minor)
{
	return major > want_major || (major == want_major && minor >= want_minor);
}

static void check_bpftool(struct doctor *d)
{
	_cleanup_free_ char *ours = in_cache("deps/usr/sbin/bpftool");
	const char *const places[] = { ours ? ours : "", "bpftool", "/usr/sbin/bpftool", "/sbin/bpftool" };
	unsigned int major = 0, minor = 0;
	_cleanup_free_ char *old = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *text = places[i][0] ? doctor_ask((const char *const[]){ places[i], "version", NULL }) : NULL;
		const char *at = text ? strstr(text, "bpftool v") : NULL;

		if (!at || sscanf(at, "bpftool v%u.%u", &major, &minor) != 2)
			continue;
		if (is_at_least(major, minor, BPFTOOL_MAJOR, BPFTOOL_MINOR)) {
			doctor_found(d, "bpftool", FOUND_OK, false, NULL, "%u.%u, %s", major, minor, places[i]);
			return;
		}
		free(old);
		old = sf_asprintf("%s is %u.%u; 7.5 or newer writes the types of newer kernels", places[i], major, minor);
	}
	doctor_found(d, "bpftool", FOUND_NO, false, SETUP, "%s", old ? old : "there is none; vmlinux.h is made with it");
}

static bool libbpf_version(const char *header, unsigned int *major, unsigned int *minor)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	SF_OWNED(error) err = sf_file_get(header, 65536, &text, &len);
	const char *a = err ? NULL : strstr(text, "LIBBPF_MAJOR_VERSION "), *b = a ? strstr(a, "LIBBPF_MINOR_VERSION ") : NULL;

	return b && sscanf(a, "LIBBPF_MAJOR_VERSION %u", major) == 1 && sscanf(b, "LIBBPF_MINOR_VERSION %u", minor) == 1;
}

static void check_libbpf(struct doctor *d)
{
	_cleanup_free_ char *ours = in_cache("deps/usr/include" LIBBPF_HEADER), *old = NULL;
	const char *const places[] = { ours, "/usr/local/include" LIBBPF_HEADER, "/usr/include" LIBBPF_HEADER };
	unsigned int major, minor;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!places[i] || !libbpf_version(places[i], &major, &minor))
			continue;
		int folder = (int)(strlen(places[i]) - strlen(LIBBPF_HEADER));

		if (is_at_least(major, minor, LIBBPF_MAJOR, LIBBPF_MINOR)) {
			doctor_found(d, "libbpf", FOUND_OK, false, NULL, "%u.%u, in %.*s", major, minor, folder, places[i]);
			return;
		}
		free(old);
		old = sf_asprintf("that in %.*s is %u.%u; 1.4 or newer is needed", folder, places[i], major, minor);
	}
	doctor_found(d, "libbpf", FOUND_NO, false, SETUP, "%s",
		     old ? old : "its headers are not here; schedulers and the guest's agent are built with them");
}

void doctor_check_build(struct doctor *d)
{
	check_clang(d);
	check_bpftool(d);
	check_libbpf(d);
}
