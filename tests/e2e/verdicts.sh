#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# No recipe for a false green passes, and each says what was not observed.
. "$(dirname "$0")/lib.sh"
plan 16

verdict() {
	code=$1
	test=$2
	run "$code" "$BUILD/tests/e2e/verdicts" --kernel "$KERNEL" --scheduler "${3:-$OBJECT}" --accel tcg --out run "$test"
	cat "$OUT"
	says 'KTAP version 1'
	[ -z "$(qemus)" ]
}

a_test_that_saw_what_it_wanted_passes() {
	verdict 0 good
	says '^ok 1 good'
}

a_missing_capture_is_inconclusive() {
	verdict 2 missing-capture
	says '^not ok 1 missing-capture # inconclusive'
	says 'no capture "mid"'
}

a_check_that_looked_at_nothing_is_inconclusive() {
	verdict 2 looked-at-nothing
	says 'looked at nothing'
}

a_wrong_number_fails() {
	verdict 1 wrong-number
	says 'it is 2'
}

an_unknown_variable_fails_and_names_the_nearest() {
	verdict 1 no-such-variable
	says 'nr_dispatched'
}

a_value_that_was_not_published_is_inconclusive() {
	verdict 2 no-such-value
	says 'never-published'
}

a_failed_assertion_in_the_guest_fails() {
	verdict 1 scenario-fails
	says 'getpid\(\) == 1 does not hold'
}

a_crash_in_the_guest_fails() {
	verdict 1 scenario-crashes
	says 'signal 11'
}

a_result_that_does_not_hold_fails() {
	verdict 1 result-fails
	says 'seven is 8'
}

a_watch_is_answered_with_a_refusal() {
	verdict 0 watch-is-refused
}

a_panic_leaves_a_frame_and_ends_promptly() {
	verdict 255 panics
	says 'panic'
	says 'sysrq'
	run 0 "$STILLFRAME" show run/panics/panic.frame
	says 'nr_dispatched='
	echo "# from the panic's event to the verdict: $(json run/panics/run.json 'd["timings"]["panic_ns"]') ns"
}

a_scheduler_that_is_rejected_fails_whatever_the_check_says() {
	verdict 1 looked-at-nothing "$BUILD/tests/bpf/$SERIES/rejected.bpf.o"
	says 'was not attached'
}

a_scheduler_whose_init_fails_is_not_attached() {
	verdict 1 good "$BUILD/tests/bpf/$SERIES/refused.bpf.o"
	says 'was not attached'
}

a_scheduler_that_stalls_is_thrown_out_and_fails() {
	run 1 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 60s --out run --scheduler "$BUILD/tests/bpf/$SERIES/stalls.bpf.o"
	says 'left before'
	says 'stall|watchdog'
}

# A guest whose PID 1 is not ours and says nothing.
a_dead_port_is_inconclusive() {
	cat >mute.c <<-END
	#include <sys/reboot.h>
	int main(void) { reboot(RB_POWER_OFF); return 0; }
	END
	gcc -static -o mute mute.c
	STILLFRAME_AGENT=$PWD/mute run 2 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --out run --scheduler "$OBJECT" --capture a@100ms
	says 'nothing was heard|without a last word'
}

a_silent_guest_meets_the_deadline() {
	cat >mute.c <<-END
	#include <unistd.h>
	int main(void) { for (;;) pause(); }
	END
	gcc -static -o mute mute.c
	STILLFRAME_AGENT=$PWD/mute run 124 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --deadline 12s --out run --scheduler "$OBJECT"
	says 'nothing was heard'
	run 0 "$STILLFRAME" show run/deadline.frame
}

proves a_test_that_saw_what_it_wanted_passes
proves a_missing_capture_is_inconclusive
proves a_check_that_looked_at_nothing_is_inconclusive
proves a_wrong_number_fails
proves an_unknown_variable_fails_and_names_the_nearest
proves a_value_that_was_not_published_is_inconclusive
proves a_failed_assertion_in_the_guest_fails
proves a_crash_in_the_guest_fails
proves a_result_that_does_not_hold_fails
proves a_watch_is_answered_with_a_refusal
proves a_panic_leaves_a_frame_and_ends_promptly
proves a_scheduler_that_is_rejected_fails_whatever_the_check_says
proves a_scheduler_whose_init_fails_is_not_attached
proves a_scheduler_that_stalls_is_thrown_out_and_fails
proves a_dead_port_is_inconclusive
proves a_silent_guest_meets_the_deadline
