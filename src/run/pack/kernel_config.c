/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which options a kernel was built with, and which a run needs. What is known of an image after it was unpacked and
 * looked through is worth remembering: one small file in the cache for each image.
 */

#include <inttypes.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "kernel.h"

#define MAX_CONFIG ((size_t)4 << 20)
#define MAX_INFO 65536
#define CACHE_VERSION "1"

/*
 * What the guest lives on. Nothing loads modules in it before it can talk to us, so all of it is built in. A witness is a
 * name that is in the image when the option is: of a section, or of a type in its BTF, which describes only what is built
 * in.
 */
static const struct option {
	const char *name, *or_else; /* without CONFIG_; or_else is what older kernels call it */
	const char *why;
	const char *witness;
	bool for_scheduler;      /* needed only where a BPF scheduler is to be attached */
} options[] = {
	{ "SCHED_CLASS_EXT", NULL, "sched_ext, the class of schedulers in BPF", "sched_ext_ops", true },
	{ "BPF_SYSCALL", NULL, "to load a scheduler", NULL, true },
	{ "BPF_JIT", NULL, "to run a scheduler", NULL, true },
	{ "DEBUG_INFO_BTF", NULL, "the kernel's own account of its types, by which its memory is read", ".BTF", false },
	{ "KALLSYMS_ALL", NULL, "the addresses of the kernel's variables", NULL, false },
	{ "VMCORE_INFO", "CRASH_CORE", "where the kernel lies in its memory", NULL, false },
	{ "BLK_DEV_INITRD", NULL, "the initramfs, which holds all that the guest runs", NULL, false },
	{ "BINFMT_ELF", NULL, "to execute programs", NULL, false },
	{ "VIRTIO_PCI", NULL, "the device that the guest talks to us through", "virtio_pci_device", false },
	{ "VIRTIO_CONSOLE", NULL, "the ports that the guest talks to us through", "ports_device", false },
	{ "DEVTMPFS", NULL, "/dev in the guest", NULL, false },
	{ "PROC_FS", NULL, "/proc in the guest", NULL, false },
	{ "SYSFS", NULL, "/sys in the guest", NULL, false },
	{ "CGROUPS", NULL, "cgroups in the guest", NULL, false },
	{ "UNIX", NULL, "sockets between the programs in the guest", NULL, false },
};

#define N_OPTIONS ARRAY_SIZE(options)

struct facts {
	char *config;                        /* NULL: not known */
	char *config_from;                   /* where it is from */
	enum sf_pack_known seen[N_OPTIONS];  /* witnesses; where there is no config */
	char *release;
};

static void facts_clear(struct facts *f)
{
	free(f->config);
	free(f->config_from);
	free(f->release);
}

/* ---- a config ----------------------------------------------------------------------------------------------------- */

/* 'y', 'm', or 'n' for what is not set or not mentioned. */
static char value_of(const char *config, const char *option)
{
	size_t n = strlen(option);

	for (const char *line = config; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, "CONFIG_", 7) && !strncmp(line + 7, option, n) && line[7 + n] == '=')
			return line[7 + n + 1] == 'm' ? 'm' : 'y';
	return 'n';
}

/*
 * "# Linux/x86 6.18.15 Kernel Configuration" (scripts/kconfig/confdata.c): of a kernel of that version, and not of
 * another that was built in the same folder?
 */
static bool is_config_of(const char *config, const char *release)
{
	const char *at = strstr(config, "# Linux/"), *version = at ? strchr(at, ' ') : NULL;

	version = version ? strchr(version + 1, ' ') : NULL;
	if (!strstr(config, "\nCONFIG_") || !version++)
		return false;
	return !release || !strncmp(release, version, strcspn(version, " \n"));
}

/* Beside `vmlinuz-X` there may be `config-X`, beside anything `config`. */
static void read_config_beside(const char *path, struct facts *f)
{
	static const char *const images[] = { "vmlinuz-", "vmlinux-", "bzImage-", "kernel-" };
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *release = sf_kernel_header_release(path), *config = NULL, *text = NULL;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(images) && !config; i++)
		if (!strncmp(name, images[i], strlen(images[i])))
			config = sf_asprintf("%.*sconfig-%s", (int)(name - path), path, name + strlen(images[i]));
	if (!config || access(config, R_OK)) {
		free(config);
		config = sf_asprintf("%.*sconfig", (int)(name - path), path);
	}
	SF_OWNED(error) err = config ? sf_file_get(config, MAX_CONFIG, &text, &len) : sf_error_nomem();

	if (err || !is_config_of(text, release))
		return;
	f->config = steal_ptr(&text);
	f->config_from = steal_ptr(&config);
}

/* ---- what the image shows ----------------------------------------------------------------------------------------- */

static enum sf_pack_known known_of(const char *word)
{
	return !strncmp(word, "yes", 3) ? SF_PACK_YES : !strncmp(word, "no", 2) ? SF_PACK_NO : SF_PACK_UNKNOWN;
}

static const char *line_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, key, n) && line[n] == '=')
			return line + n + 1;
	return NULL;
}

/* What the script wrote down when it fetched the kernel. */
static bool read_info(const char *path, struct facts *f)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *info = slash ? sf_asprintf("%.*s/info", (int)(slash - path), path) : NULL, *text = NULL;
	size_t len;
	SF_OWNED(error) err = info ? sf_file_get(info, MAX_INFO, &text, &len) : sf_error_nomem();
	const char *sched_ext = err ? NULL : line_of(text, "sched_ext"), *btf = err ? NULL : line_of(text, "btf");

	if (!sched_ext || !btf)
		return false;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!strcmp(options[i].name, "SCHED_CLASS_EXT"))
			f->seen[i] = known_of(sched_ext);
		else if (!strcmp(options[i].name, "DEBUG_INFO_BTF"))
			f->seen[i] = known_of(btf);
	}
	return true;
}

/* Where it is remembered, and for which file it holds. */
static struct sf_error *place_of(const char *path, char **ret_file, char **ret_key)
{
	_cleanup_free_ char *cache = NULL, *key = NULL;
	struct stat st;

	if (stat(path, &st))
		return sf_error_sys(errno, "%s", path);
	SF_TRY(sf_cache_dir(&cache));
	key = sf_asprintf(CACHE_VERSION " %ju:%ju %jd %jd.%09ld", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
			  (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (!key)
		return sf_error_nomem();
	*ret_file = sf_asprintf("%s/kernel-facts/%016" PRIx64, cache, sf_hash_bytes(key, strlen(key)));
	if (!*ret_file)
		return sf_error_nomem();
	*ret_key = steal_ptr(&key);
	return NULL;
}

/* The key, a line for each thing that is known, an empty one, and the config if there is one. */
static void remember(const char *file, const char *key, const struct facts *f)
{
	static const char *const words[] = { "unknown", "no", "yes" };
	_cleanup_free_ char *dir = strndup(file, (size_t)(strrchr(file, '/') - file));
	_cleanup_text_ struct sf_text t = { 0 };

	sf_text_putf(&t, "key=%s\n", key);
	if (f->release)
		sf_text_putf(&t, "release=%s\n", f->release);
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].witness)
			sf_text_putf(&t, "%s=%s\n", options[i].name, words[f->seen[i]]);
	sf_text_putf(&t, "\n%s", f->config ? f->config : "");
	SF_OWNED(error) err = !dir || t.failed ? sf_error_nomem() : sf_mkdirs(dir);

	if (!err)
		err = sf_file_put(file, t.v, t.n);
}

static bool recall(const char *file, const char *key, struct facts *f)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	SF_OWNED(error) err = sf_file_get(file, MAX_CONFIG + MAX_INFO, &text, &len);
	char *end = err ? NULL : strstr(text, "\n\n");

	if (!end)
		return false;
	end[1] = '\0';
	const char *of = line_of(text, "key"), *release = line_of(text, "release");

	if (!of || strncmp(of, key, strlen(key)) || of[strlen(key)] != '\n')
		return false;
	for (size_t i = 0; i < N_OPTIONS; i++)
		f->seen[i] = line_of(text, options[i].name) ? known_of(line_of(text, options[i].name)) : SF_PACK_UNKNOWN;
	f->release = release ? strndup(release, strcspn(release, "\n")) : NULL;
	f->config = end[2] ? strdup(end + 2) : NULL;
	return true;
}

static struct sf_error *look_through(const char *path, struct facts *f)
{
	_cleanup_seen_ struct sf_kernel_seen seen = { 0 };
	struct sf_kernel_needle needles[N_OPTIONS];
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].witness)
			needles[n++] = (struct sf_kernel_needle){ .name = options[i].witness };
	SF_TRY(sf_kernel_scan(path, needles, n, &seen));
	/* Without BTF nothing bears witness but the name of its section. */
	bool btf = false;

	for (size_t i = 0; i < n; i++)
		btf = btf || (needles[i].found && !strcmp(needles[i].name, ".BTF"));
	for (size_t i = 0, j = 0; i < N_OPTIONS; i++) {
		if (!options[i].witness)
			continue;
		f->seen[i] = needles[j].found ? SF_PACK_YES :
			     seen.complete && (btf || !strcmp(options[i].witness, ".BTF")) ? SF_PACK_NO : SF_PACK_UNKNOWN;
		j++;
	}
	f->config = steal_ptr(&seen.config);
	f->release = steal_ptr(&seen.release);
	return NULL;
}

/* From the image itself, which takes a while. */
static struct sf_error *read_image(const char *path, struct facts *f)
{
	_cleanup_free_ char *file = NULL, *key = NULL;

	/* Without a place it is looked through each time. */
	sf_error_free(place_of(path, &file, &key));
	if (!file || !key || !recall(file, key, f)) {
		SF_TRY(look_through(path, f));
		if (file && key)
			remember(file, key, f);
	}
	if (f->config)
		f->config_from = strdup("the image itself");
	return NULL;
}

/* ---- together ------------------------------------------------------------------------------------------------------- */

static struct sf_error *facts_of(const char *path, struct facts *f)
{
	read_config_beside(path, f);
	if (f->config || read_info(path, f))
		return NULL;
	return read_image(path, f);
}

static void put_missing(struct sf_text *t, size_t *n, const struct option *o, const char *more)
{
	sf_text_putf(t, "%sCONFIG_%s%s (%s)", (*n)++ ? ", " : "", o->name, more, o->why);
}

static void check(struct sf_text *missing, size_t *n, const struct facts *f, size_t i)
{
	const struct option *o = &options[i];

	if (!f->config) {
		if (f->seen[i] == SF_PACK_NO)
			put_missing(missing, n, o, "");
		return;
	}
	char value = value_of(f->config, o->name);

	if (value == 'n' && o->or_else)
		value = value_of(f->config, o->or_else);
	if (value != 'y')
		put_missing(missing, n, o, value == 'm' ? "=y, and not =m" : "");
}

struct sf_error *sf_pack_kernel_able(const char *path, bool scheduler)
{
	_cleanup_(facts_clear) struct facts f = { 0 };
	_cleanup_text_ struct sf_text missing = { 0 };
	_cleanup_free_ char *release = NULL, *text = NULL;
	size_t for_all = 0, n;

	SF_TRY(facts_of(path, &f));
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (!options[i].for_scheduler)
			check(&missing, &for_all, &f, i);
	n = for_all;
	for (size_t i = 0; i < N_OPTIONS && scheduler; i++)
		if (options[i].for_scheduler)
			check(&missing, &n, &f, i);
	if (!n)
		return NULL;
	text = sf_text_take(&missing);
	release = sf_pack_kernel_release(path);
	return sf_error_new(SF_USAGE, "the kernel %s (%s) was built without %s; so %s says%s", release ? release : "", path,
			    text ? text : "what it needs", f.config_from ? f.config_from : "the image itself",
			    for_all ? "" : ". The baseline, --scheduler none, needs none of it");
}

enum sf_pack_known sf_kernel_sched_ext(const char *path)
{
	_cleanup_(facts_clear) struct facts f = { 0 };
	SF_OWNED(error) err = facts_of(path, &f);

	if (err)
		return SF_PACK_UNKNOWN;
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (!strcmp(options[i].name, "SCHED_CLASS_EXT"))
			return !f.config ? f.seen[i] : value_of(f.config, options[i].name) == 'y' ? SF_PACK_YES : SF_PACK_NO;
	return SF_PACK_UNKNOWN;
}

char *sf_pack_kernel_release(const char *path)
{
	_cleanup_(facts_clear) struct facts f = { 0 };
	_cleanup_elf_ struct sf_elf elf = { 0 };
	char *release = sf_kernel_header_release(path);

	if (release)
		return release;
	SF_OWNED(error) err = sf_elf_read(path, &elf);

	if (!err && elf.has_pvh)
		err = read_image(path, &f);
	return steal_ptr(&f.release);
}
