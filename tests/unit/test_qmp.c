/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The QMP client against a peer that says what no QEMU would, and the guardian against programs that are no QEMU. */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/run/vm/guardian.h"
#include "../../src/run/vm/qmp.h"
#include "base/file.h"

struct fixture {
	int peer;
	int log_read;
	struct sf_qmp_log log;
	struct sf_qmp *qmp;
};

static uint64_t soon(void)
{
	return sf_vm_clock() + 50 * SF_MILLISECOND;
}

static uint64_t later(void)
{
	return sf_vm_clock() + 10 * SF_SECOND;
}

static void setup(struct fixture *f)
{
	char path[] = "/tmp/stillframe-test-XXXXXX";
	int pair[2];

	*f = (struct fixture){ .log = { .epoch = sf_vm_clock() } };
	f->log.fd = mkstemp(path);
	f->log_read = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->peer = pair[1];
	assert_ok(sf_qmp_new(pair[0], false, &f->log, NULL, &f->qmp));
}

static void teardown(struct fixture *f)
{
	sf_qmp_free(f->qmp);
	sf_qmp_log_close(&f->log);
	close(f->log_read);
	if (f->peer >= 0)
		close(f->peer);
}

static void say(const struct fixture *f, const char *text)
{
	assert_ok(sf_write_all(f->peer, text, strlen(text)));
}

/* What the client has sent, all of it. */
static const char *heard(const struct fixture *f)
{
	static char buf[4096];
	ssize_t n = recv(f->peer, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static uint64_t send_one(const struct fixture *f, const char *name)
{
	const struct sf_qmp_command command = { .name = name };
	uint64_t id = 0;

	assert_ok(sf_qmp_send(f->qmp, &command, 1, later(), &id));
	return id;
}

static void test_capabilities_follow_the_greeting(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	say(&f, "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
	assert_says(sf_qmp_hello(f.qmp, soon()), SF_DEADLINE, "qmp_capabilities");
	assert_string_equal(heard(&f), "{\"execute\":\"qmp_capabilities\",\"id\":1}");
	teardown(&f);
}

static void test_a_peer_that_does_not_greet(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_says(sf_qmp_hello(f.qmp, soon()), SF_DEADLINE, "said nothing");
	teardown(&f);
}

static void test_nonsense_breaks_the_connection_and_says_what_it_was(void **state)
{
	static const char *const nonsense[] = {
		"hello\n", "{\"return\": }\n", "[]\n", "42\n", "{}\n", "{\"return\": {}}\n", "{\"id\": 1}\n",
		"{\"id\": \"1\", \"return\": {}}\n", "{\"event\": 5}\n", "\x01\x02\n", "{\"return\": {}, \"id\": -1}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct sf_json *reply = NULL;
		struct fixture f;

		setup(&f);
		uint64_t id = send_one(&f, "stop");

		say(&f, nonsense[i]);
		assert_says(sf_qmp_wait(f.qmp, id, later(), &reply), SF_TRANSPORT, "machine protocol");
		assert_null(reply);
		/* And it stays broken. */
		assert_says(sf_qmp_run(f.qmp, "cont", NULL, later(), NULL), SF_TRANSPORT, "machine protocol");
		assert_code(sf_qmp_pump(f.qmp, 0), SF_TRANSPORT);
		teardown(&f);
	}
}

static void test_silence_past_the_deadline(void **state)
{
	_cleanup_json_ struct sf_json *reply = NULL;
	struct fixture f;

	(void)state;
	setup(&f);
	uint64_t id = send_one(&f, "stop");

	assert_says(sf_qmp_wait(f.qmp, id, soon(), &reply), SF_DEADLINE, "'stop'");
	assert_false(sf_qmp_waiting(f.qmp, id));
	assert_code(sf_qmp_wait(f.qmp, id, soon(), &reply), SF_USAGE);
	/* The late reply goes nowhere, and the next command gets its own. */
	uint64_t next = send_one(&f, "cont");

	say(&f, "{\"return\": {\"late\": 1}, \"id\": 1}\n{\"return\": {\"late\": 0}, \"id\": 2}\n");
	assert_ok(sf_qmp_wait(f.qmp, next, later(), &reply));
	assert_int_equal(sf_json_member_u64(sf_json_member(sf_json_root(reply), "return"), "late", 9), 0);
	teardown(&f);
}

static void test_half_lines_are_put_together(void **state)
{
	static const char text[] = "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n"
				   "{\"return\": {\"a\": 7}, \"id\": 1}\r\n";
	_cleanup_json_ struct sf_json *reply = NULL;
	struct sf_qmp_event event;
	struct fixture f;

	(void)state;
	setup(&f);
	uint64_t id = send_one(&f, "stop");

	for (size_t i = 0; i + 1 < strlen(text); i++) {
		assert_ok(sf_write_all(f.peer, text + i, 1));
		assert_ok(sf_qmp_pump(f.qmp, 0));
		assert_true(sf_qmp_waiting(f.qmp, id));
	}
	say(&f, "\n");
	assert_ok(sf_qmp_wait(f.qmp, id, later(), &reply));
	assert_int_equal(sf_json_member_u64(sf_json_member(sf_json_root(reply), "return"), "a", 0), 7);
	assert_true(sf_qmp_event(f.qmp, &event));
	assert_string_equal(event.name, "STOP");
	sf_json_unref(event.json);
	teardown(&f);
}

static void test_an_event_between_command_and_reply(void **state)
{
	_cleanup_json_ struct sf_json *reply = NULL;
	struct sf_qmp_event event;
	struct fixture f;

	(void)state;
	setup(&f);
	uint64_t id = send_one(&f, "stop");

	say(&f, "{\"event\": \"STOP\"}\n{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\n"
		"{\"return\": {}, \"id\": 1}\n");
	assert_ok(sf_qmp_wait(f.qmp, id, later(), &reply));
	assert_true(sf_qmp_event(f.qmp, &event));
	assert_string_equal(event.name, "STOP");
	sf_json_unref(event.json);
	assert_true(sf_qmp_event(f.qmp, &event));
	assert_string_equal(event.name, "SHUTDOWN");
	sf_json_unref(event.json);
	assert_false(sf_qmp_event(f.qmp, &event));
	teardown(&f);
}

static void test_replies_find_their_commands_in_any_order(void **state)
{
	const struct sf_qmp_command commands[] = { { .name = "stop" }, { "human-monitor-command", "{\"x\":1}" } };
	_cleanup_json_ struct sf_json *first = NULL, *second = NULL;
	struct fixture f;
	uint64_t ids[2];

	(void)state;
	setup(&f);
	assert_ok(sf_qmp_send(f.qmp, commands, 2, later(), ids));
	assert_string_equal(heard(&f), "{\"execute\":\"stop\",\"id\":1}{\"execute\":\"human-monitor-command\","
				       "\"arguments\":{\"x\":1},\"id\":2}");
	say(&f, "{\"return\": 22, \"id\": 2}\n{\"return\": 11, \"id\": 1}\n");
	assert_ok(sf_qmp_wait(f.qmp, ids[0], later(), &first));
	assert_ok(sf_qmp_wait(f.qmp, ids[1], later(), &second));
	assert_int_equal(sf_json_member_u64(sf_json_root(first), "return", 0), 11);
	assert_int_equal(sf_json_member_u64(sf_json_root(second), "return", 0), 22);
	teardown(&f);
}

static void test_a_reply_to_an_unknown_id_is_dropped(void **state)
{
	_cleanup_json_ struct sf_json *reply = NULL;
	struct fixture f;

	(void)state;
	setup(&f);
	uint64_t id = send_one(&f, "stop");

	say(&f, "{\"return\": {}, \"id\": 77}\n{\"return\": {}, \"id\": 18446744073709551615}\n"
		"{\"return\": 5, \"id\": 1}\n{\"return\": 6, \"id\": 1}\n");
	assert_ok(sf_qmp_wait(f.qmp, id, later(), &reply));
	assert_int_equal(sf_json_member_u64(sf_json_root(reply), "return", 0), 5);
	teardown(&f);
}

static void test_a_refusal_has_qemus_words(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	struct sf_json *reply = NULL;
	uint64_t first = send_one(&f, "cont"), second = send_one(&f, "cont");

	say(&f, "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"Resetting is required\"}}\n"
		"{\"id\": 2, \"error\": {}}\n");
	assert_says(sf_qmp_wait(f.qmp, first, later(), &reply), SF_TRANSPORT,
		    "QEMU refused 'cont': Resetting is required");
	assert_says(sf_qmp_wait(f.qmp, second, later(), &reply), SF_TRANSPORT, "no reason");
	teardown(&f);
}

static void test_a_closed_socket(void **state)
{
	struct sf_json *reply = NULL;
	struct sf_qmp_event event;
	struct fixture f;

	(void)state;
	setup(&f);
	uint64_t id = send_one(&f, "stop");

	say(&f, "{\"event\": \"SHUTDOWN\"}\n{\"retu");
	close(steal_fd(&f.peer));
	assert_says(sf_qmp_wait(f.qmp, id, later(), &reply), SF_TRANSPORT, "closed");
	/* What came before the end is not lost. */
	assert_true(sf_qmp_event(f.qmp, &event));
	sf_json_unref(event.json);
	const struct sf_qmp_command command = { .name = "cont" };

	assert_code(sf_qmp_send(f.qmp, &command, 1, later(), &id), SF_TRANSPORT);
	teardown(&f);
}

static void test_a_peer_that_closes_while_we_write(void **state)
{
	const struct sf_qmp_command command = { .name = "cont" };
	struct fixture f;
	uint64_t id;

	(void)state;
	setup(&f);
	close(steal_fd(&f.peer));
	assert_says(sf_qmp_send(f.qmp, &command, 1, later(), &id), SF_TRANSPORT, "closed");
	teardown(&f);
}

static void test_a_peer_that_reads_nothing(void **state)
{
	_cleanup_free_ char *big = malloc(1u << 20);
	struct fixture f;
	uint64_t id;

	(void)state;
	assert_non_null(big);
	memset(big, ' ', 1u << 20);
	memcpy(big, "{}", 2);
	big[(1u << 20) - 1] = '\0';
	const struct sf_qmp_command command = { .name = "x", .arguments = big };

	setup(&f);
	assert_says(sf_qmp_send(f.qmp, &command, 1, soon(), &id), SF_DEADLINE, "reads no commands");
	/* Half a command is in the pipe: nothing can follow it. */
	assert_code(sf_qmp_run(f.qmp, "stop", NULL, soon(), NULL), SF_DEADLINE);
	teardown(&f);
}

static void test_too_many_unanswered_commands(void **state)
{
	const struct sf_qmp_command command = { .name = "stop" };
	struct sf_error *err = NULL;
	struct fixture f;
	uint64_t id = 0;
	int n = 0;

	(void)state;
	setup(&f);
	while (n < 1000 && !(err = sf_qmp_send(f.qmp, &command, 1, later(), &id)))
		n++;
	assert_int_equal(n, 32);
	assert_says(err, SF_TRANSPORT, "unanswered");
	teardown(&f);
}

static void test_a_line_without_end(void **state)
{
	_cleanup_free_ char *big = malloc(1u << 20);
	struct sf_error *err = NULL;
	struct fixture f;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 1u << 20);
	setup(&f);
	fcntl(f.peer, F_SETFL, O_NONBLOCK);
	for (int i = 0; !err && i < 4000; i++) {
		ssize_t n = write(f.peer, big, 1u << 20);

		(void)n;
		err = sf_qmp_pump(f.qmp, 0);
	}
	assert_says(err, SF_TRANSPORT, "16 MiB");
	teardown(&f);
}

static void test_a_loaded_command_waits_for_its_last_byte(void **state)
{
	const struct sf_qmp_command stop = { .name = "stop" }, cont = { .name = "cont" };
	_cleanup_json_ struct sf_json *reply = NULL;
	uint64_t stop_id = 0, cont_id = 0, id;
	struct fixture f;

	(void)state;
	setup(&f);
	assert_ok(sf_qmp_load(f.qmp, &stop, later(), &stop_id));
	assert_string_equal(heard(&f), "{\"execute\":\"stop\",\"id\":1");
	assert_true(sf_qmp_waiting(f.qmp, stop_id));
	assert_says(sf_qmp_send(f.qmp, &cont, 1, later(), &id), SF_USAGE, "loaded");
	assert_ok(sf_qmp_load(f.qmp, &cont, later(), &cont_id));
	assert_string_equal(heard(&f), "}{\"execute\":\"cont\",\"id\":2");
	say(&f, "{\"return\": {}, \"id\": 1}\n");
	assert_ok(sf_qmp_wait(f.qmp, stop_id, later(), &reply));
	assert_true(sf_qmp_waiting(f.qmp, cont_id));
	assert_ok(sf_qmp_load(f.qmp, NULL, later(), NULL));
	assert_string_equal(heard(&f), "}");
	assert_ok(sf_qmp_load(f.qmp, NULL, later(), NULL));
	assert_string_equal(heard(&f), "");
	teardown(&f);
}

static void test_the_log_has_both_directions_and_can_be_held(void **state)
{
	char text[1024] = "";
	struct fixture f;

	(void)state;
	setup(&f);
	sf_qmp_log_hold(&f.log);
	send_one(&f, "stop");
	say(&f, "{\"event\": \"STOP\"}\r\n");
	assert_ok(sf_qmp_pump(f.qmp, later()));
	assert_int_equal(read(f.log_read, text, sizeof(text) - 1), 0);
	sf_qmp_log_flush(&f.log);
	assert_true(read(f.log_read, text, sizeof(text) - 1) > 0);
	assert_contains(text, " > {\"execute\":\"stop\",\"id\":1}\n");
	assert_contains(text, " < {\"event\": \"STOP\"}\n");
	teardown(&f);
}

/* ---- the guardian ---- */

struct guarded {
	char dir[64];
	int out;
};

static void start(struct guarded *g, struct sf_guard *guard, const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	char name[] = "/tmp/stillframe-test-XXXXXX";

	assert_non_null(mkdtemp(name));
	snprintf(g->dir, sizeof(g->dir), "%s/s", name);
	g->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct sf_guard_spec spec = {
		.argv = argv, .fds = &g->out, .n_fds = 1, .out_fd = g->out, .socket_dir = g->dir,
	};

	*guard = SF_GUARD_NULL;
	assert_ok(sf_guard_start(&spec, later(), guard));
}

static void await_exit(struct sf_guard *guard)
{
	uint64_t deadline = later();

	while (!guard->exited && sf_vm_clock() < deadline) {
		sf_guard_update(guard);
		usleep(1000);
	}
	assert_true(guard->exited);
}

static void end(struct guarded *g, struct sf_guard *guard)
{
	sf_guard_end(guard);
	assert_int_equal(access(g->dir, F_OK), -1);
	*strrchr(g->dir, '/') = '\0';
	assert_int_equal(rmdir(g->dir), 0);
	close(g->out);
}

static bool gone(pid_t pid)
{
	for (int i = 0; i < 5000; i++) {
		char path[64], text[256] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "re");
		if (!f)
			return true;
		bool read = fgets(text, sizeof(text), f);

		fclose(f);
		const char *paren = strrchr(text, ')');

		/* A zombie of ours waits for the machine's init. */
		if (!read || !paren || paren[2] == 'Z' || paren[2] == 'X')
			return true;
		usleep(1000);
	}
	return false;
}

static void test_the_guardian_tells_how_a_program_ended(void **state)
{
	struct sf_guard guard;
	struct guarded g;

	(void)state;
	start(&g, &guard, "exit 7");
	await_exit(&guard);
	assert_true(guard.status_known && !guard.signalled);
	assert_int_equal(guard.status, 7);
	end(&g, &guard);
	start(&g, &guard, "kill -6 $$");
	await_exit(&guard);
	assert_true(guard.status_known && guard.signalled);
	assert_int_equal(guard.status, 6);
	end(&g, &guard);
}

static void test_ending_the_guardian_ends_the_program_and_leaves_no_child(void **state)
{
	struct sf_guard guard;
	struct guarded g;

	(void)state;
	start(&g, &guard, "exec sleep 100");
	pid_t child = guard.child, pid = guard.pid;
	struct stat st;

	assert_int_equal(stat(g.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	end(&g, &guard);
	assert_true(gone(child));
	assert_true(gone(pid));
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_a_killed_guardian_takes_the_program_with_it(void **state)
{
	struct sf_guard guard;
	struct guarded g;

	(void)state;
	start(&g, &guard, "exec sleep 100");
	pid_t child = guard.child;

	kill(guard.pid, SIGKILL);
	await_exit(&guard);
	assert_false(guard.status_known);
	assert_true(gone(child));
	end(&g, &guard);
}

static void test_the_guardian_is_deaf_to_a_terminals_signals(void **state)
{
	struct sf_guard guard;
	struct guarded g;

	(void)state;
	start(&g, &guard, "exec sleep 100");
	kill(guard.pid, SIGHUP);
	kill(guard.pid, SIGINT);
	kill(guard.pid, SIGTERM);
	usleep(20000);
	sf_guard_update(&guard);
	assert_false(guard.exited);
	assert_int_not_equal(getsid(guard.pid), getsid(0));
	end(&g, &guard);
}

/* An owner of its own process, that is killed. */
static void test_a_killed_owner_leaves_nothing(void **state)
{
	struct { pid_t child, guardian; char dir[64]; } told;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t owner = fork();

	if (!owner) {
		struct sf_guard guard;
		struct guarded g;

		start(&g, &guard, "exec sleep 100");
		told.child = guard.child;
		told.guardian = guard.pid;
		memcpy(told.dir, g.dir, sizeof(g.dir));
		if (write(fds[1], &told, sizeof(told)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(owner > 0);
	assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
	kill(owner, SIGKILL);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	assert_true(gone(told.child));
	assert_true(gone(told.guardian));
	assert_int_equal(access(told.dir, F_OK), -1);
	*strrchr(told.dir, '/') = '\0';
	assert_int_equal(rmdir(told.dir), 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_a_program_that_is_not_there(void **state)
{
	char *argv[] = { (char *)"/no/such/program", NULL };
	char dir[] = "/tmp/stillframe-test-XXXXXX";
	struct sf_guard guard = SF_GUARD_NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *sockets = sf_asprintf("%s/s", dir);
	_cleanup_close_ int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct sf_guard_spec spec = { .argv = argv, .out_fd = out, .socket_dir = sockets };

	assert_says(sf_guard_start(&spec, later(), &guard), SF_USAGE, "/no/such/program");
	assert_int_equal(guard.pidfd, -1);
	/* A directory that was there before is an error, and stays. */
	assert_int_equal(mkdir(sockets, 0700), 0);
	assert_code(sf_guard_start(&spec, later(), &guard), SF_SYSTEM);
	assert_int_equal(rmdir(sockets), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_the_program_inherits_what_it_should_and_nothing_else(void **state)
{
	struct sf_guard guard;
	struct guarded g;
	int pipe_fds[2];
	char text[512] = "";
	size_t len = 0;
	ssize_t n;

	(void)state;
	/* Without close-on-exec, as a careless program has them. */
	_cleanup_close_ int careless = open("/dev/null", O_RDONLY);

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	char name[] = "/tmp/stillframe-test-XXXXXX";

	assert_non_null(mkdtemp(name));
	snprintf(g.dir, sizeof(g.dir), "%s/s", name);
	g.out = pipe_fds[1];
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"exec ls -1 /proc/self/fd", NULL };
	const struct sf_guard_spec spec = {
		.argv = argv, .fds = &g.out, .n_fds = 1, .out_fd = g.out, .socket_dir = g.dir,
	};

	guard = SF_GUARD_NULL;
	assert_ok(sf_guard_start(&spec, later(), &guard));
	close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	/* The last one is the directory that it reads. */
	assert_string_equal(text, "0\n1\n2\n3\n4\n");
	close(pipe_fds[0]);
	g.out = -1;
	await_exit(&guard);
	end(&g, &guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capabilities_follow_the_greeting),
		cmocka_unit_test(test_a_peer_that_does_not_greet),
		cmocka_unit_test(test_nonsense_breaks_the_connection_and_says_what_it_was),
		cmocka_unit_test(test_silence_past_the_deadline),
		cmocka_unit_test(test_half_lines_are_put_together),
		cmocka_unit_test(test_an_event_between_command_and_reply),
		cmocka_unit_test(test_replies_find_their_commands_in_any_order),
		cmocka_unit_test(test_a_reply_to_an_unknown_id_is_dropped),
		cmocka_unit_test(test_a_refusal_has_qemus_words),
		cmocka_unit_test(test_a_closed_socket),
		cmocka_unit_test(test_a_peer_that_closes_while_we_write),
		cmocka_unit_test(test_a_peer_that_reads_nothing),
		cmocka_unit_test(test_too_many_unanswered_commands),
		cmocka_unit_test(test_a_line_without_end),
		cmocka_unit_test(test_a_loaded_command_waits_for_its_last_byte),
		cmocka_unit_test(test_the_log_has_both_directions_and_can_be_held),
		cmocka_unit_test(test_the_guardian_tells_how_a_program_ended),
		cmocka_unit_test(test_ending_the_guardian_ends_the_program_and_leaves_no_child),
		cmocka_unit_test(test_a_killed_guardian_takes_the_program_with_it),
		cmocka_unit_test(test_the_guardian_is_deaf_to_a_terminals_signals),
		cmocka_unit_test(test_a_killed_owner_leaves_nothing),
		cmocka_unit_test(test_a_program_that_is_not_there),
		cmocka_unit_test(test_the_program_inherits_what_it_should_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
