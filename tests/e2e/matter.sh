#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# When something goes wrong there is a frame of it that nobody had to ask for, and it says why it was taken.
. "$(dirname "$0")/lib.sh"
plan 13

OBJECTS=$BUILD/tests/bpf/$SERIES

matter() {
	code=$1
	test=$2
	run "$code" "$BUILD/tests/e2e/matter" --verbose --kernel "$KERNEL" --scheduler "${3:-$OBJECT}" --accel tcg --out run "$test"
	cat "$OUT"
	[ -z "$(qemus)" ]
}

# frame DIR NAME CAUSE WORDS: it is there, opens, and gives its reason in these words.
frame() {
	run 0 "$STILLFRAME" show "$1/$2.frame"
	says "$3"
	says "$4"
	json "$1/run.json" "[c['cause'] + ' ' + c.get('reason', '') for c in d['captures'] if c['file'] == '$2.frame'][0]" >reason.txt
	grep -E -q "^$3 .*$4" reason.txt || {
		cat reason.txt
		return 1
	}
}

a_soft_lockup_takes_a_frame_and_fails_the_scheduler() {
	matter 1 locks-up "$OBJECTS/loops.bpf.o"
	says 'kernel told of a soft lockup under the scheduler'
	frame run/locks-up soft-lockup soft-lockup 'BUG: soft lockup - CPU#'
	run 0 "$STILLFRAME" show run/locks-up/soft-lockup.frame 'var(loop_began) > 0'
}

words_of_the_kernel_from_a_program_cost_a_frame_and_no_verdict() {
	matter 0 lies
	says 'the kernel.s log does not; a program wrote.*soft lockup'
	says 'the kernel.s log does not; a program wrote.*self-detected'
	[ "$(json run/lies/run.json 'len(d["captures"])')" = 2 ]
}

a_failed_assertion_is_kept_before_anything_is_cleaned_up() {
	matter 1 fails "$OBJECTS/hotplug.bpf.o"
	frame run/fails failed failed 'there is 1 CPU offline'
	run 0 "$STILLFRAME" show run/fails/failed.frame 'var(nr_offline) == 1 && var(nr_online) == 0'
	[ "$(json run/fails/run.json 'len(d["captures"])')" = 1 ]
}

assertions_that_fail_without_end_take_four_frames() {
	matter 1 fails-often
	frame run/fails-often failed failed 'check 0 does not hold'
	frame run/fails-often failed.4 failed 'check 3 does not hold'
	[ "$(json run/fails-often/run.json 'len(d["captures"])')" = 4 ]
	says 'check 3' && run 0 cat run/fails-often/run.json && says 'check 9 does not hold'
}

a_step_that_fails_takes_a_frame() {
	cat >cpu.yaml <<-END
	scheduler: $OBJECTS/hotplug.bpf.o
	steps:
	  - cpu: {number: 1, online: false}
	  - workers: {kind: spin, cpus: 1}
	END
	run 1 "$STILLFRAME" run cpu.yaml --kernel "$KERNEL" --accel tcg --out run
	cat "$OUT"
	frame run failed failed 'CPUs 1 for workers'
	run 0 "$STILLFRAME" show run/failed.frame 'var(nr_offline) == 1'
}

a_test_that_is_killed_takes_a_frame() {
	matter 1 crashes
	says 'signal 11'
	frame run/crashes test-died test-died 'signal 11'
}

a_scheduler_that_is_thrown_out_is_the_one_reason() {
	matter 1 takes-a-cpu
	says 'left before the end'
	frame run/takes-a-cpu scheduler-exit scheduler-exit 'unregistered from the main kernel'
	run 0 cat run/takes-a-cpu/run.json
	if says 'signal 9'; then
		return 1
	fi
}

a_scheduler_that_stalls_leaves_a_frame_with_its_maps() {
	run 1 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 60s --out run --scheduler "$OBJECTS/stalls.bpf.o"
	says 'scheduler-exit'
	frame run scheduler-exit scheduler-exit 'runnable task stall'
}

is_attached() {
	grep -q 'is attached' "$OUT"
}

ctrl_c_takes_a_last_frame() {
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 100s --out run --scheduler "$OBJECT" >"$OUT" 2>&1 &
	pid=$!
	wait_for 60 is_attached
	kill -INT "$pid"
	got=0
	wait "$pid" || got=$?
	cat "$OUT"
	[ "$got" = 130 ]
	says 'the run was interrupted'
	frame run interrupted interrupted 'the run was interrupted'
	run 0 "$STILLFRAME" show run/interrupted.frame 'var(nr_dispatched) >= 0'
	[ -z "$(qemus)" ]
}

a_capture_of_the_same_name_is_kept_too() {
	run 124 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 100s --deadline 15s --out run --capture deadline@10ms \
		--scheduler "$OBJECT"
	frame run deadline.2 deadline 'the deadline ended the run'
	run 0 "$STILLFRAME" show run/deadline.frame
	says 'on-demand'
}

a_kernel_that_stops_before_it_prints_meets_the_deadline() {
	cp "$KERNEL" broken
	# In the middle of what it unpacks itself from.
	dd if=/dev/zero of=broken bs=4096 seek=1000 count=16 conv=notrunc 2>/dev/null
	run 124 "$STILLFRAME" run --kernel "$PWD/broken" --accel tcg --deadline 8s --out run --scheduler none
	cat "$OUT"
	says 'nothing was heard from the guest, and its kernel printed nothing'
	[ -z "$(qemus)" ]
}

a_kernel_whose_init_ends_panics_and_says_so() {
	echo 'int main(void) { return 3; }' >init.c
	gcc -static -o init init.c
	STILLFRAME_AGENT=$PWD/init run 255 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --out run --scheduler none
	cat "$OUT"
	says 'Attempted to kill init'
	frame run panic panic 'Attempted to kill init'
}

a_truncated_kernel_is_refused_or_meets_the_deadline() {
	head -c 5000000 "$KERNEL" >cut
	set +e
	"$STILLFRAME" run --kernel "$PWD/cut" --accel tcg --deadline 8s --out run --scheduler none >"$OUT" 2>&1
	got=$?
	set -e
	cat "$OUT"
	[ "$got" = 3 ] || [ "$got" = 124 ]
	[ -z "$(qemus)" ]
}

proves a_soft_lockup_takes_a_frame_and_fails_the_scheduler
proves words_of_the_kernel_from_a_program_cost_a_frame_and_no_verdict
proves a_failed_assertion_is_kept_before_anything_is_cleaned_up
proves assertions_that_fail_without_end_take_four_frames
proves a_step_that_fails_takes_a_frame
proves a_test_that_is_killed_takes_a_frame
proves a_scheduler_that_is_thrown_out_is_the_one_reason
proves a_scheduler_that_stalls_leaves_a_frame_with_its_maps
proves ctrl_c_takes_a_last_frame
proves a_capture_of_the_same_name_is_kept_too
proves a_kernel_that_stops_before_it_prints_meets_the_deadline
proves a_kernel_whose_init_ends_panics_and_says_so
proves a_truncated_kernel_is_refused_or_meets_the_deadline
