#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.json of runs that ended in every way is what its schema says, and others read what is made of it.
. "$(dirname "$0")/lib.sh"
plan 5
SCHEMA=$(dirname "$0")/../../docs/run.schema.json
OLD_KERNEL=$4

start() {
	"$@" >"$OUT" 2>&1 &
	PID=$!
}

is_of_schema() {
	"$BUILD/tests/e2e/run_json" "$SCHEMA" "$@"
}

# Test points of our own, not of the levels below, as perl reads them: "tests failed".
tap() {
	if [ "$1" = top ]; then grep -v '^  '; else sed -n 's/^  //p'; fi <ktap.txt |
		perl -e 'use TAP::Parser; local $/; my $p = TAP::Parser->new({ tap => scalar <STDIN> }); $p->run;
			die $p->parse_errors if $p->parse_errors; print scalar($p->actual_passed) + scalar($p->actual_failed), " ",
			scalar($p->actual_failed), "\n"'
}

# "tests failures errors skipped"
junit() {
	python3 -c 'import sys, xml.etree.ElementTree as E
s = E.parse(sys.argv[1]).getroot().find("testsuite")
print(*(s.get(k) for k in ("tests", "failures", "errors", "skipped")))' junit.xml
}

run_reported() {
	want=$1
	shift
	set +e
	"$STILLFRAME" run --kernel "$KERNEL" --accel tcg --out run --junit junit.xml --summary steps.md --ktap "$@" \
		>ktap.txt 2>"$OUT"
	got=$?
	set -e
	cat ktap.txt "$OUT"
	[ "$got" = "$want" ]
	is_of_schema run/run.json
}

a_run_that_passes() {
	run_reported 0 --scheduler "$OBJECT" --for 1s --capture a@200ms --capture b@900ms \
		--expect 'var(nr_dispatched) > 0' --expect 'a:count(map(scx_per_task)) > 0'
	[ "$(tap top)" = '1 0' ]
	[ "$(tap subtests)" = '6 0' ]
	[ "$(junit)" = '6 0 0 0' ]
	grep '^## stillframe: pass$' steps.md
	[ "$(json run/run.json '[e["result"] for e in d["expects"]]')" = "['held', 'held']" ]
	[ "$(json run/run.json 'd["topology"]["cpus"], d["memory"] >> 20')" = '(2, 1024)' ]
}

an_expectation_that_fails() {
	run_reported 1 --scheduler "$OBJECT" --for 1s --capture a@200ms --expect 'var(nr_dispatched) == 0' \
		--expect 'nothing:var(nr_dispatched) > 0'
	[ "$(tap top)" = '1 1' ]
	[ "$(tap subtests)" = '5 2' ]
	[ "$(junit)" = '5 1 1 0' ]
	grep '^\*\*expect var(nr\\_dispatched) == 0\*\*: fail$' steps.md
	[ "$(json run/run.json '[e["result"] for e in d["expects"]]')" = "['failed', 'unknown']" ]
}

a_scenario_whose_step_fails() {
	cat >scenario.yaml <<-E
		scheduler: none
		steps:
		  - cgroup: {name: a, weight: 200}
		  - cpu: {number: 1, online: false}
		  - capture: one
		  - workers: {kind: sleep, cgroup: a, cpus: 1}
		  - capture: two
		expect: [var(x) == 1]
	E
	run_reported 1 scenario.yaml
	[ "$(tap subtests)" = '8 1' ]
	[ "$(junit)" = '8 1 0 2' ]
	[ "$(json run/run.json '[e["result"] for e in d["expects"]]')" = "['not asked']" ]
}

a_kernel_that_cannot_run_it() {
	if [ -z "$OLD_KERNEL" ]; then
		echo 'no kernel without sched_ext is here'
		return
	fi
	run 3 "$STILLFRAME" run --kernel "$OLD_KERNEL" --accel tcg --scheduler "$OBJECT" --out run --junit junit.xml
	[ ! -f run/run.json ] || is_of_schema run/run.json
}

a_run_that_was_killed_says_that_it_is_not_complete() {
	start "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 60s --capture a@100ms --capture b@59s --out run \
		--scheduler "$OBJECT" --expect 'b:var(nr_dispatched) > 0'
	pid=$PID
	wait_for 60 grep -q a.frame run/run.json
	run 0 "$STILLFRAME" ls run
	says 'not complete: the run is going on'
	is_of_schema run/run.json
	kill -KILL "$pid"
	set +e
	wait "$pid"
	set -e
	is_of_schema run/run.json
	[ "$(json run/run.json 'd["complete"], [c["name"] for c in d["captures"]]')" = "(False, ['a'])" ]
	# One that was being written has no name of a frame.
	cp run/a.frame run/b.frame.tmp.abcdef
	run 0 "$STILLFRAME" ls run
	says 'not complete: the run was cut off'
	says '^  a  .*a.frame'
	[ "$(grep -c frame "$OUT")" -ge 1 ]
	[ "$(grep -c 'b.frame' "$OUT")" = 0 ]
	run 0 "$STILLFRAME" show run/a.frame 'var(nr_dispatched)'
}

proves a_run_that_passes
proves an_expectation_that_fails
proves a_scenario_whose_step_fails
proves a_kernel_that_cannot_run_it
proves a_run_that_was_killed_says_that_it_is_not_complete
