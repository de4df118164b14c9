#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What doctor says of machines that are as they should be, and of some that are not; it leaves nothing behind.
. "$(dirname "$0")/lib.sh"
plan 12

doctor() {
	code=$1
	shift
	run "$code" env "$@" "$STILLFRAME" doctor
}

# fake_qemu WORDS: says that it is QEMU 7.2, and these words to whatever else it is asked.
fake_qemu() {
	printf '#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 7.2.0" && exit\necho "%s"\n' "$1" >qemu
	chmod +x qemu
}

where_all_is_well_a_run_is_possible() {
	mkdir tmp
	doctor 0 TMPDIR="$PWD/tmp"
	says '^ok  qemu '
	says '^ok  features '
	says '^ok  machine '
	says '^(ok|no)  kvm '
	says 'A run is possible here, under (TCG|KVM)\.'
	[ -z "$(ls tmp)" ]
	[ -z "$(qemus)" ]
}

lines_fit_and_have_no_colour_in_a_pipe() {
	doctor 0
	! awk 'length > 80' "$OUT" | grep . || return 1
	! grep -q "$(printf '\033')" "$OUT" || return 1
}

json_says_the_same() {
	doctor 0
	run 0 "$STILLFRAME" doctor --json
	mv "$OUT" doctor.json
	[ "$(json doctor.json 'd["schema"], d["possible"]')" = "('stillframe-doctor-1', True)" ]
	[ "$(json doctor.json '[c["name"] for c in d["checks"] if c["state"] not in ("ok", "no", "unknown")]')" = '[]' ]
	[ "$(json doctor.json '[c["name"] for c in d["checks"] if c["name"] == "qemu"]')" = "['qemu']" ]
}

without_qemu_it_says_how_to_get_it() {
	doctor 1 PATH=/nowhere
	says '^no  qemu '
	says 'qemu-system-x86, and STILLFRAME_QEMU'
	says 'No run is possible here, because of: qemu'
}

an_old_qemu_will_not_do() {
	printf '#!/bin/sh\necho "QEMU emulator version 5.2.0"\n' >qemu
	chmod +x qemu
	doctor 1 STILLFRAME_QEMU="$PWD/qemu"
	says '5\.2.*7\.2 or newer'
}

what_is_no_qemu_will_not_do() {
	doctor 1 STILLFRAME_QEMU=/bin/true
	says 'is not QEMU'
}

a_qemu_without_what_is_needed_is_told_what() {
	fake_qemu '-accel tcg'
	doctor 1 STILLFRAME_QEMU="$PWD/qemu"
	says '^no  features '
	says 'lacks .*-machine q35.*virtserialport.*-sandbox'
	says '^no  plugins '
	says '^no  machine '
	says 'No run is possible here, because of: features, machine\.'
}

without_a_home_there_is_no_cache() {
	run 1 env -u HOME -u XDG_CACHE_HOME "$STILLFRAME" doctor
	says '^no  cache '
	says 'XDG_CACHE_HOME'
}

a_cache_that_cannot_be_made_is_named() {
	: >file
	doctor 1 XDG_CACHE_HOME="$PWD/file"
	says '^no  cache '
	says 'because of: .*cache'
}

an_empty_cache_is_no_obstacle_where_kernels_can_be_fetched() {
	mkdir cache
	run 0 env XDG_CACHE_HOME="$PWD/cache" "$STILLFRAME" doctor
	says '^\?\?  kernels '
	says 'stillframe kernel get'
}

a_limit_on_the_size_of_files_is_found() {
	run 1 sh -c 'ulimit -f 1000; exec "$1" doctor' sh "$STILLFRAME"
	says '^no  memfd '
	says 'ulimit -f'
}

bad_words_are_refused() {
	run 3 "$STILLFRAME" doctor now
	says 'no operand'
	run 3 "$STILLFRAME" doctor --fix
	says 'there is no option'
}

proves where_all_is_well_a_run_is_possible
proves lines_fit_and_have_no_colour_in_a_pipe
proves json_says_the_same
proves without_qemu_it_says_how_to_get_it
proves an_old_qemu_will_not_do
proves what_is_no_qemu_will_not_do
proves a_qemu_without_what_is_needed_is_told_what
proves without_a_home_there_is_no_cache
proves a_cache_that_cannot_be_made_is_named
proves an_empty_cache_is_no_obstacle_where_kernels_can_be_fetched
proves a_limit_on_the_size_of_files_is_found
proves bad_words_are_refused
