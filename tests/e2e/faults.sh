#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is wrong is said in the words of the thing that is wrong, with the exit code that is its own, and nothing is left.
# A fourth argument: a kernel without sched_ext.
. "$(dirname "$0")/lib.sh"
OLD_KERNEL=$4
HERE=$(cd "$(dirname "$0")" && pwd)
BAD=$BUILD/tests/bpf/$SERIES
plan 16

stillframe_run() {
	code=$1
	shift
	run "$code" "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --out run "$@"
}

a_rejected_scheduler_fails_with_the_verifiers_words() {
	stillframe_run 1 --scheduler "$BAD/rejected.bpf.o"
	says 'was not attached'
	says 'invalid mem access|R[0-9]|processed [0-9]+ insns'
}

an_object_without_sched_ext_ops_is_bad_input() {
	stillframe_run 3 --scheduler "$BAD/no_ops.bpf.o"
	says 'sched_ext_ops'
}

an_object_with_two_names_both() {
	stillframe_run 3 --scheduler "$BAD/two.bpf.o"
	says 'first.*second|second.*first|two'
}

a_scheduler_that_errs_fails_with_the_kernels_reason() {
	run 1 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 10s --out run --scheduler "$BAD/errors.bpf.o"
	says 'left before'
}

a_program_that_exits_at_once_fails() {
	stillframe_run 1 --scheduler /bin/true
	says 'was not attached'
}

a_program_that_never_attaches_fails() {
	run 1 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --attach-timeout 3s --out run \
		--scheduler /bin/sleep -- 1000
	says 'not attached'
}

a_missing_library_is_named() {
	printf 'int thing(void) { return 0; }' >thing.c
	printf 'int thing(void); int main(void) { return thing(); }' >user.c
	gcc -shared -fPIC -o libsfmissing.so thing.c
	gcc -o user user.c -L. -lsfmissing
	rm libsfmissing.so
	stillframe_run 3 --scheduler ./user
	says 'libsfmissing.so'
}

a_scheduler_that_is_not_there_is_named() {
	stillframe_run 3 --scheduler ./nowhere.bpf.o
	says 'nowhere.bpf.o'
}

a_kernel_without_sched_ext_is_said_by_its_option() {
	STILLFRAME_QEMU=$HERE/qemu-no-cx16 run 3 "$STILLFRAME" run --kernel "$OLD_KERNEL" --accel tcg --for 1s --out run --scheduler "$OBJECT"
	says 'CONFIG_SCHED_CLASS_EXT'
}

what_is_no_kernel_is_refused() {
	run 3 "$STILLFRAME" run --kernel /bin/ls --scheduler "$OBJECT" --out run
	says '/bin/ls'
	: >empty
	run 3 "$STILLFRAME" run --kernel ./empty --scheduler "$OBJECT" --out run2
	says 'empty'
}

a_missing_or_old_qemu_is_refused() {
	STILLFRAME_QEMU=/nowhere/qemu run 3 "$STILLFRAME" run --kernel "$KERNEL" --scheduler "$OBJECT" --out run
	says '/nowhere/qemu'
	printf '#!/bin/sh\necho "QEMU emulator version 5.2.0"\n' >old-qemu
	chmod +x old-qemu
	STILLFRAME_QEMU=$PWD/old-qemu run 3 "$STILLFRAME" run --kernel "$KERNEL" --scheduler "$OBJECT" --out run2
	says '5\.2'
	says '7\.2'
}

# full_disk SIZE: a run in a directory of so many bytes; its words are in $OUT.
full_disk() {
	[ "$(id -u)" = 0 ] || return 0
	mkdir small
	mount -t tmpfs -o size="$1" tmpfs small
	set +e
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --capture a@500ms --out small/run --scheduler "$OBJECT" >"$OUT" 2>&1
	code=$?
	leftovers=$(find small -name '*.tmp*')
	umount small
	set -e
	cat "$OUT"
	[ "$code" = 125 ]
	says 'No space left'
	[ -z "$leftovers" ]
}

# Room for the initramfs, which goes when the guest has it, but not for the kernel's facts and a frame.
a_disk_that_fills_while_a_frame_is_written_fails_the_harness() {
	full_disk 3300k
	[ "$(id -u)" != 0 ] || says 'frame "a" could not be written'
}

a_disk_that_is_full_before_the_guest_boots_fails_the_harness() {
	full_disk 600k
	[ "$(id -u)" != 0 ] || says 'initramfs'
}

two_runs_in_one_directory_do_not_mix() {
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 2s --out run --scheduler "$OBJECT" >first.txt 2>&1 &
	first=$!
	wait_for 30 test -f run/run.json
	run 3 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --out run --force --scheduler "$OBJECT"
	says 'in use'
	wait "$first"
	run 3 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --out run --scheduler "$OBJECT"
	says 'not empty'
	[ "$(json run/run.json 'd["complete"]')" = True ]
}

a_broken_frame_is_refused() {
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --capture a@500ms --out run --scheduler "$OBJECT" >"$OUT" 2>&1
	head -c 20000 run/a.frame >run/cut.frame
	run 3 "$STILLFRAME" show run/cut.frame
	says 'cut'
	cp run/a.frame run/other.frame
	printf '\377' | dd of=run/other.frame bs=1 seek=200 conv=notrunc status=none
	run 3 "$STILLFRAME" show run/other.frame
	run 3 "$STILLFRAME" show run/console.log
	run 3 "$STILLFRAME" show run/nothing.frame
	says 'nothing.frame'
}

bad_options_are_named() {
	run 3 "$STILLFRAME" run --for soon --scheduler "$OBJECT"
	says '--for'
	run 3 "$STILLFRAME" run --topology none --scheduler "$OBJECT"
	says '--topology'
	run 3 "$STILLFRAME" run --capture nameless --scheduler "$OBJECT"
	says '--capture'
	run 3 "$STILLFRAME" run --nonsense
	says 'nonsense'
	run 3 "$STILLFRAME" dance
	says 'dance'
}

proves a_rejected_scheduler_fails_with_the_verifiers_words
proves an_object_without_sched_ext_ops_is_bad_input
proves an_object_with_two_names_both
proves a_scheduler_that_errs_fails_with_the_kernels_reason
proves a_program_that_exits_at_once_fails
proves a_program_that_never_attaches_fails
proves a_missing_library_is_named
proves a_scheduler_that_is_not_there_is_named
proves a_kernel_without_sched_ext_is_said_by_its_option
proves what_is_no_kernel_is_refused
proves a_missing_or_old_qemu_is_refused
proves a_disk_that_fills_while_a_frame_is_written_fails_the_harness
proves a_disk_that_is_full_before_the_guest_boots_fails_the_harness
proves two_runs_in_one_directory_do_not_mix
proves a_broken_frame_is_refused
proves bad_options_are_named
