#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Schedulers that are programs: each is in the guest with what it needs, at the place that it has here.
. "$(dirname "$0")/lib.sh"
PLAIN=$BUILD/tests/bpf/$SERIES/plain.bpf.o
plan 3

# program CODE PROGRAM: a run of it, with the loader beside it.
program() {
	cp "$BUILD/tests/e2e/hostile" loader
	chmod +x "$2"
	cat >scenario.yaml <<-E
		scheduler: {program: $2, args: [$PLAIN], env: {WORD: from the scenario}, files: [loader, data, $PLAIN]}
		expect: var(nr_running) > 0
	E
	mkdir -p data/below
	echo found >data/below/file
	run "$1" "$STILLFRAME" run scenario.yaml --kernel "$KERNEL" --accel tcg --for 500ms --capture a@300ms --out run --verbose
}

a_shell_script_finds_its_environment_and_what_is_beside_it() {
	cat >mine <<-'E'
		#!/bin/sh -e
		here=${0%/*}
		read -r word <"$here/data/below/file"
		echo "$# argument, $WORD, $word"
		exec "$here/loader" ok "$1"
	E
	program 0 ./mine
	says 'scheduler: 1 argument, from the scenario, found'
	says '^pass +expect: '
}

a_python_script_imports_the_standard_library() {
	if [ ! -x /usr/bin/python3 ]; then
		echo "no /usr/bin/python3"
		return
	fi
	cat >mine.py <<-'E'
		#!/usr/bin/python3
		import ctypes, json, os, subprocess, sys
		here = os.path.dirname(os.path.abspath(__file__))
		print(json.dumps({"pid": ctypes.CDLL(None).getpid() == os.getpid()}), flush=True)
		subprocess.run([here + "/loader", "ok", sys.argv[1]])
	E
	program 0 ./mine.py
	says 'scheduler: .{1,6}pid.{1,6} true'
	says '^pass +expect: '
}

# Before anything is booted, so that it costs no time.
what_cannot_run_is_refused_by_what_it_is() {
	refused() {
		run 3 "$STILLFRAME" run --kernel "$KERNEL" --scheduler "$1" --out run
		says "$2"
		[ ! -d run ] || [ ! -e run/console.log ]
	}
	: >empty.bpf.o
	refused ./empty.bpf.o 'empty.bpf.o is an empty file'
	head -c 2000 "$PLAIN" >cut.bpf.o
	refused ./cut.bpf.o 'cut.bpf.o is a damaged ELF file: its sections are beyond its end'
	mkfifo fifo.bpf.o
	refused ./fifo.bpf.o 'fifo.bpf.o is no regular file'
	refused ./ 'is a directory'
	refused /dev/zero '/dev/zero is no regular file'
	printf '#!/no/such/shell\n' >lost
	chmod +x lost
	refused ./lost 'lost is a script for "/no/such/shell", which is not there'
	# e_machine: 32-bit x86, in a file of 32 bits.
	{ printf '\177ELF\001\001\001\000'; head -c 8 /dev/zero; printf '\002\000\003\000'; head -c 64 /dev/zero; } >old
	chmod +x old
	refused ./old 'old is an ELF program for 32-bit x86'
}

proves a_shell_script_finds_its_environment_and_what_is_beside_it
proves a_python_script_imports_the_standard_library
proves what_cannot_run_is_refused_by_what_it_is
