#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Scenario files: their steps happen in the guest, their questions are asked, their mistakes are named by file and line.
. "$(dirname "$0")/lib.sh"
plan 8
# hotplug.bpf.o stays when CPUs come and go.
HOTPLUG=$BUILD/tests/bpf/$SERIES/hotplug.bpf.o

scenario() {
	cat >scenario.yaml
}

run_scenario() {
	want=$1
	shift
	run "$want" "$STILLFRAME" run scenario.yaml --kernel "$KERNEL" --accel tcg --out run "$@"
}

# A member of the steps of run.json, each.
steps() {
	json run/run.json "' '.join(str(s['$1']) for s in d['scenario']['steps'])"
}

workers_run_in_their_cgroups_until_they_are_stopped() {
	scenario <<-E
		scheduler: {object: $OBJECT}
		topology: {cores: 2}
		steps:
		  - cgroup: {name: busy, weight: 50, cpus: 1}
		  - cgroup: lazy
		  - workers: {kind: spin, count: 3, name: spinners, cgroup: busy, nice: 5}
		  - workers: {kind: sleep, count: 2, cgroup: lazy, nice: -5, cpus: 0}
		  - hold: 500ms
		  - capture: both
		  - expect: count(map(scx_per_task){comm == "sf-spin"}) == 3
		  - expect: map(scx_per_task){comm == "sf-spin"}.state.nice == 5
		  - expect: map(scx_per_task){comm == "sf-sleep"}.state.nice == -5
		  - stop: spinners
		  - repeat:
		      times: 2
		      steps:
		        - hold: 100ms
		        - capture: after
		expect:
		  - count(map(scx_per_task){comm == "sf-spin"}) == 0
		  - {capture: after, holds: 'count(map(scx_per_task){comm == "sf-sleep"}) == 2'}
	E
	run_scenario 0
	says 'pass +expect: scenario.yaml:10:13: steps\[6\].expect: .*it is 3'
	says 'pass +expect: scenario.yaml:20:5: expect\[0\]: capture "after.2"'
	[ "$(json run/run.json '[c["name"] for c in d["captures"]]')" = "['both', 'after', 'after.2']" ]
	[ "$(steps state | tr ' ' '\n' | sort -u)" = 'done' ]
	[ "$(steps line)" = '4 5 6 7 8 9 13 17 18 17 18' ]
	json run/run.json 'all(s["begin_ns"] <= s["end_ns"] for s in d["scenario"]["steps"])' | grep True
	# The hold was one, on the guest's clock.
	json run/run.json '[s["end_ns"] - s["begin_ns"] >= 500000000 for s in d["scenario"]["steps"] if s["line"] == 8]' | grep True
}

a_cpu_goes_and_comes_back() {
	scenario <<-E
		scheduler: $HOTPLUG
		topology: 2
		steps:
		  - workers: {kind: mixed}
		  - hold: 200ms
		  - capture: before
		  - expect: var(nr_offline) == 0
		  - cpu: {number: 1, online: false}
		  - hold: 200ms
		  - capture: offline
		  - expect: var(nr_offline) == 1 && var(last_offline) == 1 && var(nr_online) == 0
		  - cpu: {number: 1, online: true}
		  - hold: 200ms
		  - capture: online
		  - expect: var(nr_online) == 1
	E
	run_scenario 0
	[ "$(steps state)" = 'done done done done done done done done done' ]
}

a_scheduler_that_leaves_ends_the_scenario_at_its_step() {
	scenario <<-E
		topology: 2
		steps:
		  - capture: before
		  - cpu: {number: 1, online: false}
		  - hold: 20s
		  - capture: never
	E
	run_scenario 1 --scheduler "$OBJECT"
	says 'fail +scheduler: .*left before the end'
	says 'inconclusive +scenario: scenario.yaml:5:5: steps\[2\].hold: the run ended during this step'
	[ "$(steps state)" = 'done done unfinished not run' ]
}

an_operation_that_fails_is_named_by_its_line() {
	scenario <<-E
		scheduler: none
		steps:
		  - cgroup: {name: a/b, weight: 200}
		  - cpu: {number: 1, online: false}
		  - capture: one
		  - workers: {kind: sleep, cgroup: a/b, cpus: 1}
		  - capture: two
	E
	run_scenario 1
	says 'fail +scenario: scenario.yaml:6:5: steps\[3\].workers: CPUs 1 for workers: Invalid argument'
	[ "$(steps state)" = 'done done done failed not run' ]
	[ "$(json run/run.json '[c["name"] for c in d["captures"]]')" = "['one', 'failed']" ]
}

an_expectation_that_does_not_hold_is_named_by_its_line() {
	scenario <<-E
		name: wrong
		scheduler: $OBJECT
		steps:
		  - hold: 100ms
		  - capture: end
		  - expect: var(nr_dispatched) == 0
		expect: var(nr_cpus_onln) == 3
	E
	run_scenario 1 --topology 3 --expect 'var(nr_cpus_onln) == 3'
	says 'fail +expect: scenario.yaml:6:13: steps\[2\].expect: '
	says 'pass +expect: scenario.yaml:7:9: expect: '
	[ "$(json run/run.json 'd["name"]')" = wrong ]
}

who_observes_nothing_knows_nothing() {
	scenario <<-E
		scheduler: none
		steps:
		  - hold: 100ms
	E
	run_scenario 2
	says 'inconclusive +scenario: scenario.yaml: nothing was observed'
}

a_scenario_without_steps_is_the_default_workload() {
	mkdir sub
	cp "$OBJECT" sub/mine.bpf.o
	cat >sub/scenario.yaml <<-E
		scheduler: {object: mine.bpf.o}
		expect: [var(nr_dispatched) > 0]
	E
	run 0 "$STILLFRAME" run sub/scenario.yaml --kernel "$KERNEL" --accel tcg --out run --for 1s --capture a@500ms
	says 'pass +expect: sub/scenario.yaml:2:10: expect\[0\]: capture "a"'
}

mistakes_are_named_before_anything_starts() {
	scenario <<-E
		steps:
		  - workers: {kind: spin, cuont: 3}
	E
	run_scenario 3 --scheduler none
	says 'scenario.yaml:2:27: steps\[0\].workers: unknown key "cuont"; allowed: kind, count, .* did you mean "count"'
	scenario <<-E
		steps:
		  - workers: {kind: spin, cpus: 0-2}
		  - capture: mid
	E
	run_scenario 3 --scheduler none
	says 'scenario.yaml:2:5: steps\[0\].workers: there is no CPU 2: the guest has 2, from 0 to 1'
	run_scenario 3 --scheduler none --topology 4 --for 2s
	says 'for and a scenario with steps'
	run_scenario 3 --scheduler none --topology 4 --capture mid@1s
	says 'capture mid: there is a capture of this name already .scenario.yaml:3:5: steps'
	run 3 "$STILLFRAME" run scenario.yaml other.yaml --scheduler none
	says 'other.yaml" is one scenario too many'
	run 3 "$STILLFRAME" run nothing.yaml --scheduler none
	says 'nothing.yaml.*No such file'
	[ ! -d run ]
}

proves workers_run_in_their_cgroups_until_they_are_stopped
proves a_cpu_goes_and_comes_back
proves a_scheduler_that_leaves_ends_the_scenario_at_its_step
proves an_operation_that_fails_is_named_by_its_line
proves an_expectation_that_does_not_hold_is_named_by_its_line
proves who_observes_nothing_knows_nothing
proves a_scenario_without_steps_is_the_default_workload
proves mistakes_are_named_before_anything_starts
