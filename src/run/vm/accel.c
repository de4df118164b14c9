/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "probe.h"

/*
 * /dev/kvm says little: on a nested host it may open, make a VM, and fail to emulate the first unusual instruction of a
 * stock kernel's boot stub. So the proof is a boot, and what came of it is worth remembering: one small file for each
 * (host boot, kernel file, QEMU).
 */

#define CACHE_FILE_MAX 65536
/* A guest that was only too slow, on a host that may have been busy, is tried again after that many seconds. */
#define SLOW_HOLDS 600

static uint64_t seconds_since_boot(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

const char *sf_accel_name(enum sf_accel accel)
{
	return accel == SF_ACCEL_AUTO ? "auto" : accel == SF_ACCEL_KVM ? "kvm" : "tcg";
}

void sf_accel_choice_clear(struct sf_accel_choice *choice)
{
	free(choice->why);
	choice->why = NULL;
}

/* False and a reason: there is nothing to try. */
static bool kvm_opens(char *why, size_t size)
{
	_cleanup_close_ int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		snprintf(why, size, "there is no /dev/kvm");
	else if (fd < 0)
		snprintf(why, size, "/dev/kvm: %s", strerror(errno));
	else if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		snprintf(why, size, "/dev/kvm speaks another version of its interface");
	else
		return true;
	return false;
}

/* What a verdict holds for. NULL: not to be told, so nothing is remembered. */
static char *cache_key(const struct sf_qemu *qemu, const char *kernel)
{
	_cleanup_free_ char *boot_id = NULL;
	struct sf_error *err;
	struct stat k, q;
	size_t len;

	err = sf_file_get("/proc/sys/kernel/random/boot_id", 64, &boot_id, &len);
	if (err || stat(kernel, &k) || stat(qemu->path, &q)) {
		sf_error_free(err);
		return NULL;
	}
	boot_id[strcspn(boot_id, "\n")] = '\0';
	return sf_asprintf("boot %s kernel %ju:%ju %jd bytes %jd.%09ld qemu %s %ju:%ju %jd.%09ld", boot_id,
			   (uintmax_t)k.st_dev, (uintmax_t)k.st_ino, (intmax_t)k.st_size, (intmax_t)k.st_mtim.tv_sec,
			   k.st_mtim.tv_nsec, qemu->version, (uintmax_t)q.st_dev, (uintmax_t)q.st_ino,
			   (intmax_t)q.st_mtim.tv_sec, q.st_mtim.tv_nsec);
}

static bool recall(const char *path, const char *key, bool *works, char *why, size_t size)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct sf_json *json = NULL;
	size_t len;
	struct sf_error *err = sf_file_get(path, CACHE_FILE_MAX, &text, &len);

	if (!err)
		err = sf_json_read(text, len, &json);
	sf_error_free(err);
	const struct sf_json_node *root = json ? sf_json_root(json) : NULL;

	if (!root || strcmp(sf_json_member_str(root, "key", ""), key) ||
	    sf_json_member_u64(root, "until", UINT64_MAX) < seconds_since_boot())
		return false;
	*works = sf_json_member_bool(root, "works", false);
	snprintf(why, size, "%s", sf_json_member_str(root, "why", ""));
	return true;
}

static void remember(const struct sf_logger *log, const char *path, const char *key, bool works, const char *why,
		     bool for_good)
{
	struct sf_json_buffer out = { 0 };
	struct sf_json_writer w;

	sf_json_writer_init(&w, sf_json_buffer_sink, &out, true);
	sf_json_begin_object(&w);
	sf_json_key(&w, "key");
	sf_json_str(&w, key);
	sf_json_key(&w, "works");
	sf_json_bool(&w, works);
	if (!for_good) {
		sf_json_key(&w, "until");
		sf_json_u64(&w, seconds_since_boot() + SLOW_HOLDS);
	}
	sf_json_key(&w, "why");
	sf_json_str(&w, why);
	sf_json_end_object(&w);
	if (sf_json_writer_finish(&w)) {
		struct sf_error *err = sf_file_put(path, out.text, out.len);

		if (err)
			sf_log(log, SF_LOG_WARN, "%s", sf_error_message(err));
		sf_error_free(err);
	}
	free(out.text);
}

/* Where verdicts are kept. A machine that cannot keep them has KVM all the same. */
static struct sf_error *cache_folder(char **ret)
{
	_cleanup_free_ char *cache = NULL, *dir = NULL;

	SF_TRY(sf_cache_dir(&cache));
	dir = sf_asprintf("%s/kvm", cache);
	if (!dir)
		return sf_error_nomem();
	SF_TRY(sf_mkdirs(dir));
	if (access(dir, W_OK | X_OK))
		return sf_error_sys(errno, "%s", dir);
	*ret = steal_ptr(&dir);
	return NULL;
}

static const char *temporary_folder(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && dir[0] == '/' ? dir : "/tmp";
}

static struct sf_error *prove(const struct sf_qemu *qemu, const char *kernel, const struct sf_logger *log,
			      bool (*stop)(void *arg), void *arg, bool *works, char *why, size_t size)
{
	_cleanup_free_ char *dir = NULL, *key = cache_key(qemu, kernel), *path = NULL;
	enum sf_probe_result result;
	char text[1024];
	SF_OWNED(error) no_cache = cache_folder(&dir);

	if (sf_error_code(no_cache) == SF_NO_MEMORY)
		return steal_ptr(&no_cache);
	if (no_cache)
		sf_log(log, SF_LOG_WARN, "whether KVM works will not be remembered: %s", sf_error_message(no_cache));
	else if (key)
		path = sf_asprintf("%s/%016" PRIx64 ".json", dir, sf_hash_bytes(key, strlen(key)));
	if (path && recall(path, key, works, why, size))
		return NULL;
	sf_log(log, SF_LOG_INFO, "trying whether this kernel boots under KVM");
	SF_TRY(sf_probe_boot(qemu, SF_ACCEL_KVM, kernel, dir ? dir : temporary_folder(), log, stop, arg, &result, text,
			     sizeof(text)));
	*works = result == SF_PROBE_BOOTED;
	if (*works)
		snprintf(why, size, "this kernel reached its init under KVM %s", text);
	else if (result == SF_PROBE_DIED)
		snprintf(why, size, "/dev/kvm opens, but this kernel died in it: %s", text);
	else
		snprintf(why, size, "/dev/kvm opens, but this kernel did not get far in it: %s", text);
	if (path)
		remember(log, path, key, *works, why, result != SF_PROBE_UNKNOWN);
	return NULL;
}

struct sf_error *sf_accel_choose(enum sf_accel want, const struct sf_qemu *qemu, const char *kernel,
				 const struct sf_logger *log, bool (*stop)(void *arg), void *arg,
				 struct sf_accel_choice *ret)
{
	struct sf_accel_choice choice = { .accel = want };
	bool works = false;
	char why[1200];

	if (want != SF_ACCEL_AUTO) {
		snprintf(why, sizeof(why), "asked for");
	} else {
		if (kvm_opens(why, sizeof(why)))
			SF_TRY(prove(qemu, kernel, log, stop, arg, &works, why, sizeof(why)));
		choice.accel = works ? SF_ACCEL_KVM : SF_ACCEL_TCG;
	}
	choice.why = sf_asprintf("%s: %s", sf_accel_name(choice.accel), why);
	if (!choice.why)
		return sf_error_nomem();
	*ret = choice;
	return NULL;
}
