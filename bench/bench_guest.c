/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part in the guest: see bench_guest.h. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stillframe/guest.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "base/error.h"
#include "bench_guest.h"
#include "bench_maps.h"

#define SECOND UINT64_C(1000000000)
#define ANSWER_TIMEOUT (600 * SECOND)
#define BATCH 4096u
#define DUMP "/tmp/bench-dump"

/* ---- contents --------------------------------------------------------------------------------------------------- */

/* Keys come in no order, as process ids do not, and each once: the factor is odd. */
static uint32_t key_of(uint32_t i)
{
	return i * 2654435761u;
}

static uint64_t noise(uint64_t seed)
{
	seed = (seed + 1) * 0x9e3779b97f4a7c15ull;
	seed ^= seed >> 29;
	return seed * 0xbf58476d1ce4e5b9ull;
}

static void make_ctx(uint32_t i, struct bench_ctx *ret)
{
	uint64_t n = noise(i);

	*ret = (struct bench_ctx){
		.vtime = n >> 16,
		.slice_left = n % 5000000,
		.ran_at_ns = n >> 24,
		.weight = 1 + n % 10000,
		.last_cpu = (int32_t)(n >> 7 & 1),
		.wakeups = (uint32_t)(n >> 40),
		.class = n % 3,
		.flags = n & 0xff,
	};
}

static void make_task(uint32_t i, struct bench_task *ret)
{
	uint64_t n = noise(i);

	*ret = (struct bench_task){
		.run_time_ns = n >> 20,
		.vruntime_ns = n >> 16,
		.lag_to_avg = (int64_t)n >> 34,
		.task_weight = 1 + n % 10000,
		.wake_count = (uint32_t)(n >> 44),
		.nice_level = (int32_t)(n % 40) - 20,
		.last_state = (enum bench_state)(n % 3),
		.queue_slot = (uint16_t)n,
		.llc_number = n % 4,
		.is_pinned = n >> 11 & 1,
		.this_window = {
			.started_ns = n >> 21,
			.waited_ns = n >> 36,
			.drift_us = (int32_t)(n >> 8) / 4096,
			.n_preempt = n % 300,
			.was_idle = n >> 12 & 1,
		},
	};
	for (size_t j = 0; j < sizeof(ret->cpu_shares) / sizeof(ret->cpu_shares[0]); j++)
		ret->cpu_shares[j] = (uint32_t)(noise(n + j) >> 48);
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

struct batch {
	uint32_t keys[BATCH];
	union {
		struct bench_ctx ctx[BATCH];
		struct bench_task tasks[BATCH];
	} values;
};

static struct sf_error *fill(int fd, uint32_t n, bool tasks)
{
	struct batch *b = malloc(sizeof(*b));
	struct sf_error *err = NULL;

	if (!b)
		return sf_error_nomem();
	for (uint32_t at = 0; at < n && !err; at += BATCH) {
		uint32_t count = n - at < BATCH ? n - at : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			b->keys[i] = key_of(at + i);
			if (tasks)
				make_task(at + i, &b->values.tasks[i]);
			else
				make_ctx(at + i, &b->values.ctx[i]);
		}
		if (bpf_map_update_batch(fd, b->keys, &b->values, &count, NULL))
			err = sf_error_sys(errno, "entries from %u of a map of %u", at, n);
	}
	free(b);
	return err;
}

static void close_object(struct bpf_object **obj)
{
	bpf_object__close(*obj);
}

/* One of the object's maps, with @n entries; the other one is not made. */
static struct sf_error *open_map(const char *file, const char *name, uint32_t n, uint32_t flags,
				 struct bpf_object **ret_obj, int *ret_fd)
{
	__attribute__((cleanup(close_object))) struct bpf_object *obj = bpf_object__open_file(file, NULL);
	struct bpf_map *map;

	if (!obj)
		return sf_error_sys(errno, "%s", file);
	bpf_object__for_each_map(map, obj)
		bpf_map__set_autocreate(map, !strcmp(bpf_map__name(map), name));
	map = bpf_object__find_map_by_name(obj, name);
	if (!map || bpf_map__set_max_entries(map, n) || bpf_map__set_map_flags(map, flags) || bpf_object__load(obj))
		return sf_error_sys(errno, "map %s of %u entries", name, n);
	*ret_fd = bpf_map__fd(map);
	*ret_obj = obj;
	obj = NULL;
	return NULL;
}

/* ---- bpftool ---------------------------------------------------------------------------------------------------- */

/* Into a file in memory: a reader would need time as well. */
static int dump(const char *tool, const char *id)
{
	int status, fd = open(DUMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = fd < 0 ? -1 : fork();

	if (!pid) {
		dup2(fd, STDOUT_FILENO);
		execl(tool, tool, "-j", "map", "dump", "id", id, NULL);
		_exit(127);
	}
	if (fd >= 0)
		close(fd);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct sf_error *time_bpftool(struct sf_guest *guest, const char *tool, int map_fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	struct stat st;
	char id[16];

	if (bpf_map_get_info_by_fd(map_fd, &info, &len))
		return sf_error_sys(errno, "id of a map");
	snprintf(id, sizeof(id), "%u", info.id);
	/* Its own pages, and those of the libraries, come out of the archive that init was started from. */
	for (int i = 0; i < 2; i++) {
		uint64_t start = sf_guest_now_ns();
		int code = dump(tool, id);
		uint64_t took = sf_guest_now_ns() - start;

		if (code || stat(DUMP, &st))
			return sf_error_new(SF_SYSTEM, "%s map dump id %s gave %d", tool, id, code);
		SF_TRY(sf_guest_publish_u64(guest, BENCH_BPFTOOL_BYTES, (uint64_t)st.st_size));
		SF_TRY(sf_guest_publish_u64(guest, BENCH_BPFTOOL_NS, took));
	}
	unlink(DUMP);
	return NULL;
}

/* ---- stages ----------------------------------------------------------------------------------------------------- */

/* Returns when the host has seen enough. */
static struct sf_error *show(struct sf_guest *guest, const char *stage)
{
	return sf_guest_request_snapshot(guest, SF_SNAPSHOT_KIND_CAPTURE, stage, ANSWER_TIMEOUT);
}

static struct sf_error *tasks_stage(struct sf_guest *guest, const char *object, const char *tool)
{
	__attribute__((cleanup(close_object))) struct bpf_object *obj = NULL;
	int fd = -1;

	SF_TRY(open_map(object, "bench_tasks", BENCH_TASKS, 0, &obj, &fd));
	SF_TRY(fill(fd, BENCH_TASKS, true));
	SF_TRY(time_bpftool(guest, tool, fd));
	return show(guest, BENCH_TASKS_STAGE);
}

/* As the agent's own mixed load is. */
static struct sf_error *start_load(struct sf_guest *guest)
{
	unsigned int n = (unsigned int)get_nprocs();

	SF_TRY(sf_guest_workers(guest, SF_WORKER_SPIN, NULL, n, NULL));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_SLEEP, NULL, 2 * n, NULL));
	SF_TRY(sf_guest_workers(guest, SF_WORKER_PIPE, NULL, n, NULL));
	return sf_guest_workers(guest, SF_WORKER_FORK, NULL, 1, NULL);
}

/* The load would make filling a map several times longer, so that there is none meanwhile. */
static struct sf_error *hash_stage(struct sf_guest *guest, const char *object, const struct bench_stage *stage)
{
	__attribute__((cleanup(close_object))) struct bpf_object *obj = NULL;
	int fd = -1;

	if (stage->n_entries) {
		SF_TRY(open_map(object, "bench_ctx", stage->n_entries, stage->chained ? BPF_F_NO_PREALLOC : 0, &obj,
				&fd));
		SF_TRY(fill(fd, stage->n_entries, false));
	}
	SF_TRY(start_load(guest));
	sf_guest_hold(guest, SECOND / 5);
	SF_TRY(show(guest, stage->name));
	sf_guest_stop_workers(guest);
	return NULL;
}

static struct sf_error *all_stages(struct sf_guest *guest, const char *object, const char *tool)
{
	SF_TRY(tasks_stage(guest, object, tool));
	for (size_t i = 0; i < BENCH_N_STAGES; i++)
		SF_TRY(hash_stage(guest, object, &bench_stages[i]));
	return NULL;
}

int bench_guest(const char *object, const char *bpftool)
{
	SF_OWNED(guest) guest = NULL;
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);

	if (!err)
		err = all_stages(guest, object, bpftool);
	if (!err)
		return 0;
	if (guest)
		sf_error_free(sf_guest_check(guest, false, "%s", sf_error_message(err)));
	return 1;
}
