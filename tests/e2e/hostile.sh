#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Schedulers that behave as nobody should: the run ends in time, says in a line what happened, and leaves nothing behind.
# What each of them does is in hostile.c.
. "$(dirname "$0")/lib.sh"
HOSTILE=$BUILD/tests/e2e/hostile
PLAIN=$BUILD/tests/bpf/$SERIES/plain.bpf.o
plan 14

steps=
# hostile CODE HOW [OPTION...]: a run of that scheduler. What its files are must not differ from those of any run.
hostile() {
	code=$1
	how=$2
	shift 2
	cat >scenario.yaml <<-E
		scheduler: {program: $HOSTILE, args: [$how, $PLAIN], files: [$PLAIN]}
		$steps
	E
	TMPDIR=$PWD/tmp
	export TMPDIR
	mkdir "$TMPDIR"
	run "$code" "$STILLFRAME" run scenario.yaml --kernel "$KERNEL" --accel tcg --out run "$@"
	[ -z "$(qemus)" ]
	[ -z "$(ls -A "$TMPDIR")" ]
	[ "$(json run/run.json 'd["complete"]')" = True ]
	[ -z "$(find run -type f ! -name '*.frame' ! -name 'facts-*' ! -name '*.json' ! -name '*.log')" ]
	# A terminal is told nothing that it would obey.
	if LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" "$OUT"; then
		return 1
	fi
}

# The scheduler alone: nobody else takes the CPU that it needs to get where it is to be seen.
alone() {
	steps="steps: [hold: $1, capture: a, expect: var(nr_running) > 0]"
}

# It was attached, and a capture that was asked for says so.
works() {
	hostile 0 "$@" --capture a@200ms --expect 'var(nr_running) > 0'
	says '^pass +expect: '
}

what_is_only_odd_is_nobodys_business() {
	works odd --for 500ms --verbose
	says 'reboot: Operation not permitted'
	says 'scheduler: .x1b]0;title'
	says 'scheduler: y{1000}.*…'
}

a_daemon_that_is_deaf_is_judged_by_its_scheduler_and_killed_in_the_end() {
	works daemon --for 500ms
	says 'warning: .*did not end within 3 s of SIGTERM, and was killed'
}

one_that_stops_itself_is_ended_all_the_same() {
	works stop --for 500ms
	if says 'warning: '; then
		return 1
	fi
}

one_that_stops_itself_before_it_is_attached_is_told() {
	hostile 1 stop-early --attach-timeout 1s
	says 'was not attached within 1.0 s; a signal has stopped its process'
}

its_last_words_are_in_the_finding() {
	hostile 1 fail
	says 'it exited with status 3 before it was attached'
	says 'no such device: cannot go on'
}

a_crash_before_it_is_attached_is_told() {
	hostile 1 crash
	says 'it was killed by signal 11 .Segmentation fault. before it was attached'
}

a_crash_later_is_told() {
	hostile 1 crash-late --for 20s
	says 'left before the end, its process was killed by signal 11'
}

a_flood_of_lines_is_read_to_its_end_and_counted() {
	alone 90s
	hostile 1 print
	says 'left before the end, its process ended with status 7'
	says 'warning: [0-9]+ lines of the guest.s programs were not sent'
}

full_disks_are_its_own_matter() {
	alone 60s
	hostile 1 fill --memory 256M
	says 'left before the end, its process ended with status 4'
	says '/full: No space left on device after [0-9]+ MiB'
	says '/run/full: No space left on device'
	says '/dev/full-of-it: No space left on device'
}

who_takes_all_memory_is_told_so() {
	alone 60s
	hostile 1 memory --memory 256M
	says 'left before the end, its process was killed by signal 9 .*the guest ran out of memory'
}

a_fork_bomb_stays_small() {
	alone 60s
	hostile 1 fork
	says 'its process ended with status 5'
	says 'fail +guest: scheduler: its processes came to the limit of 1024, and more were refused'
}

who_kills_the_workload_is_told_so() {
	hostile 1 kill --for 60s
	says 'fail +guest: scheduler: [0-9]+ workers? of the run ended before their time'
}

one_that_comes_again_is_the_same_run() {
	alone 4s
	hostile 0 again
	says 'warning: .*the scheduler left .unregistered from user space., and its program attached it again'
}

who_crashes_the_kernel_is_told_so() {
	hostile 255 sysrq --for 20s
	says 'Kernel panic - not syncing: sysrq triggered crash'
}

proves what_is_only_odd_is_nobodys_business
proves a_daemon_that_is_deaf_is_judged_by_its_scheduler_and_killed_in_the_end
proves one_that_stops_itself_is_ended_all_the_same
proves one_that_stops_itself_before_it_is_attached_is_told
proves its_last_words_are_in_the_finding
proves a_crash_before_it_is_attached_is_told
proves a_crash_later_is_told
proves a_flood_of_lines_is_read_to_its_end_and_counted
proves full_disks_are_its_own_matter
proves who_takes_all_memory_is_told_so
proves a_fork_bomb_stays_small
proves who_kills_the_workload_is_told_so
proves one_that_comes_again_is_the_same_run
proves who_crashes_the_kernel_is_told_so
