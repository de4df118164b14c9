#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# However a run ends, no QEMU is left and the files are whole.
. "$(dirname "$0")/lib.sh"
plan 6

start() {
	"$@" >"$OUT" 2>&1 &
	PID=$!
}

no_qemu() {
	[ -z "$(qemus)" ]
}

# run.json is JSON whenever it is there; a frame that is there opens.
files_are_whole() {
	[ ! -f run/run.json ] || json run/run.json 'd["complete"]'
	for f in run/*.frame; do
		[ ! -f "$f" ] || "$STILLFRAME" show "$f" >/dev/null
	done
	[ -z "$(find run -name '*.tmp*' 2>/dev/null)" ] || [ "$1" = killed ]
}

end_by() {
	signal=$1
	code=$2
	for delay in 0.05 0.3 1 2.5 4 6; do
		rm -rf run
		start "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 20s --capture a@100ms --capture b@200ms \
			--out run --scheduler "$OBJECT"
		sleep $delay
		kill -"$signal" "$PID"
		set +e
		wait "$PID"
		got=$?
		set -e
		echo "after $delay s: $got"
		cat "$OUT"
		# Before its handler is there, a process ends by the signal itself.
		[ "$got" = "$code" ] || [ "$delay" = 0.05 ]
		wait_for 10 no_qemu
		files_are_whole "$3"
	done
}

ctrl_c_at_any_moment() {
	end_by INT 130 asked
}

sigterm_at_any_moment() {
	end_by TERM 130 asked
}

sigkill_at_any_moment() {
	end_by KILL 137 killed
}

a_closed_terminal() {
	end_by HUP 130 asked
}

a_deadline_leaves_a_frame() {
	run 124 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --for 100s --deadline 15s --out run --scheduler "$OBJECT"
	says 'deadline'
	run 0 "$STILLFRAME" show run/deadline.frame
	says 'nr_dispatched='
	no_qemu
}

a_deadline_before_it_attached_is_no_verdict_on_the_scheduler() {
	run 124 "$STILLFRAME" run --kernel "$KERNEL" --accel tcg --deadline 15s --out run --scheduler /bin/sleep -- 100
	says 'never attached'
	if says 'fail '; then
		return 1
	fi
	no_qemu
}

proves ctrl_c_at_any_moment
proves sigterm_at_any_moment
proves sigkill_at_any_moment
proves a_closed_terminal
proves a_deadline_leaves_a_frame
proves a_deadline_before_it_attached_is_no_verdict_on_the_scheduler
