#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs at the same time do not disturb each other, and a directory belongs to one of them.
. "$(dirname "$0")/lib.sh"
plan 3

# start NAME WORD...: a run in the background, its output in NAME.txt; PID is its.
start() {
	name=$1
	shift
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 1s --capture mid@300ms --capture end@800ms \
		--expect 'mid:var(nr_dispatched) > 0' --scheduler "$OBJECT" "$@" >"$name.txt" 2>&1 &
	PID=$!
}

# ended NAME PID: waits for it; its exit code is in GOT.
ended() {
	set +e
	wait "$2"
	GOT=$?
	set -e
	echo "$1: $GOT"
	cat "$1.txt"
}

is_whole() {
	[ "$(json "$1/run.json" 'd["complete"], d["verdict"]')" = "(True, 'pass')" ]
	[ "$(json "$1/run.json" '[c["file"] for c in d["captures"]]')" = "['mid.frame', 'end.frame']" ]
	run 0 "$STILLFRAME" show "$1/mid.frame"
	run 0 "$STILLFRAME" show "$1/end.frame"
	[ -z "$(find "$1" -name '*.tmp*')" ]
}

two_runs_at_once_get_a_directory_each() {
	start one
	one=$PID
	start two
	two=$PID
	ended one "$one"
	[ "$GOT" = 0 ]
	ended two "$two"
	[ "$GOT" = 0 ]
	[ "$(ls stillframe.out)" = "$(printf 'sf_example-1\nsf_example-2')" ]
	is_whole stillframe.out/sf_example-1
	is_whole stillframe.out/sf_example-2
	[ -z "$(qemus)" ]
}

one_of_two_in_one_directory_is_refused_and_the_other_unharmed() {
	start one --out run
	one=$PID
	start two --out run
	two=$PID
	ended one "$one"
	first=$GOT
	ended two "$two"
	[ "$first$GOT" = 03 ] || [ "$first$GOT" = 30 ]
	if [ "$first" = 3 ]; then cp one.txt "$OUT"; else cp two.txt "$OUT"; fi
	says 'run is in use by another run'
	is_whole run
	[ -z "$(qemus)" ]
}

force_does_not_take_a_directory_that_is_in_use() {
	start one --out run
	one=$PID
	wait_for 60 test -f run/run.json
	echo mine >run/notes.txt
	start two --out run --force
	ended two "$PID"
	[ "$GOT" = 3 ]
	cp two.txt "$OUT"
	says 'run is in use by another run'
	ended one "$one"
	[ "$GOT" = 0 ]
	is_whole run
	[ "$(cat run/notes.txt)" = mine ]
}

proves two_runs_at_once_get_a_directory_each
proves one_of_two_in_one_directory_is_refused_and_the_other_unharmed
proves force_does_not_take_a_directory_that_is_in_use
