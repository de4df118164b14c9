/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program in a guest uses, as far as it works without one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "guest/guest.h"
#include "wire/message.h"

#define SECOND 1000000000ull

/* The other end of the socket: PID 1, as far as a test needs it. */
struct world {
	char root[64]; /* instead of /sys/fs/cgroup */
	int pid1, theirs;
	uint32_t status; /* of every reply */
	const char *reason;
	struct sf_guest *guest;
};

static struct sf_error *connect_world(void *arg, int *ret_fd)
{
	struct world *w = arg;

	if (w->theirs < 0)
		return sf_error_new(SF_TRANSPORT, "only one connection is to be had");
	*ret_fd = steal_fd(&w->theirs);
	return NULL;
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sf_logger silent = { 0 };
	int fds[2];

	if (!w || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -1;
	w->pid1 = fds[0];
	w->theirs = fds[1];
	strcpy(w->root, "/tmp/sf-test-guest-XXXXXX");
	if (!mkdtemp(w->root) || sf_guest_new(connect_world, w, silent, w->root, &w->guest))
		return -1;
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int close_world(void **state)
{
	struct world *w = *state;

	sf_guest_free(w->guest);
	close(w->pid1);
	if (w->theirs >= 0)
		close(w->theirs);
	nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void *reply_once(void *arg)
{
	struct world *w = arg;
	uint8_t in[SF_WIRE_HEADER + SF_WIRE_REQUEST], out[SF_WIRE_HEADER + SF_WIRE_REPLY];

	if (recv(w->pid1, in, sizeof(in), MSG_WAITALL) != sizeof(in))
		return NULL;
	sf_wire_reply_encode(out + SF_WIRE_HEADER, sf_load32(in + SF_WIRE_HEADER), w->status, w->reason);
	sf_wire_header_encode(out, sf_load32(in) == SF_WIRE_SNRQ ? SF_WIRE_SNRP : SF_WIRE_WTRP, out + SF_WIRE_HEADER,
			      SF_WIRE_REPLY);
	if (write(w->pid1, out, sizeof(out)) != sizeof(out))
		abort();
	return NULL;
}

static void heard(struct world *w, struct sf_wire_message *ret)
{
	uint8_t header[SF_WIRE_HEADER], payload[4096];

	assert_int_equal(recv(w->pid1, header, sizeof(header), MSG_WAITALL), sizeof(header));
	struct sf_wire_frame frame = {
		.type = sf_load32(header), .len = sf_load32(header + 4), .crc_ok = true, .data = payload,
	};

	assert_true(frame.len <= sizeof(payload));
	assert_int_equal(recv(w->pid1, payload, frame.len, MSG_WAITALL), frame.len);
	assert_null(sf_wire_message_read(&frame, ret));
}

/* ---- */

static void outside_of_a_guest_opening_is_refused(void **state)
{
	struct sf_guest *guest = NULL;

	(void)state;
	if (sf_in_guest())
		skip();
	SF_OWNED(error) err = sf_guest_open(NULL, &guest);

	assert_int_equal(sf_error_code(err), SF_TRANSPORT);
	assert_null(guest);
}

static void token_is_a_whole_word(void **state)
{
	(void)state;
	assert_true(sf_guest_has_token("a STILLFRAME_GUEST=1 b\n", SF_GUEST_TOKEN));
	assert_true(sf_guest_has_token("STILLFRAME_GUEST=1", SF_GUEST_TOKEN));
	assert_false(sf_guest_has_token("STILLFRAME_GUEST=10", SF_GUEST_TOKEN));
	assert_false(sf_guest_has_token("xSTILLFRAME_GUEST=1", SF_GUEST_TOKEN));
	assert_false(sf_guest_has_token("", SF_GUEST_TOKEN));
}

static void three_outcomes_and_the_latch(void **state)
{
	struct world *w = *state;
	pthread_t t;

	w->status = SF_WIRE_OK;
	pthread_create(&t, NULL, reply_once, w);
	assert_null(sf_guest_request_snapshot(w->guest, SF_SNAPSHOT_KIND_CAPTURE, "a", 10 * SECOND));
	pthread_join(t, NULL);
	w->status = SF_WIRE_ERR;
	w->reason = "the disk is full";
	pthread_create(&t, NULL, reply_once, w);
	SF_OWNED(error) refused = sf_guest_request_snapshot(w->guest, SF_SNAPSHOT_KIND_WATCH, "b", 10 * SECOND);

	pthread_join(t, NULL);
	assert_int_equal(sf_error_code(refused), SF_HOST);
	assert_string_equal(sf_error_message(refused), "the disk is full");
	assert_false(sf_guest_transport_dead(w->guest));
	SF_OWNED(error) silent = sf_guest_request_snapshot(w->guest, SF_SNAPSHOT_KIND_CAPTURE, "c", SECOND / 50);

	assert_int_equal(sf_error_code(silent), SF_TRANSPORT);
	assert_true(sf_guest_transport_dead(w->guest));
	/* It latches and nothing more: a later request is still made. */
	uint8_t unanswered[SF_WIRE_HEADER + SF_WIRE_REQUEST];

	assert_int_equal(recv(w->pid1, unanswered, sizeof(unanswered), MSG_WAITALL), sizeof(unanswered));
	w->status = SF_WIRE_OK;
	pthread_create(&t, NULL, reply_once, w);
	assert_null(sf_guest_request_snapshot(w->guest, SF_SNAPSHOT_KIND_CAPTURE, "d", 10 * SECOND));
	pthread_join(t, NULL);
	assert_true(sf_guest_transport_dead(w->guest));
}

static void scheduler_that_is_gone_is_a_scheduler_error(void **state)
{
	struct world *w = *state;
	pthread_t t;

	w->status = SF_WIRE_ERR;
	w->reason = "the scheduler exited: runnable task stall";
	pthread_create(&t, NULL, reply_once, w);
	SF_OWNED(error) err = sf_guest_attached(w->guest, 10 * SECOND);

	pthread_join(t, NULL);
	assert_int_equal(sf_error_code(err), SF_SCHEDULER);
	assert_non_null(strstr(sf_error_message(err), "stall"));
	assert_false(sf_guest_transport_dead(w->guest));
}

static void *fail_a_check(void *arg)
{
	struct world *w = arg;
	struct sf_error *err = sf_guest_check(w->guest, false, "%d of %s", 3, "four");

	return err;
}

/* It waits for its frame, which has its words as its reason; a host that refuses one is not the check's concern. */
static void check_that_does_not_hold_asks_for_a_frame(void **state)
{
	struct world *w = *state;
	_cleanup_message_ struct sf_wire_message m = { 0 }, because = { 0 };
	uint8_t request[SF_WIRE_HEADER + SF_WIRE_REQUEST], reply[SF_WIRE_HEADER + SF_WIRE_REPLY];
	struct sf_wire_request r;
	pthread_t t;
	void *err;

	assert_int_equal(pthread_create(&t, NULL, fail_a_check, w), 0);
	heard(w, &m);
	assert_int_equal(m.type, SF_WIRE_RSLT);
	assert_string_equal(m.name, "3 of four");
	assert_false(m.ok);
	heard(w, &because);
	assert_int_equal(because.type, SF_WIRE_EVNT);
	assert_string_equal(because.name, "because");
	assert_string_equal(because.text, "3 of four");
	assert_int_equal(recv(w->pid1, request, sizeof(request), MSG_WAITALL), sizeof(request));
	assert_true(sf_wire_request_decode(request + SF_WIRE_HEADER, SF_WIRE_REQUEST, &r));
	assert_int_equal(r.kind, SF_WIRE_KIND_MOMENT);
	assert_string_equal(r.tag, "failed");
	sf_wire_reply_encode(reply + SF_WIRE_HEADER, r.id, SF_WIRE_ERR, "not now");
	sf_wire_header_encode(reply, SF_WIRE_SNRP, reply + SF_WIRE_HEADER, SF_WIRE_REPLY);
	assert_int_equal(write(w->pid1, reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(pthread_join(t, &err), 0);
	assert_null(err);
	assert_false(sf_guest_transport_dead(w->guest));
}

static void check_is_told_with_its_words_as_name(void **state)
{
	struct world *w = *state;
	_cleanup_message_ struct sf_wire_message m = { 0 }, n = { 0 };
	char longer[600];

	assert_null(sf_guest_check(w->guest, true, "%d of %s", 3, "four"));
	heard(w, &m);
	assert_int_equal(m.type, SF_WIRE_RSLT);
	assert_string_equal(m.name, "3 of four");
	assert_true(m.ok);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(sf_guest_check(w->guest, true, "%s", longer));
	heard(w, &n);
	assert_int_equal(strlen(n.name), SF_WIRE_MAX_NAME);
	assert_string_equal(n.text, longer);
	assert_true(n.ok);
}

static void names_and_values_that_do_not_fit_are_refused_unsent(void **state)
{
	struct world *w = *state;
	char *big = calloc(1, SF_WIRE_MAX_TEXT + 2), byte;

	assert_non_null(big);
	memset(big, 'x', SF_WIRE_MAX_TEXT + 1);
	SF_OWNED(error) nameless = sf_guest_publish_u64(w->guest, "", 1);
	SF_OWNED(error) null = sf_guest_publish_i64(w->guest, NULL, 1);
	SF_OWNED(error) long_name = sf_guest_event(w->guest, big);
	SF_OWNED(error) long_value = sf_guest_publish_str(w->guest, "s", big);
	SF_OWNED(error) no_value = sf_guest_publish_str(w->guest, "s", NULL);

	assert_int_equal(sf_error_code(nameless), SF_USAGE);
	assert_int_equal(sf_error_code(null), SF_USAGE);
	assert_int_equal(sf_error_code(long_name), SF_USAGE);
	assert_int_equal(sf_error_code(long_value), SF_USAGE);
	assert_int_equal(sf_error_code(no_value), SF_USAGE);
	assert_int_equal(recv(w->pid1, &byte, 1, MSG_DONTWAIT), -1);
	free(big);
}

static void paths_cannot_leave_the_cgroups(void **state)
{
	static const char *const bad[] = { "/", "/a", "a/", "a//b", "..", "a/..", "../a", "a/../b", ".", "a/./b" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		SF_OWNED(error) err = sf_guest_cgroup_create(w->guest, bad[i]);

		if (sf_error_code(err) != SF_USAGE)
			fail_msg("%s was taken", bad[i]);
	}
	SF_OWNED(error) file = sf_guest_cgroup_write(w->guest, "a", "../x", "1");

	assert_int_equal(sf_error_code(file), SF_USAGE);
	assert_null(sf_guest_cgroup_create(w->guest, "..a/b.../c"));
}

static void put_procs(struct world *w, const char *cgroup, const char *text)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s/cgroup.procs", w->root, cgroup);

	assert_non_null(path);
	assert_null(sf_file_put(path, text, strlen(text)));
}

static void procs_are_published_and_a_missing_cgroup_is_not(void **state)
{
	struct world *w = *state;
	_cleanup_message_ struct sf_wire_message full = { 0 }, empty = { 0 };
	char byte;

	assert_null(sf_guest_cgroup_create(w->guest, "a/b"));
	put_procs(w, "a/b", "12\n345\n");
	assert_null(sf_guest_publish_procs(w->guest, "tag", "a/b"));
	heard(w, &full);
	assert_int_equal(full.n_pids, 2);
	assert_int_equal(full.pids[1], 345);
	put_procs(w, "a/b", "");
	assert_null(sf_guest_publish_procs(w->guest, "tag", "a/b"));
	heard(w, &empty);
	assert_int_equal(empty.n_pids, 0);
	SF_OWNED(error) missing = sf_guest_publish_procs(w->guest, "tag", "nosuch");

	assert_non_null(missing);
	assert_int_equal(recv(w->pid1, &byte, 1, MSG_DONTWAIT), -1);
}

static void workers_enter_their_cgroup_and_end_with_the_guest(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = NULL;
	pid_t pids[4];

	assert_null(sf_guest_cgroup_create(w->guest, "a"));
	put_procs(w, "a", "");
	for (int what = SF_WORKER_SPIN; what <= SF_WORKER_FORK; what++)
		assert_null(sf_guest_workers(w->guest, (enum sf_worker)what, "a", 1, &pids[what]));
	path = sf_asprintf("%s/a/cgroup.procs", w->root);
	for (int i = 0; i < 1000; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		assert_null(sf_file_get(path, 64, &text, &len));
		if (len) /* "0": whoever writes it */
			break;
		assert_true(i < 999);
		usleep(5000);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(kill(pids[i], 0), 0);
	sf_guest_stop_workers(w->guest);
	for (int i = 0; i < 4; i++)
		assert_int_equal(kill(pids[i], 0), -1);
}

static void workers_start_all_or_none(void **state)
{
	struct world *w = *state;
	SF_OWNED(error) missing = sf_guest_workers(w->guest, SF_WORKER_SPIN, "nosuch", 3, NULL);
	SF_OWNED(error) unknown = sf_guest_workers(w->guest, (enum sf_worker)99, NULL, 1, NULL);

	assert_int_equal(sf_error_code(missing), SF_SYSTEM);
	assert_non_null(strstr(sf_error_message(missing), "nosuch"));
	assert_int_equal(sf_error_code(unknown), SF_USAGE);
}

/* ---- CPUs: files instead of the kernel's ---- */

static void put_cpu(struct world *w, const char *name, const char *text)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", w->root, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_null(sf_mkdirs(path));
	*slash = '/';
	assert_null(sf_file_put(path, text, strlen(text)));
}

static void link_cpu(struct world *w, const char *name, const char *to)
{
	_cleanup_free_ char *path = sf_asprintf("%s/%s", w->root, name);

	assert_int_equal(symlink(to, path), 0);
}

static void a_cpu_goes_and_comes_back(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = sf_asprintf("%s/cpu1/online", w->root), *text = NULL;
	size_t len;

	put_cpu(w, "cpu1/online", "1");
	assert_null(sf_cpu_set_online(w->root, 1, false, 0));
	assert_null(sf_file_get(path, 16, &text, &len));
	assert_string_equal(text, "0");
	/* So already. */
	assert_null(sf_cpu_set_online(w->root, 1, false, 0));
	assert_null(sf_cpu_set_online(w->root, 1, true, 0));
	free(text);
	assert_null(sf_file_get(path, 16, &text, &len));
	assert_string_equal(text, "1");
}

static void a_cpu_that_cannot_go_is_refused_and_is_online(void **state)
{
	struct world *w = *state;

	put_cpu(w, "cpu0/topology", "");
	SF_OWNED(error) err = sf_cpu_set_online(w->root, 0, false, 0);

	assert_int_equal(sf_error_code(err), SF_USAGE);
	assert_non_null(strstr(sf_error_message(err), "CPU 0 cannot go offline: the kernel gives it no switch"));
	assert_null(sf_cpu_set_online(w->root, 0, true, 0));
}

static void a_cpu_that_is_not_there_is_named_beside_those_there_are(void **state)
{
	struct world *w = *state;

	put_cpu(w, "present", "0-3\n");
	SF_OWNED(error) err = sf_cpu_set_online(w->root, 4, true, 0);

	assert_int_equal(sf_error_code(err), SF_NOT_FOUND);
	assert_string_equal(sf_error_message(err), "there is no CPU 4; the guest has 0-3");
}

static void what_the_kernel_says_is_told_and_what_it_shows_is_believed(void **state)
{
	struct world *w = *state;

	put_cpu(w, "cpu1/topology", "");
	link_cpu(w, "cpu1/online", "/dev/full");
	SF_OWNED(error) refused = sf_cpu_set_online(w->root, 1, false, 0);

	assert_int_equal(sf_error_code(refused), SF_SYSTEM);
	assert_string_equal(sf_error_message(refused),
			    "the kernel does not take CPU 1 offline: No space left on device");
	put_cpu(w, "cpu2/topology", "");
	link_cpu(w, "cpu2/online", "/dev/null");
	SF_OWNED(error) nothing = sf_cpu_set_online(w->root, 2, true, SECOND / 100);

	assert_int_equal(sf_error_code(nothing), SF_DEADLINE);
	assert_non_null(strstr(sf_error_message(nothing), "still says \"\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(outside_of_a_guest_opening_is_refused),
		TEST(token_is_a_whole_word),
		TEST(three_outcomes_and_the_latch),
		TEST(scheduler_that_is_gone_is_a_scheduler_error),
		TEST(check_that_does_not_hold_asks_for_a_frame),
		TEST(check_is_told_with_its_words_as_name),
		TEST(names_and_values_that_do_not_fit_are_refused_unsent),
		TEST(paths_cannot_leave_the_cgroups),
		TEST(procs_are_published_and_a_missing_cgroup_is_not),
		TEST(workers_enter_their_cgroup_and_end_with_the_guest),
		TEST(workers_start_all_or_none),
		TEST(a_cpu_goes_and_comes_back),
		TEST(a_cpu_that_cannot_go_is_refused_and_is_online),
		TEST(a_cpu_that_is_not_there_is_named_beside_those_there_are),
		TEST(what_the_kernel_says_is_told_and_what_it_shows_is_believed),
	};

	return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
