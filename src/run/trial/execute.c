/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run from start to verdict.
 */

#include <inttypes.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "private.h"

#define DEFAULT_DURATION (2 * SF_SECOND)
#define DEFAULT_ATTACH (30 * SF_SECOND)
#define DEFAULT_SLACK (120 * SF_SECOND)
#define DEFAULT_MEMORY (1ull << 30)
#define DEFAULT_CPUS 2
#define START_TIMEOUT (60 * SF_SECOND)
#define LAST_FRAME_TIMEOUT (60 * SF_SECOND)
#define INTERRUPTED_TIMEOUT (10 * SF_SECOND) /* somebody waits at a terminal */
#define CONSOLE_LINES 30

static void apply_defaults(struct sf_run_options *o)
{
	/* Steps are the load, and they say how long it lasts. */
	if (o->scenario && o->scenario->n_steps) {
		o->no_workload = true;
		o->duration_ns = o->scenario->hold_ns;
	}
	if (!o->duration_ns && !o->test)
		o->duration_ns = DEFAULT_DURATION;
	if (!o->attach_ns)
		o->attach_ns = DEFAULT_ATTACH;
	if (!o->memory)
		o->memory = DEFAULT_MEMORY;
	if (!o->deadline_ns && __builtin_add_overflow(o->duration_ns, DEFAULT_SLACK, &o->deadline_ns))
		o->deadline_ns = UINT64_MAX;
}

static bool has_topology(const struct sf_topology *t)
{
	return t->sockets || t->llcs || t->cores || t->threads || t->numa;
}

/* Before anything is made: which CPUs were meant, and whether a guest can have them. */
static struct sf_error *settle_topology(struct sf_run_options *o)
{
	if (!has_topology(&o->topology))
		o->topology.cores = o->cpus ? o->cpus : DEFAULT_CPUS;
	SF_TRY(sf_vm_topology_check(&o->topology, o->memory));
	uint32_t n = sf_vm_topology_cpus(&o->topology);

	if (o->cpus && o->cpus != n)
		return sf_error_new(SF_USAGE, "%u CPUs were asked for, and a topology of %u", o->cpus, n);
	o->cpus = n;
	return NULL;
}

static struct sf_run *run_new(const struct sf_run_options *options)
{
	struct sf_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	memcpy(&run->opt, options, sf_min(options->size, sizeof(run->opt)));
	apply_defaults(&run->opt);
	run->began = sf_vm_clock();
	run->dir_fd = -1;
	run->verdict = SF_PASS;
	run->last = &run->first;
	pthread_mutex_init(&run->lock, NULL);
	run->scheduler = strdup(run->opt.scheduler ? run->opt.scheduler : "none");
	run->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	return run;
}

static void free_lists(struct sf_run *run)
{
	struct outcome *o;

	while ((o = sf_run_take_outcome(run)))
		sf_run_outcome_free(o);
	for (size_t i = 0; i < run->frames.n; i++) {
		free(run->frames.v[i].name);
		free(run->frames.v[i].file);
		sf_frame_unref(run->frames.v[i].frame);
	}
	for (size_t i = 0; i < run->values.n; i++) {
		free(run->values.v[i].name);
		free(run->values.v[i].str);
	}
	for (size_t i = 0; i < run->findings.n; i++)
		free((char *)run->findings.v[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(run->troubles); i++) {
		free(run->troubles[i].line);
		free(run->troubles[i].frame);
	}
	free(run->because);
	free(run->frames.v);
	free(run->values.v);
	free(run->findings.v);
	sf_run_free_answers(run);
}

void sf_run_free(struct sf_run *run)
{
	if (!run)
		return;
	sf_coordinator_free(run->coordinator);
	sf_vm_free(run->vm);
	sf_image_unref(run->ram);
	free_lists(run);
	sf_wire_in_clear(&run->in);
	sf_wire_out_clear(&run->out);
	sf_qemu_clear(&run->qemu);
	sf_accel_choice_clear(&run->accel);
	free(run->qemu_text);
	free(run->kernel_path);
	free(run->release);
	free(run->ops);
	free(run->scheduler);
	if (run->dir_fd >= 0)
		close(run->dir_fd);
	if (run->notify >= 0)
		close(run->notify);
	free(run->dir);
	free(run->steps);
	pthread_mutex_destroy(&run->lock);
	free(run);
}

/* ---- before the guest ------------------------------------------------------------------------------------------- */

static bool cancelled(void *arg)
{
	struct sf_run *run = arg;
	struct pollfd fd = { .fd = run->opt.cancel_fd, .events = POLLIN };

	return run->opt.cancel_fd > 0 && poll(&fd, 1, 0) > 0;
}

static void tell_fetching(void *arg, const char *series)
{
	sf_run_progress(arg, "fetching kernel %s", series);
}

static struct sf_error *choose_accel(struct sf_run *run)
{
	static const struct { const char *name; enum sf_accel accel; } names[] = {
		{ "auto", SF_ACCEL_AUTO }, { "kvm", SF_ACCEL_KVM }, { "tcg", SF_ACCEL_TCG },
	};
	const char *want = run->opt.accel ? run->opt.accel : "auto";

	/* The first time it boots a small guest, which takes seconds. */
	if (!strcmp(want, "auto"))
		sf_run_progress(run, "choosing between KVM and TCG");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(want, names[i].name))
			return sf_accel_choose(names[i].accel, &run->qemu, run->kernel_path, &run->opt.log, cancelled,
					       run, &run->accel);
	return sf_error_new(SF_USAGE, "no accelerator is called \"%s\"; there are auto, kvm, tcg", want);
}

static struct sf_error *start_vm(struct sf_run *run, const char *kernel, const char *initrd)
{
	struct sf_vm_config config = {
		.qemu = &run->qemu,
		.accel = run->accel.accel,
		.kernel = kernel,
		.initrd = initrd,
		.run_dir = run->dir,
		.memory = run->opt.memory,
		.topology = run->opt.topology,
		.tsc_khz = run->accel.accel == SF_ACCEL_TCG ? sf_vm_tsc_khz() : 0,
		.log = run->opt.log,
		.on_line = sf_run_on_line,
		.on_line_arg = run,
	};

	SF_TRY(sf_vm_start(&config, sf_vm_clock() + START_TIMEOUT, &run->vm));
	run->started = sf_vm_clock();
	const struct sf_vm_ram *ram = sf_vm_ram(run->vm);

	return sf_image_ram_new(ram->fds, ram->n_files, ram->ranges, ram->n, &run->ram);
}

static struct sf_error *start_coordinator(struct sf_run *run)
{
	struct sf_coordinator_options opt = {
		.stopper = sf_stopper_qmp(run->vm),
		.ram = run->ram,
		.capture = {
			.max_pages = run->opt.capture_max_pages,
			.max_map_bytes = run->opt.capture_max_map_bytes,
			.max_pointee_bytes = run->opt.capture_max_pointee_bytes,
			.pointer_hops = run->opt.capture_pointer_hops,
		},
		.log = run->opt.log,
		.on_event = sf_run_on_vm_event,
		.on_event_arg = run,
	};

	return sf_coordinator_new(&opt, &run->coordinator);
}

static struct sf_error *boot(struct sf_run *run, const char *initrd, const char *scratch)
{
	_cleanup_free_ char *release = sf_pack_kernel_release(run->kernel_path), *kernel = NULL;

	sf_run_progress(run, "booting %s under %s", release ? release : run->kernel_path,
			sf_accel_name(run->accel.accel));
	SF_TRY(sf_run_pack_guest(run, initrd));
	SF_TRY(sf_run_boot_image(run, scratch, &kernel));
	return start_vm(run, kernel, initrd);
}

/* Everything up to a guest that runs. */
static struct sf_error *start(struct sf_run *run)
{
	struct sf_pack_fetch fetch = { .fetching = tell_fetching, .stop = cancelled, .arg = run };
	_cleanup_free_ char *initrd = sf_run_path(run, SF_RUN_INITRD), *kernel = sf_run_path(run, SF_RUN_KERNEL);
	struct sf_error *err;

	if (!initrd || !kernel)
		return sf_error_nomem();
	SF_TRY(sf_qemu_find(run->opt.qemu, &run->qemu));
	run->qemu_text = sf_asprintf("%s %s", run->qemu.path, run->qemu.version);
	SF_TRY(sf_pack_kernel(run->opt.kernel, &fetch, &run->kernel_path));
	SF_TRY(sf_pack_kernel_able(run->kernel_path, strcmp(run->scheduler, "none") != 0));
	SF_TRY(choose_accel(run));
	err = boot(run, initrd, kernel);
	/* QEMU has read them; a run keeps what it found, not what it was made of. */
	unlink(initrd);
	unlink(kernel);
	SF_TRY(err);
	SF_TRY(sf_run_write_json(run, false));
	return start_coordinator(run);
}

/* ---- while the guest runs --------------------------------------------------------------------------------------- */

static void on_vm_event(struct sf_run *run, const struct sf_vm_event *event)
{
	if (event->type < SF_VM_EVENT_POWEROFF)
		return;
	run->ended = true;
	run->end = *event;
	if (event->type == SF_VM_EVENT_PANIC || event->type == SF_VM_EVENT_RESET)
		run->panicked = event->time;
}

static void on_outcome(struct sf_run *run, struct outcome *o)
{
	if (o->is_event) {
		if (o->trouble)
			sf_run_begin_trouble(run, o->trouble, o->event.text);
		else
			on_vm_event(run, &o->event);
		return;
	}
	if (o->prepared) {
		if (o->err)
			sf_log(&run->opt.log, SF_LOG_WARN, "the guest's kernel: %s", sf_error_message(o->err));
		return;
	}
	/* The guest waits for its answer, the disk does not. */
	if (o->request_id)
		sf_run_reply(run, o->request_id, o->err);
	sf_run_keep(run, o);
}

/*
 * One, so that a thread which captures without end keeps us neither from the port nor from the deadline. The eventfd
 * counts what was pushed. false: there was none.
 */
static bool take_outcome(struct sf_run *run)
{
	struct outcome *o;
	uint64_t count;

	if (read(run->notify, &count, sizeof(count)) < 0 && errno != EAGAIN)
		sf_log(&run->opt.log, SF_LOG_DEBUG, "eventfd: %m");
	o = sf_run_take_outcome(run);
	if (!o)
		return false;
	on_outcome(run, o);
	sf_run_outcome_free(o);
	return true;
}

static int ms_until(uint64_t deadline)
{
	uint64_t now = sf_vm_clock();

	return now >= deadline ? 0 : (int)sf_min((deadline - now + 999999) / 1000000, (uint64_t)60000);
}

/*
 * The first ends the run in order, with a last frame. The next says that nobody wants to wait for that: to see it, the
 * first has to be read. A descriptor that has nothing to read any more can say it only once.
 */
static void interrupt(struct sf_run *run)
{
	char read_away[128]; /* a struct signalfd_siginfo */

	run->hurry = run->hurry || run->ending || run->done;
	run->stop_now = true;
	if (read(run->opt.cancel_fd, read_away, sizeof(read_away)) <= 0)
		run->cancel_dumb = true;
}

/* One turn of the loop. false: @deadline passed. */
static bool turn(struct sf_run *run, uint64_t deadline, bool listen)
{
	int port = listen && !run->port_dead ? sf_vm_port_fd(run->vm, SF_VM_PORT_BULK) : -1;
	struct pollfd fds[3] = {
		{ .fd = run->notify, .events = POLLIN },
		{ .fd = port, .events = (short)(POLLIN | (sf_wire_out_pending(&run->out) ? POLLOUT : 0)) },
		{ .fd = run->opt.cancel_fd > 0 && !run->cancel_dumb ? run->opt.cancel_fd : -1, .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), ms_until(deadline)) < 0)
		return errno == EINTR;
	if (fds[1].revents & POLLOUT)
		sf_run_flush_port(run);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		sf_run_read_port(run);
	if (fds[0].revents)
		take_outcome(run);
	if (fds[2].revents)
		interrupt(run);
	return sf_vm_clock() < deadline;
}

static void settle_captures(struct sf_run *run, uint64_t timeout)
{
	uint64_t deadline = sf_vm_clock() + timeout;

	while (!run->hurry && sf_run_captures_pending(run) && turn(run, deadline, false))
		;
}

/* A frame of the end, and of everything that was asked for before it. */
static void last_frame(struct sf_run *run, enum sf_moment moment, const char *reason)
{
	SF_OWNED(error) err = NULL;
	bool asked;

	err = sf_run_ask_moment(run, moment, reason, NULL, 0, &asked, NULL);
	if (err)
		sf_run_find(run, SF_INCONCLUSIVE, "capture", "no last frame: %s", sf_error_message(err));
	settle_captures(run, moment == SF_MOMENT_INTERRUPTED ? INTERRUPTED_TIMEOUT : LAST_FRAME_TIMEOUT);
}

/* What the guest had said when it went off may still be in the port. */
static void read_rest(struct sf_run *run)
{
	struct pollfd fd = { .fd = sf_vm_port_fd(run->vm, SF_VM_PORT_BULK), .events = POLLIN };

	while (!run->port_dead && !run->done && poll(&fd, 1, 0) > 0 && fd.revents & POLLIN)
		sf_run_read_port(run);
}

/* What the kernel printed, of the console's last lines: the firmware's are no sign of life of it. */
static const char *behind_firmware(const char *tail)
{
	static const char last_words[] = "Booting from ROM"; /* SeaBIOS, src/boot.c; the kernel begins no line of its own */
	const char *from = tail;

	for (const char *p = tail; (p = strstr(p, last_words)); from = p)
		p += strlen(last_words);
	return from + strspn(from, ".\n ");
}

/* Of the console's last lines; "" for none. free() it. */
static char *kernel_words(struct sf_run *run)
{
	_cleanup_free_ char *tail = NULL;
	SF_OWNED(error) err = sf_vm_console_tail(run->vm, CONSOLE_LINES, &tail);

	return strdup(err || !tail ? "" : behind_firmware(tail));
}

static void add_console(struct sf_run *run)
{
	_cleanup_free_ char *words = kernel_words(run);

	if (words && words[0])
		sf_run_find(run, SF_PASS, "console", "%s", words);
}

static bool has_panicked(const struct sf_run *run)
{
	return run->ended && (run->end.type == SF_VM_EVENT_PANIC || run->end.type == SF_VM_EVENT_RESET);
}

static void miss_deadline(struct sf_run *run)
{
	_cleanup_free_ char *words = kernel_words(run);
	bool silent = !words || !words[0];

	sf_run_find(run, SF_DEADLINE_PASSED, "harness", "the deadline passed: the run did not end within %.3g s%s%s",
		    (double)run->opt.deadline_ns / 1e9, run->heard ? "" : "; nothing was heard from the guest",
		    run->heard ? "" : silent ? ", and its kernel printed nothing" : "; its kernel's last words are below");
	last_frame(run, SF_MOMENT_DEADLINE, "the deadline ended the run");
	add_console(run);
}

/* A guest that was not heard of has a kernel that is not known: there is nothing to see that is worth the wait. */
static void be_interrupted(struct sf_run *run)
{
	sf_run_find(run, SF_INTERRUPTED, "harness", "interrupted");
	if (run->heard)
		last_frame(run, SF_MOMENT_INTERRUPTED, "the run was interrupted");
}

static void guest_loop(struct sf_run *run)
{
	bool in_time = true;

	while (!run->done && !run->ended && !run->stop_now && in_time)
		in_time = turn(run, run->deadline, true);
	/* From here on only what was asked for is waited for, and a last frame. */
	pthread_mutex_lock(&run->lock);
	run->ending = true;
	pthread_mutex_unlock(&run->lock);
	if (run->ended)
		read_rest(run);
	if (run->stop_now && !run->done) {
		be_interrupted(run);
	} else if (!in_time && !run->done && !run->ended) {
		miss_deadline(run);
	} else if (has_panicked(run)) {
		last_frame(run, SF_MOMENT_PANIC, run->end.text);
		add_console(run);
	}
	settle_captures(run, LAST_FRAME_TIMEOUT);
	if (run->hurry)
		sf_run_find(run, SF_INTERRUPTED, "harness", "interrupted %s", sf_run_captures_pending(run) ?
			    "while captures were still to be kept" : "at the end of the run");
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static enum sf_verdict verdict_of_error(struct sf_error *err)
{
	switch (sf_error_code(err)) {
	case SF_USAGE:
	case SF_BAD_INPUT:
	case SF_NOT_FOUND:
	case SF_KERNEL:
		return SF_BAD_USAGE;
	default:
		return SF_HARNESS_FAILED;
	}
}

static void run_guest(struct sf_run *run)
{
	/* Fetching a kernel and proving KVM are not the guest's time. */
	if (__builtin_add_overflow(run->started, run->opt.deadline_ns, &run->deadline))
		run->deadline = SF_NEVER;
	guest_loop(run);
}

static void execute(struct sf_run *run)
{
	SF_OWNED(error) err = start(run);

	if (err && cancelled(run))
		sf_run_find(run, SF_INTERRUPTED, "harness", "interrupted");
	else if (err)
		sf_run_find(run, verdict_of_error(err), "harness", "%s", sf_error_message(err));
	else
		run_guest(run);
	if (run->coordinator)
		sf_coordinator_totals(run->coordinator, &run->totals);
	sf_coordinator_free(run->coordinator);
	run->coordinator = NULL;
	/* What nobody waited for any more was answered all the same; the guest does not need to know. */
	run->port_dead = true;
	while (take_outcome(run))
		;
	if (!err)
		sf_run_conclude(run);
	run->finished = sf_vm_clock();
}

struct sf_error *sf_run_execute(const struct sf_run_options *options, struct sf_run **ret)
{
	SF_OWNED(run) run = run_new(options);
	struct sf_error *err;

	if (!run || !run->scheduler)
		return sf_error_nomem();
	if (run->notify < 0)
		return sf_error_sys(errno, "eventfd");
	SF_TRY(settle_topology(&run->opt));
	SF_TRY(sf_run_check_expects(&run->opt));
	SF_TRY(sf_run_begin_scenario(run));
	SF_TRY(sf_run_make_dir(run));
	SF_TRY(sf_run_write_json(run, false));
	execute(run);
	err = sf_run_write_json(run, true);
	if (err) {
		sf_run_find(run, SF_HARNESS_FAILED, "harness", "run.json: %s", sf_error_message(err));
		sf_error_free(err);
	}
	/* QEMU goes before we say how it went: nothing is left running. */
	sf_vm_free(steal_ptr(&run->vm));
	*ret = steal_ptr(&run);
	return NULL;
}
