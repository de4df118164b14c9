#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command with schedulers that work: captures are taken, shown, listed, exported.
. "$(dirname "$0")/lib.sh"
plan 9

a_run_with_captures_passes() {
	run 0 "$STILLFRAME" run --scheduler "$OBJECT" --kernel "$KERNEL" --for 2s --capture one@500ms \
		--capture two@1500ms --accel tcg --out "$T/run" \
		--expect 'var(nr_dispatched) > 0' --expect 'one:count(map(scx_per_task)) > 3'
	says '[Pp]ass'
	[ "$(json "$T/run/run.json" 'sum("nr_dispatched" in f["text"] for f in d["findings"])')" = 1 ]
	[ "$(json "$T/run/run.json" 'd["complete"]')" = True ]
	[ "$(json "$T/run/run.json" 'd["verdict"]')" = pass ]
	[ "$(json "$T/run/run.json" 'len(d["captures"])')" = 2 ]
	[ "$(json "$T/run/run.json" 'd["attached"]')" = True ]
	[ -z "$(qemus)" ]
}

a_frame_shows_the_schedulers_globals() {
	run 0 "$STILLFRAME" show "$T/run/one.frame"
	says 'nr_dispatched=[1-9]'
	says 'nr_cpus_onln=2'
	says 'scx_per_task'
	run 0 "$STILLFRAME" show --json "$T/run/one.frame"
	[ "$(json "$OUT" '[m["value"]["value"] for k in d["maps"] if k["name"].endswith(".bss") for m in k["value"]["members"] if m["name"] == "nr_cpus_onln"]')" = '[2]' ]
	[ "$(json "$OUT" 'len(d["vcpu_regs"])')" = 2 ]
}

one_map_is_shown_by_name_or_id() {
	run 0 "$STILLFRAME" show "$T/run/one.frame" stats
	says '^map stats \(type=percpu_array'
	run 0 "$STILLFRAME" show "$T/run/one.frame" stats --json
	[ "$(json "$OUT" 'd["name"], len(d["percpu_entries"][0]["per_cpu"])')" = "('stats', 2)" ]
	id=$(json "$OUT" 'd["map_id"]')
	run 0 "$STILLFRAME" show "$T/run/one.frame" id "$id" --json=plain
	[ "$(json "$OUT" '[sorted(e) for e in d][0]')" = "['formatted', 'key', 'values']" ]
	[ "$(json "$OUT" '[v["cpu"] for v in d[0]["formatted"]["values"]]')" = '[0, 1]' ]
	run 0 "$STILLFRAME" show "$T/run/one.frame" --json=plain
	[ "$(json "$OUT" '[sorted(m) for m in d if m["id"] == '"$id"']')" = "[['elements', 'flags', 'id', 'name', 'type']]" ]
	run 3 "$STILLFRAME" show "$T/run/one.frame" no_such_map
	says 'no_such_map.*stats'
	run 3 "$STILLFRAME" show "$T/run/one.frame" id 4000000000
	says "$id"
	run 3 "$STILLFRAME" show "$T/run/one.frame" id one
	run 3 "$STILLFRAME" show "$T/run/one.frame" stats more
	run 3 "$STILLFRAME" show "$T/run/one.frame" --json=pretty
	says 'plain'
}

a_frame_answers_expressions() {
	run 0 "$STILLFRAME" show "$T/run/one.frame" 'var(nr_cpus_onln) == 2'
	says '^true$'
	run 1 "$STILLFRAME" show "$T/run/one.frame" 'var(nr_cpus_onln) == 3'
	says '^false$'
	run 3 "$STILLFRAME" show "$T/run/one.frame" 'map(stats)[x]'
	says 'column 12'
	run 0 "$STILLFRAME" show "$T/run/one.frame" 'map(scx_per_task){owner.comm == "sf-spin"}.ctx.weight.value'
	says '^[0-9]+$'
}

counters_move_between_two_captures() {
	for name in one two; do
		"$STILLFRAME" show --json "$T/run/$name.frame" >$name.json
	done
	expr='[m["value"]["value"] for k in d["maps"] if k["name"].endswith(".bss") for m in k["value"]["members"] if m["name"] == "nr_dispatched"][0]'
	[ "$(json two.json "$expr")" -gt "$(json one.json "$expr")" ]
}

ls_lists_the_captures() {
	run 0 "$STILLFRAME" ls "$T/run"
	says '^ +one '
	says '^ +two '
}

a_frame_alone_finds_its_facts_in_the_cache() {
	cp "$T/run/one.frame" alone.frame
	run 0 "$STILLFRAME" show alone.frame
	says 'nr_dispatched=[1-9]'
}

an_export_needs_no_other_file() {
	run 0 "$STILLFRAME" export "$T/run/one.frame" full.core
	# Without the facts beside it and without a cache.
	XDG_CACHE_HOME=$PWD/empty
	export XDG_CACHE_HOME
	run 0 "$STILLFRAME" show full.core
	says 'nr_dispatched=[1-9]'
	cp "$T/run/one.frame" alone.frame
	run 3 "$STILLFRAME" show alone.frame
	says 'facts-'
}

no_scheduler_is_a_baseline() {
	run 0 "$STILLFRAME" run --scheduler none --kernel "$KERNEL" --for 1s --capture mid@500ms --accel tcg --out run
	[ "$(json run/run.json 'd["attached"]')" = False ]
}

proves a_run_with_captures_passes
proves a_frame_shows_the_schedulers_globals
proves one_map_is_shown_by_name_or_id
proves a_frame_answers_expressions
proves counters_move_between_two_captures
proves ls_lists_the_captures
proves a_frame_alone_finds_its_facts_in_the_cache
proves an_export_needs_no_other_file
proves no_scheduler_is_a_baseline
