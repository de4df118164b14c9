# SPDX-License-Identifier: LGPL-2.1-or-later
# TAP for end-to-end tests, to be sourced. A test is a function whose name says what it proves; it fails by returning
# non-zero, or through one of the expect_ functions. What a failed command printed is shown.
#
# Arguments of every test program: BUILD KERNEL SERIES.

BUILD=$1
KERNEL=$2
SERIES=$3
STILLFRAME=${STILLFRAME_COMMAND:-$BUILD/stillframe}
OBJECT=$BUILD/bpf/$SERIES/sf_example.bpf.o
T=$(mktemp -d "${TMPDIR:-/tmp}/stillframe-e2e.XXXXXX")
N=0
export NO_COLOR=1

finish() {
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null
	done
	rm -rf "$T"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

plan() {
	echo "1..$1"
}

# Shows a file as TAP comments.
show_file() {
	sed 's/^/# /' "$1" | tail -n 60
}

# proves NAME: runs the function called NAME in a directory of its own.
proves() {
	N=$((N + 1))
	W=$T/$N
	mkdir -p "$W"
	# Not as a condition: there a shell ignores set -e, and only the last line of a test could fail it.
	(
		set -e
		cd "$W"
		"$1"
	) >"$T/$N.log" 2>&1
	if [ $? = 0 ]; then
		echo "ok $N - $1"
	else
		echo "not ok $N - $1"
		show_file "$T/$N.log"
		for console in "$W"/*/console.log; do
			[ ! -f "$console" ] || { echo "# $console"; tail -n 20 "$console" | sed 's/^/#   /'; }
		done
	fi
}

# run CODE COMMAND...: the command has to end with this exit code. Output is in $OUT.
OUT=out.txt
run() {
	want=$1
	shift
	set +e
	"$@" >"$OUT" 2>&1
	got=$?
	set -e
	if [ "$got" != "$want" ]; then
		echo "$* ended with $got, not $want:"
		cat "$OUT"
		return 1
	fi
}

# The output has this extended regular expression in a line, or where lines that were wrapped are put together again.
says() {
	grep -E -q -- "$1" "$OUT" || tr -s ' \n' '  ' <"$OUT" | grep -E -q -- "$1" || {
		echo "the output has no \"$1\":"
		cat "$OUT"
		return 1
	}
}

# A member of a JSON file, by a python expression on `d`.
json() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# QEMUs whose run directory is below this test's.
qemus() {
	for p in /proc/[0-9]*; do
		case $(tr '\0' ' ' 2>/dev/null <"$p/cmdline") in
		*qemu-system*"$PWD"*) echo "${p#/proc/}" ;;
		esac
	done
}

# Waits until a command succeeds, at most so many seconds.
wait_for() {
	limit=$1
	shift
	while ! "$@"; do
		limit=$((limit - 1))
		[ "$limit" -gt 0 ] || return 1
		sleep 1
	done
}
