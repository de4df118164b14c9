#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# stillframe run as most people call it: without a scenario, on more kernels than one, and with mistakes.
. "$(dirname "$0")/lib.sh"
plan 10

# Numbers with their units, what depends on the machine, and widths are not what a screen is about.
screen() {
	sed -E -e '/^verdict/,$!d' -e "s|$T|DIR|g" -e 's/^(kernel +)[^ ,]+/\1RELEASE/' -e '/^  (var|sum|map)\(/d' \
		-e 's/\b[0-9]+(\.[0-9]+)?( (ns|us|ms|s|min|B|KiB|MiB))?\b/N/g' -e 's/ +/ /g' "$1"
}

only_a_scheduler_is_enough() {
	run 0 "$STILLFRAME" run --scheduler "$OBJECT" --kernel "$KERNEL" --accel tcg --out "$T/run" \
		--expect 'var(nr_dispatched) > 0'
	says '^verdict +pass'
	says 'capture "end": var\(nr_dispatched\) > 0'
	says '^scheduler +sf_example, attached for '
	says '^ +mid +[0-9.]+ '
	says '^ +end +[0-9.]+ '
	says '^counters +those that moved most from mid to end'
	says '^ +var\(nr_dispatched\) +\+[1-9][0-9]* +[0-9.]+/s$'
	screen "$OUT" >screen.txt
	diff - screen.txt <<-'E'
		verdict pass
		pass expect: capture "end": var(nr_dispatched) > N: it is N
		kernel RELEASE, N CPUs
		accel tcg: asked for
		scheduler sf_example, attached for N
		captures N
		 NAME AT PAUSE PAGES SIZE FILE
		 mid N N N N mid.frame
		 end N N N N end.frame
		counters those that moved most from mid to end, in N
		time N; the guest was up after N, and frozen for N of it
		kept in DIR/run
	E
	# One screen.
	sed '1,/^verdict/d' "$OUT" >rest.txt
	[ "$(wc -l <rest.txt)" -le 23 ]
	awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' "$OUT"
	[ "$(json "$T/run/run.json" '[c["name"] for c in d["captures"]]')" = "['mid', 'end']" ]
	json "$T/run/run.json" '[1900 < c["guest_ns"] / 1e6 for c in d["captures"]]' | grep -F '[False, True]'
	[ "$(json "$T/run/run.json" 'd["timings"]["attached_ns"] > d["captures"][1]["guest_ns"]')" = True ]
	run 0 "$STILLFRAME" ls "$T/run"
	says '^ +mid '
	says '^ +end '
}

# What the summary shows can be asked of the frame, and has the same answer.
counters_are_expressions_of_the_last_frame() {
	json "$T/run/run.json" '"\n".join("%d %s" % (c["after"], c["expr"]) for c in d["counters"])' >counters.txt
	[ "$(wc -l <counters.txt)" -ge 3 ]
	grep -F 'sum(map(stats)[0].nr_ran[1])' counters.txt
	while read -r after expr; do
		run 0 "$STILLFRAME" show "$T/run/end.frame" "$expr == $after"
	done <counters.txt
	# No times, and nothing that is larger than anybody can count.
	json "$T/run/run.json" '[c["expr"] for c in d["counters"] if "_ns" in c["expr"] or c["after"] > 10**9]' | grep -Fx '[]'
}

several_kernels_are_several_runs() {
	run 3 "$STILLFRAME" run --scheduler "$OBJECT" -k "$KERNEL" -k ./nothing --accel tcg --for 1s --out all \
		--junit all.xml --summary all.md
	says '^KERNEL +VERDICT +ATTACHED +CAPTURES$'
	says ' pass +[0-9.]+ m?s +2$'
	says '^nothing +usage +- +0$'
	says 'there is no kernel .*nothing'
	release=$(ls all | grep -v '^nothing$')
	[ -f "all/$release/end.frame" ]
	[ "$(json all/nothing/run.json 'd["verdict"], d["complete"]')" = "('usage', True)" ]
	[ -s all.xml ]
	[ -s all.md ]
	run 0 "$STILLFRAME" ls all
	grep -Fx "run         all/$release" "$OUT"
	says '^run +all/nothing'
	run 3 "$STILLFRAME" run --scheduler "$OBJECT" -k "$KERNEL" -k ./nothing --accel tcg --for 1s --out all
	says "^stillframe run: all/[^ ]+ is not empty; --force writes over earlier runs$"
}

# Without it the reports would be of the others alone, and green where those are.
a_run_that_has_no_directory_is_in_the_reports() {
	mkdir all
	: >all/second
	run 3 "$STILLFRAME" run --scheduler none -k ./first -k ./second --accel tcg --out all --junit all.xml --summary all.md
	says 'all/second is no directory'
	grep -F '<testsuites name="stillframe" tests="4" failures="0" errors="2"' all.xml
	grep -F 'all/second is no directory' all.xml
	grep -x '## stillframe: 2 of 2 runs did not pass' all.md
}

force_leaves_what_only_looks_like_ours() {
	mkdir used
	echo mine >used/vmlinux
	run 3 env STILLFRAME_AGENT="$PWD/nothing" "$STILLFRAME" run --scheduler none --kernel "$KERNEL" --accel tcg --out used --force
	says 'there is no file .*nothing, which .STILLFRAME_AGENT names'
	[ "$(cat used/vmlinux)" = mine ]
}

an_interruption_ends_the_rest() {
	"$STILLFRAME" run --scheduler none -k "$KERNEL" -k ./nothing --accel tcg --for 60s --out all >"$OUT" 2>&1 &
	pid=$!
	wait_for 120 grep -q baseline "$OUT"
	kill -INT $pid
	set +e
	wait $pid
	got=$?
	set -e
	[ "$got" = 130 ]
	says ' interrupted +- '
	says '^nothing +not run +- +-$'
	[ ! -e all/nothing ]
}

ktap_has_stdout_for_itself() {
	set +e
	"$STILLFRAME" run --scheduler none --kernel "$KERNEL" --accel tcg --for 500ms --capture one@100ms --out run --ktap \
		>ktap.txt 2>"$OUT"
	got=$?
	set -e
	[ "$got" = 0 ]
	says '^verdict +pass'
	head -n 1 ktap.txt | grep -x 'KTAP version 1'
	[ "$(json run/run.json '[c["name"] for c in d["captures"]]')" = "['one']" ]
}

files_and_variables_reach_a_program() {
	echo 'what the file says' >real
	ln -s real settings
	cat >scheduler <<-'E'
		#!/bin/sh
		read -r line <"$SETTINGS"
		# Where the link leads to, too.
		read -r again <"${SETTINGS%/*}/real"
		echo "read: $line, $again"
	E
	chmod +x scheduler
	run 1 "$STILLFRAME" run --scheduler ./scheduler --kernel "$KERNEL" --accel tcg --for 1s --out run \
		--file settings --env "SETTINGS=$PWD/settings"
	says 'was not attached'
	says 'read: what the file says, what the file says'
	# The rest follows from that.
	says '^captures +none; not taken: mid, end$'
	[ "$(grep -c 'was not taken' "$OUT")" = 0 ]
}

no_captures_are_none() {
	run 0 "$STILLFRAME" run --scheduler none --kernel "$KERNEL" --accel tcg --for 100ms --capture none --out run
	says '^captures +none$'
	[ ! -e run/end.frame ]
}

what_is_wrong_is_one_line() {
	bad() {
		words=$1
		shift
		run 3 "$STILLFRAME" run "$@"
		says "$words"
		[ "$(wc -l <"$OUT")" = 1 ]
	}
	for option in scheduler topology memory for deadline attach-timeout keep accel out junit summary; do
		case $option in
		topology) value=2 ;;
		memory) value=1G ;;
		for | deadline | attach-timeout) value=9s ;;
		keep) value=hops=1 ;;
		accel) value=tcg ;;
		*) value=x ;;
		esac
		bad "^stillframe run: --$option is given twice, and takes one value$" "--$option" "$value" "--$option" "$value"
		bad "^stillframe run: --$option \"\": it takes " "--$option" ''
	done
	bad 'this kernel was named already' -k 6.18 -k 6.18
	bad 'a capture of this name' --capture a@1s --capture a@2s
	bad 'A has a value already' --env A=1 --env A=2
	bad 'map: it stands there twice' --keep map=1M,map=2M
	bad 'it takes from 128M to 512G' --memory 99999999999999999999999G
	bad 'it takes at most' --for 99999999999999999999999h
	bad 'from 1 to' --keep pages=99999999999999999999999
	bad 'no capture at all, or which' --capture none --capture a@1s
	bad 'there is no capture to ask' --scheduler none --capture none --expect 'var(x) == 1'
	bad 'No such file' --file ./nothing
	bad 'only a program takes any' --scheduler none --file "$OBJECT"
	bad 'it is a directory' --scheduler none --junit .
	bad 'No such file' --scheduler none --summary ./nothing/summary.md
	long=$(head -c 5000 /dev/zero | tr '\0' x)
	bad 'a path has at most 4095 bytes' --scheduler "$long"
	bad 'a path has at most 4095 bytes' --kernel "$long"
	run 3 "$STILLFRAME" run
	says 'scheduler is missing.*"none"'
	[ -z "$(ls -d stillframe.out run 2>/dev/null)" ]
}

proves only_a_scheduler_is_enough
proves counters_are_expressions_of_the_last_frame
proves several_kernels_are_several_runs
proves a_run_that_has_no_directory_is_in_the_reports
proves force_leaves_what_only_looks_like_ours
proves an_interruption_ends_the_rest
proves ktap_has_stdout_for_itself
proves files_and_variables_reach_a_program
proves no_captures_are_none
proves what_is_wrong_is_one_line
