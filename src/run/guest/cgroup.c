/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "guest/guest.h"

static bool safe_path(const char *path)
{
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (!len || (len == 1 && p[0] == '.') || (len == 2 && !strncmp(p, "..", 2)) || len > 255)
			return false;
		p += len;
		if (*p == '/' && !*++p)
			return false;
	}
	return true;
}

struct sf_error *sf_cgroup_path(const char *root, const char *cgroup, const char *file, char **ret)
{
	cgroup = cgroup ? cgroup : "";
	if (!safe_path(cgroup))
		return sf_error_new(SF_USAGE, "\"%s\" is no path of a cgroup: names between single slashes, no \".\" or \"..\"",
				    cgroup);
	if (file && (!*file || strchr(file, '/') || !safe_path(file)))
		return sf_error_new(SF_USAGE, "\"%s\" is no file of a cgroup", file);
	char *path = sf_asprintf("%s%s%s%s%s", root, *cgroup ? "/" : "", cgroup, file ? "/" : "", file ? file : "");

	if (!path)
		return sf_error_nomem();
	*ret = path;
	return NULL;
}

struct sf_error *sf_cgroup_create(const char *root, const char *cgroup)
{
	_cleanup_free_ char *path = NULL;

	SF_TRY(sf_cgroup_path(root, cgroup, NULL, &path));
	for (char *p = path + strlen(root); *p; p++) {
		if (p == path + strlen(root))
			continue;
		if (*p != '/')
			continue;
		*p = '\0';
		int err = mkdir(path, 0755) ? errno : 0;
		*p = '/';

		if (err && err != EEXIST)
			return sf_error_sys(err, "creating the cgroups above %s", path);
	}
	if (mkdir(path, 0755) && errno != EEXIST)
		return sf_error_sys(errno, "creating the cgroup %s", path);
	return NULL;
}

struct sf_error *sf_cgroup_write(const char *root, const char *cgroup, const char *file, const char *value)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	SF_TRY(sf_cgroup_path(root, cgroup, file, &path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return sf_error_sys(errno, "opening %s", path);
	/* One write: a control file takes its value whole or not at all. */
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		return sf_error_sys(errno, "writing \"%s\" to %s", value, path);
	return NULL;
}
