/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a kernel before it boots, and that what it lacks is named by its option. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <zlib.h>

#include "../../src/run/pack/kernel.h"
#include "base/file.h"
#include "base/text.h"

#define GOOD_CONFIG                                                                                                 \
	"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.18.15 Kernel Configuration\n#\n"                \
	"CONFIG_SCHED_CLASS_EXT=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_BPF_JIT=y\nCONFIG_DEBUG_INFO_BTF=y\n"                   \
	"CONFIG_KALLSYMS_ALL=y\nCONFIG_VMCORE_INFO=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_BINFMT_ELF=y\n"                   \
	"CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_DEVTMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_SYSFS=y\n"           \
	"CONFIG_CGROUPS=y\nCONFIG_UNIX=y\n"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sf-test-kernel-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return setenv("XDG_CACHE_HOME", dir, 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	unsetenv("XDG_CACHE_HOME");
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *in_dir(const char *name)
{
	char *path = sf_asprintf("%s/%s", dir, name);

	assert_non_null(path);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = in_dir(name), *folder = strndup(path, (size_t)(strrchr(path, '/') - path));

	assert_null(sf_mkdirs(folder));
	assert_null(sf_file_put(path, data, len));
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void assert_ok(struct sf_error *err)
{
	if (err)
		fail_msg("%s", sf_error_message(err));
}

/* SF_USAGE, and the message has each of the words up to NULL; after "!" it has none of them. */
static void assert_says(struct sf_error *err, ...)
{
	bool want = true;
	const char *word;
	va_list ap;

	if (!err)
		fail_msg("there was to be an error");
	assert_int_equal(sf_error_code(err), SF_USAGE);
	va_start(ap, err);
	while ((word = va_arg(ap, const char *))) {
		if (!strcmp(word, "!"))
			want = false;
		else if (!strstr(sf_error_message(err), word) == want)
			fail_msg("\"%s\" has %s\"%s\"", sf_error_message(err), want ? "no " : "", word);
	}
	va_end(ap);
	sf_error_free(err);
}

static void gzip(const void *data, size_t len, struct sf_text *ret)
{
	char out[65536];
	z_stream z = { .next_in = (unsigned char *)data, .avail_in = (unsigned int)len, .next_out = (unsigned char *)out,
		       .avail_out = sizeof(out) };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	sf_text_putn(ret, out, sizeof(out) - z.avail_out);
}

/* A bzImage of 6.18.15-test with this in it, up to @cut bytes less. */
static void put_bzimage(const char *name, const void *vmlinux, size_t len, size_t cut)
{
	_cleanup_text_ struct sf_text packed = { 0 };
	uint8_t head[5 * 512] = { 0 };
	uint32_t size;

	gzip(vmlinux, len, &packed);
	size = (uint32_t)(packed.n - cut);
	head[0x1f1] = 4;
	memcpy(head + 0x1f4, &(uint32_t){ size / 16 }, 4);
	memcpy(head + 0x1fe, "\x55\xaa\xeb\x66HdrS\x0f\x02", 10);
	memcpy(head + 0x20e, "\0\2", 2);
	head[0x236] = 1;
	memcpy(head + 0x24c, &size, 4);
	strcpy((char *)head + 0x400, "6.18.15-test (someone@somewhere) #1 SMP");
	_cleanup_text_ struct sf_text image = { 0 };

	sf_text_putn(&image, (const char *)head, sizeof(head));
	sf_text_putn(&image, packed.v, size);
	put(name, image.v, image.n);
}

/* What an unpacked kernel looks like to who only seeks names; the config goes where CONFIG_IKCONFIG puts it. */
static void make_vmlinux(struct sf_text *t, const char *names, size_t n_names, const char *config)
{
	char filler[1000];

	memset(filler, 'x', sizeof(filler));
	sf_text_putn(t, ELFMAG, SELFMAG);
	/* Longer than what is looked at at once, so that names lie across its borders. */
	for (int i = 0; i < 262; i++)
		sf_text_putn(t, filler, sizeof(filler));
	sf_text_putn(t, filler, 137);
	sf_text_putn(t, names, n_names);
	if (config) {
		sf_text_put(t, "IKCFG_ST");
		gzip(config, strlen(config), t);
		sf_text_put(t, "IKCFG_ED");
	}
	sf_text_putn(t, filler, sizeof(filler));
}

#define ALL_NAMES "\0sched_ext_ops\0virtio_pci_device\0ports_device\0.BTF\0"

static void put_kernel(const char *name, const char *names, size_t n, const char *config)
{
	_cleanup_text_ struct sf_text t = { 0 };

	make_vmlinux(&t, names, n, config);
	put_bzimage(name, t.v, t.n, 0);
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static void a_config_beside_the_image_is_asked(void **state)
{
	_cleanup_free_ char *a = in_dir("a/vmlinuz"), *b = in_dir("b/vmlinuz-6.18.15-test");

	(void)state;
	put_kernel("a/vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("a/config", GOOD_CONFIG);
	assert_ok(sf_pack_kernel_able(a, true));
	put_kernel("b/vmlinuz-6.18.15-test", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("b/config-6.18.15-test", "# Linux/x86 6.18.15 Kernel Configuration\nCONFIG_64BIT=y\n");
	assert_says(sf_pack_kernel_able(b, true), "6.18.15-test", "CONFIG_SCHED_CLASS_EXT (", "CONFIG_VIRTIO_CONSOLE (",
		    "CONFIG_KALLSYMS_ALL (", "b/config-6.18.15-test", NULL);
}

static char *without(const char *option, const char *instead)
{
	const char *at = strstr(GOOD_CONFIG, option);

	assert_non_null(at);
	return sf_asprintf("%.*s%s%s", (int)(at - GOOD_CONFIG), GOOD_CONFIG, instead, strchr(at, '\n') + 1);
}

static void an_option_that_is_missing_is_named_with_what_it_is_for(void **state)
{
	static const struct { const char *option, *why; } needed[] = {
		{ "CONFIG_DEBUG_INFO_BTF", "types" }, { "CONFIG_KALLSYMS_ALL", "variables" },
		{ "CONFIG_BLK_DEV_INITRD", "initramfs" }, { "CONFIG_VIRTIO_PCI", "device" },
		{ "CONFIG_VIRTIO_CONSOLE", "ports" }, { "CONFIG_DEVTMPFS", "/dev" }, { "CONFIG_CGROUPS", "cgroups" },
	};
	_cleanup_free_ char *path = in_dir("vmlinuz");

	(void)state;
	put_kernel("vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		_cleanup_free_ char *line = sf_asprintf("# %s is not set\n", needed[i].option);
		_cleanup_free_ char *config = without(needed[i].option, line);

		put_text("config", config);
		assert_says(sf_pack_kernel_able(path, false), needed[i].option, needed[i].why, "!", "SCHED_CLASS_EXT",
			    "baseline", NULL);
	}
}

static void a_module_is_not_enough(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinuz"), *config = without("CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_CONSOLE=m\n");

	(void)state;
	put_kernel("vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("config", config);
	assert_says(sf_pack_kernel_able(path, false), "CONFIG_VIRTIO_CONSOLE=y, and not =m", NULL);
}

static void an_option_under_its_older_name_is_enough(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinuz"), *config = without("CONFIG_VMCORE_INFO", "CONFIG_CRASH_CORE=y\n");

	(void)state;
	put_kernel("vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("config", config);
	assert_ok(sf_pack_kernel_able(path, true));
}

static void the_baseline_needs_no_sched_ext(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinuz"), *config = without("CONFIG_SCHED_CLASS_EXT", "");

	(void)state;
	put_kernel("vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("config", config);
	assert_ok(sf_pack_kernel_able(path, false));
	assert_says(sf_pack_kernel_able(path, true), "CONFIG_SCHED_CLASS_EXT", "--scheduler none", "!", "CONFIG_BPF_JIT", NULL);
	assert_int_equal(sf_kernel_sched_ext(path), SF_PACK_NO);
}

static void the_config_of_another_kernel_is_not_believed(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinuz");

	(void)state;
	put_kernel("vmlinuz", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("config", "# Linux/x86 6.1.9 Kernel Configuration\nCONFIG_64BIT=y\n");
	assert_ok(sf_pack_kernel_able(path, true));
	put_text("config", "this is about something else");
	assert_ok(sf_pack_kernel_able(path, true));
}

static void a_config_in_the_image_is_asked(void **state)
{
	_cleanup_free_ char *path = in_dir("x"), *config = without("CONFIG_KALLSYMS_ALL", "");

	(void)state;
	put_kernel("x", ALL_NAMES, sizeof(ALL_NAMES), config);
	assert_says(sf_pack_kernel_able(path, true), "CONFIG_KALLSYMS_ALL", "the image itself", "!", "CONFIG_BPF", NULL);
	/* And again, from what was remembered. */
	assert_says(sf_pack_kernel_able(path, true), "CONFIG_KALLSYMS_ALL", "the image itself", "!", "CONFIG_BPF", NULL);
	put_kernel("x", ALL_NAMES, sizeof(ALL_NAMES), GOOD_CONFIG);
	assert_ok(sf_pack_kernel_able(path, true));
}

static void names_in_the_image_bear_witness(void **state)
{
	static const char no_console[] = "\0sched_ext_ops\0virtio_pci_device\0.BTF\0my_ports_device\0";
	static const char no_btf[] = "\0sched_ext_ops\0virtio_pci_device\0ports_device\0.BTF.ext\0";
	_cleanup_free_ char *path = in_dir("x");

	(void)state;
	put_kernel("x", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	assert_ok(sf_pack_kernel_able(path, true));
	assert_int_equal(sf_kernel_sched_ext(path), SF_PACK_YES);
	put_kernel("x", no_console, sizeof(no_console), NULL);
	assert_says(sf_pack_kernel_able(path, true), "CONFIG_VIRTIO_CONSOLE", "!", "SCHED_CLASS_EXT", "KALLSYMS_ALL", NULL);
	put_kernel("x", no_btf, sizeof(no_btf), NULL);
	assert_says(sf_pack_kernel_able(path, false), "CONFIG_DEBUG_INFO_BTF", NULL);
}

static void what_cannot_be_told_is_no_reason_to_refuse(void **state)
{
	_cleanup_free_ char *path = in_dir("x");
	_cleanup_text_ struct sf_text t = { 0 };

	(void)state;
	make_vmlinux(&t, "", 0, NULL);
	put_bzimage("x", t.v, t.n, 100);
	assert_ok(sf_pack_kernel_able(path, true));
	put_bzimage("x", "no ELF file at all", 18, 0);
	assert_ok(sf_pack_kernel_able(path, true));
	assert_int_equal(sf_kernel_sched_ext(path), SF_PACK_UNKNOWN);
}

static void a_cache_that_cannot_be_written_hinders_nothing(void **state)
{
	_cleanup_free_ char *path = in_dir("x"), *file = in_dir("file");

	(void)state;
	put_kernel("x", "\0.BTF\0", 7, NULL);
	put_text("file", "");
	setenv("XDG_CACHE_HOME", file, 1);
	assert_says(sf_pack_kernel_able(path, true), "CONFIG_SCHED_CLASS_EXT", NULL);
}

/* ---- images ------------------------------------------------------------------------------------------------------- */

static void make_elf_kernel(struct sf_text *t, bool pvh, uint64_t beyond)
{
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr p[2];
		Elf64_Nhdr note;
		char note_name[4];
		uint32_t entry;
		char banner[64];
	} e = {
		.h = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr),
		       .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2 },
		.p = { { .p_type = PT_LOAD, .p_vaddr = 0xffffffff81000000, .p_paddr = 0x1000000 }, { .p_type = PT_NOTE } },
		.note = { .n_namesz = 4, .n_descsz = 4, .n_type = pvh ? 18 : 1 },
		.note_name = "Xen",
		.banner = "Linux version 6.18.15-elf (someone@somewhere) #1",
	};

	e.p[0].p_filesz = sizeof(e) + beyond;
	e.p[1].p_offset = offsetof(__typeof__(e), note);
	e.p[1].p_filesz = sizeof(e.note) + 8;
	sf_text_putn(t, (const char *)&e, sizeof(e));
}

static void put_elf_kernel(const char *name, bool pvh, uint64_t beyond)
{
	_cleanup_text_ struct sf_text t = { 0 };

	make_elf_kernel(&t, pvh, beyond);
	put(name, t.v, t.n);
}

static void put_packed_kernel(const char *name, bool pvh, size_t cut)
{
	_cleanup_text_ struct sf_text t = { 0 };

	make_elf_kernel(&t, pvh, 0);
	put_bzimage(name, t.v, t.n, cut);
}

static void a_vmlinux_boots_by_its_pvh_entry(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinux"), *release = NULL;

	(void)state;
	put_elf_kernel("vmlinux", true, 0);
	assert_ok(sf_kernel_check(path));
	release = sf_pack_kernel_release(path);
	assert_string_equal(release, "6.18.15-elf");
	put_elf_kernel("vmlinux", false, 0);
	assert_says(sf_kernel_check(path), "CONFIG_PVH", "bzImage", NULL);
	put_elf_kernel("vmlinux", true, 100000);
	assert_says(sf_kernel_check(path), "cut short", NULL);
}

static void assert_is_file(const char *path, const char *name)
{
	_cleanup_free_ char *expected = in_dir(name);

	assert_string_equal(path, expected);
	assert_int_equal(access(path, R_OK), 0);
}

static void assert_no_file(const char *name)
{
	_cleanup_free_ char *path = in_dir(name);

	assert_int_not_equal(access(path, F_OK), 0);
}

#define CACHED "stillframe/kernels/6.18.15-test/"

static void a_cached_kernel_is_unpacked_once(void **state)
{
	_cleanup_free_ char *path = in_dir(CACHED "vmlinuz"), *scratch = in_dir("scratch"), *first = NULL, *again = NULL;
	struct stat made, kept, packed;

	(void)state;
	put_packed_kernel(CACHED "vmlinuz", true, 0);
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &first));
	assert_is_file(first, CACHED "vmlinux.unpacked");
	assert_ok(sf_kernel_check(first));
	assert_int_equal(stat(first, &made), 0);
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &again));
	assert_string_equal(first, again);
	assert_int_equal(stat(again, &kept), 0);
	assert_int_equal(kept.st_ino, made.st_ino);
	assert_int_equal(stat(path, &packed), 0);
	assert_memory_equal(&kept.st_mtim, &packed.st_mtim, sizeof(packed.st_mtim));
	assert_no_file("scratch");
}

static void an_unpacked_kernel_of_another_time_is_made_anew(void **state)
{
	_cleanup_free_ char *path = in_dir(CACHED "vmlinuz"), *scratch = in_dir("scratch"), *image = NULL;

	(void)state;
	put_packed_kernel(CACHED "vmlinuz", true, 0);
	put_text(CACHED "vmlinux.unpacked", "of the kernel that was here before");
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &image));
	assert_is_file(image, CACHED "vmlinux.unpacked");
}

static void a_kernel_from_elsewhere_is_unpacked_where_it_is_asked_for(void **state)
{
	_cleanup_free_ char *path = in_dir("boot/vmlinuz"), *scratch = in_dir("scratch"), *image = NULL;

	(void)state;
	put_packed_kernel("boot/vmlinuz", true, 0);
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &image));
	assert_is_file(image, "scratch");
	assert_no_file("boot/vmlinux.unpacked");
}

static void a_cache_that_cannot_be_written_makes_it_elsewhere(void **state)
{
	_cleanup_free_ char *path = in_dir(CACHED "vmlinuz"), *scratch = in_dir("scratch"), *image = NULL;

	(void)state;
	put_packed_kernel(CACHED "vmlinuz", true, 0);
	/* Nobody replaces a directory by a file. */
	put_text(CACHED "vmlinux.unpacked/x", "");
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &image));
	assert_is_file(image, "scratch");
}

static void what_is_not_packed_is_itself(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinux"), *scratch = in_dir("scratch"), *image = NULL;

	(void)state;
	put_elf_kernel("vmlinux", true, 0);
	assert_ok(sf_pack_kernel_unpacked(path, scratch, &image));
	assert_string_equal(image, path);
	assert_no_file("scratch");
}

static void what_cannot_be_unpacked_or_entered_says_why(void **state)
{
	_cleanup_free_ char *path = in_dir("vmlinuz"), *scratch = in_dir("scratch"), *image = NULL;

	(void)state;
	put_packed_kernel("vmlinuz", false, 0);
	assert_says(sf_pack_kernel_unpacked(path, scratch, &image), "CONFIG_PVH", NULL);
	put_packed_kernel("vmlinuz", true, 40);
	assert_says(sf_pack_kernel_unpacked(path, scratch, &image), "damaged", NULL);
	assert_no_file("scratch");
	put_bzimage("vmlinuz", "no ELF file at all", 18, 0);
	assert_says(sf_pack_kernel_unpacked(path, scratch, &image), "is no kernel", NULL);
	assert_null(image);
}

static void an_image_for_arm_is_called_so(void **state)
{
	_cleanup_free_ char *path = in_dir("Image");
	char image[4096] = "MZ";

	(void)state;
	memcpy(image + 56, "ARM\x64", 4);
	put("Image", image, sizeof(image));
	assert_says(sf_kernel_check(path), "arm64", NULL);
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static void releases_are_in_the_order_of_time(void **state)
{
	static const char *const order[] = { "5.19.1", "6.9.3-cloud", "6.18-rc1", "6.18~rc2", "6.18", "6.18.2-a", "6.18.15-a",
					     "6.18.15-b", "7.0.1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
			int got = sf_pack_kernel_compare(order[i], order[j]);

			/* Both kinds of candidate are before the release; which of the two is first does not matter. */
			if ((got < 0) != (i < j) && !(strstr(order[i], "rc") && strstr(order[j], "rc")))
				fail_msg("%s and %s: %d", order[i], order[j], got);
		}
	assert_int_equal(sf_pack_kernel_compare("6.18", "6.18"), 0);
}

static void a_machine_has_kernels_in_boot_and_beside_its_modules(void **state)
{
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 };
	_cleanup_free_ char *path = NULL, *none = NULL;

	(void)state;
	put_text("boot/vmlinuz-5.10.0-9-generic", "not looked at for its name");
	put_kernel("boot/vmlinuz-named-otherwise", ALL_NAMES, sizeof(ALL_NAMES), NULL);
	put_text("boot/initrd.img-5.10.0-9-generic", "");
	put_text("usr/lib/modules/6.9.1/vmlinuz", "");
	put_text("usr/lib/modules/5.10.0-9-generic/vmlinuz", "");
	put_text("usr/lib/modules/6.1.2/modules.dep", "");
	assert_ok(sf_kernels_of_host(dir, &files));
	assert_int_equal(files.n, 3);
	assert_string_equal(files.v[0].release, "6.18.15-test");
	assert_string_equal(files.v[1].release, "6.9.1");
	assert_string_equal(files.v[2].release, "5.10.0-9-generic");
	assert_ok(sf_kernel_of_host(dir, "6.9.1", &path));
	assert_non_null(strstr(path, "usr/lib/modules/6.9.1/vmlinuz"));
	assert_ok(sf_kernel_of_host(dir, "6.9", &none));
	assert_null(none);
}

static void a_machine_without_kernels_has_none(void **state)
{
	_cleanup_(sf_kernel_files_clear) struct sf_kernel_files files = { 0 };

	(void)state;
	assert_ok(sf_kernels_of_host(dir, &files));
	assert_int_equal(files.n, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_config_beside_the_image_is_asked),
		test(an_option_that_is_missing_is_named_with_what_it_is_for),
		test(a_module_is_not_enough),
		test(an_option_under_its_older_name_is_enough),
		test(the_baseline_needs_no_sched_ext),
		test(the_config_of_another_kernel_is_not_believed),
		test(a_config_in_the_image_is_asked),
		test(names_in_the_image_bear_witness),
		test(what_cannot_be_told_is_no_reason_to_refuse),
		test(a_cache_that_cannot_be_written_hinders_nothing),
		test(a_vmlinux_boots_by_its_pvh_entry),
		test(a_cached_kernel_is_unpacked_once),
		test(an_unpacked_kernel_of_another_time_is_made_anew),
		test(a_kernel_from_elsewhere_is_unpacked_where_it_is_asked_for),
		test(a_cache_that_cannot_be_written_makes_it_elsewhere),
		test(what_is_not_packed_is_itself),
		test(what_cannot_be_unpacked_or_entered_says_why),
		test(an_image_for_arm_is_called_so),
		test(releases_are_in_the_order_of_time),
		test(a_machine_has_kernels_in_boot_and_beside_its_modules),
		test(a_machine_without_kernels_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
