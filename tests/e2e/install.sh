#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `meson install` leaves, moved to another place than it was installed for, and used by a user without root.
. "$(dirname "$0")/lib.sh"
plan 15

# meson sets it for what it has built: here it would hide what was installed.
unset LD_LIBRARY_PATH

SCRIPTS=$(cd "$(dirname "$0")" && pwd)
SOURCES=$(cd "$SCRIPTS/../.." && pwd)
P=$T/moved
USER_DIR=$T/user
READ_ONLY=$T/read-only
release=$(basename "$(dirname "$KERNEL")")

# as_user COMMAND...: somebody who owns nothing but a home and a cache.
as_user() {
	if [ "$(id -u)" = 0 ]; then
		set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	fi
	env -i PATH="$PATH" NO_COLOR=1 HOME="$USER_DIR" XDG_CACHE_HOME="$USER_DIR/cache" "$@"
}

# Compiles a program against what was installed, in a folder of its own, as its user would.
compile() {
	out=$1 source=$2 library=$3
	shift 3
	# shellcheck disable=SC2046 # they are lists
	cc -Wall -Wextra -Werror "$@" "$source" -o "$out" \
		$(pkg-config --cflags --libs "$library") -Wl,-rpath,"$(pkg-config --variable=libdir "$library")"
}

everything_is_installed() {
	run 0 env DESTDIR="$T/dest" meson install -C "$BUILD" --no-rebuild
	bin=$(find "$T/dest" -path '*/bin/stillframe')
	mv "${bin%/bin/stillframe}" "$P"
	run 0 "$P/bin/stillframe" --version
	for file in include/stillframe/stillframe.h libexec/stillframe/agent libexec/stillframe/kernel-get \
		libexec/stillframe/lib.sh share/man/man1/stillframe.1 share/man/man5/stillframe-frame.5 \
		share/man/man7/stillframe.7 share/man/man3/sf_map_find.3 share/man/man3/stillframe_snapshot.3 share/bash-completion/completions/stillframe share/doc/stillframe/COPYING \
		share/doc/stillframe/report.schema.json share/stillframe/scenarios/bursts.yaml \
		share/stillframe/examples/dispatch_test.c; do
		[ -s "$P/$file" ] || { echo "there is no $file"; return 1; }
	done
	for header in "$SOURCES"/include/stillframe/*.h; do
		cmp "$header" "$P/include/stillframe/${header##*/}"
	done
	for name in libstillframe.so.0 libstillframe.a libstillframe-run.so.0 libstillframe-run.a; do
		find "$P"/lib* -name "$name" | grep . || { echo "there is no $name"; return 1; }
	done
	for command in $("$P/bin/stillframe" help | awk '/^  [a-z]/ { print $1 }'); do
		[ -s "$P/share/man/man1/stillframe-$command.1" ] || { echo "$command has no page"; return 1; }
	done
}

nothing_but_what_is_meant_is_installed() {
	share='man|doc/stillframe|stillframe|bash-completion/completions'
	(cd "$P" && find . -type f -o -type l) |
		grep -v -E "^\./(bin/stillframe\$|(include|libexec)/stillframe/|lib(64)?/|share/($share)/)" && return 1
	(cd "$P" && find . -name 'test_*' -o -name '*stillframe-docs*' -o -name meson.build -o -name '*.roff' -o -name page) |
		grep . && return 1
	[ -z "$(find "$P" -type f -perm /022)" ]
}

nothing_tells_where_it_was_built() {
	for place in "$BUILD" "$SOURCES" "$T/dest"; do
		# A place of one word, such as /src, may stand for something else.
		case $place in /*/*) ;; *) continue ;; esac
		grep -r -l -a -F -e "$place/" -e "$place:" "$P" && { echo "name $place"; return 1; }
	done
	for file in "$P/bin/stillframe" "$P"/lib*/*/*.so "$P"/lib*/*.so; do
		[ -e "$file" ] || continue
		readelf -d "$file" | grep -E 'R(UN)?PATH' && { echo "of $file"; return 1; }
	done
	return 0
}

# The user's cache has one kernel, and no archive is asked.
a_user_finds_the_parts_and_the_kernel() {
	mkdir -p "$USER_DIR/cache/stillframe/kernels/$release" "$READ_ONLY"
	for file in vmlinuz info series config; do
		[ ! -e "${KERNEL%/*}/$file" ] || cp "${KERNEL%/*}/$file" "$USER_DIR/cache/stillframe/kernels/$release/"
	done
	cp "$OBJECT" "$USER_DIR/sf_example.bpf.o"
	chmod 755 "$T"
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$USER_DIR"
	chmod 555 "$READ_ONLY"
	cd "$READ_ONLY"
	OUT=$T/kernel.txt
	run 0 as_user "$P/bin/stillframe" kernel path "$release"
	grep -q -x -F "$USER_DIR/cache/stillframe/kernels/$release/vmlinuz" "$OUT"
	run 0 as_user "$P/bin/stillframe" kernel list --offline
	grep -q -F " $release " "$OUT"
}

doctor_says_that_a_run_is_possible() {
	OUT=$PWD/out.txt
	cd "$USER_DIR"
	run 0 as_user "$P/bin/stillframe" doctor
	says "^ok  agent +$P/libexec/stillframe/agent"
	says 'A run is possible here'
}

a_user_runs_from_a_folder_that_cannot_be_written() {
	cd "$READ_ONLY"
	OUT=$T/run.txt
	if as_user touch here 2>/dev/null; then
		echo "$READ_ONLY can be written"
		return 1
	fi
	run 0 as_user "$P/bin/stillframe" run --scheduler "$USER_DIR/sf_example.bpf.o" --accel tcg --for 1s \
		--capture mid@500ms --expect 'var(nr_dispatched) > 0' --out "$USER_DIR/run"
	[ "$(json "$USER_DIR/run/run.json" 'd["complete"], d["verdict"]')" = "(True, 'pass')" ]
}

a_user_without_out_is_told_what_to_do() {
	cd "$READ_ONLY"
	OUT=$T/out.txt
	run 3 as_user "$P/bin/stillframe" run --scheduler none --accel tcg --for 1s
	says 'stillframe\.out.*[Pp]ermission denied'
}

what_was_run_is_shown_listed_and_exported() {
	run 0 as_user "$P/bin/stillframe" ls "$USER_DIR/run"
	says '^ +mid '
	run 0 as_user "$P/bin/stillframe" show "$USER_DIR/run/mid.frame" 'var(nr_cpus_onln) == 2'
	run 0 as_user "$P/bin/stillframe" export "$USER_DIR/run/mid.frame" "$USER_DIR/mid.core"
	run 0 as_user env XDG_CACHE_HOME=/nowhere "$P/bin/stillframe" show "$USER_DIR/mid.core" stats
	says 'nr_preempted='
}

a_program_reads_a_frame_with_one_library() {
	cat >look.c <<-'END'
		#include <inttypes.h>
		#include <stdio.h>
		#include <stillframe/snapshot.h>

		int main(int argc, char **argv)
		{
			SF_OWNED(frame) frame = NULL;
			SF_OWNED(snapshot) snap = NULL;
			SF_OWNED(error) err = sf_frame_open(argv[argc - 1], &frame);
			uint64_t cpus = 0;

			if (!err)
				err = sf_snapshot_new(frame, &snap);
			if (!err)
				err = sf_error_copy(sf_as(sf_view_var(sf_snapshot_view(snap), "nr_cpus_onln"), &cpus));
			puts(err ? sf_error_message(err) : "read");
			printf("cpus=%" PRIu64 "\n", cpus);
			return !!err;
		}
	END
	compile look look.c stillframe
	run 0 ./look "$USER_DIR/run/mid.frame"
	says '^cpus=2$'
	ldd look | grep 'libstillframe\.so\.0 => '"$P"
	ldd look | grep -E 'archive|stillframe-run' && return 1

	# The same without a shared one.
	# shellcheck disable=SC2046 # they are lists
	cc $(pkg-config --cflags stillframe) look.c -o static "$(pkg-config --variable=libdir stillframe)/libstillframe.a" \
		$(pkg-config --libs $(pkg-config --print-requires-private stillframe)) -pthread
	run 0 ./static "$USER_DIR/run/mid.frame"
	says '^cpus=2$'
	ldd static | grep stillframe && return 1
	return 0
}

# The library finds the agent beside itself: the program is somewhere else.
a_test_program_runs_with_the_library_that_was_moved() {
	compile "$USER_DIR/dispatch_test" "$P/share/stillframe/examples/dispatch_test.c" stillframe-run \
		-DEXAMPLE_SCHEDULER="\"$USER_DIR/sf_example.bpf.o\""
	run 0 as_user "$USER_DIR/dispatch_test" --accel tcg --out "$USER_DIR/tests" \
		--kernel "$USER_DIR/cache/stillframe/kernels/$release/vmlinuz"
	says '^ok 1 dispatches'
}

# Whoever may write a folder above the program must not choose what it runs.
parts_of_somebody_else_are_not_taken() {
	[ "$(id -u)" = 0 ] || return 0
	mkdir -p foreign/bin foreign/libexec/stillframe
	cp "$P/bin/stillframe" foreign/bin/
	printf '#!/bin/sh\necho foreign\n' >foreign/libexec/stillframe/kernel-get
	chmod 755 foreign/libexec/stillframe/kernel-get
	chown -R 65534 foreign/libexec
	set +e
	foreign/bin/stillframe kernel get 6.0 >"$OUT" 2>&1
	set -e
	grep foreign "$OUT" && return 1
	chown -R 0 foreign/libexec
	run 0 foreign/bin/stillframe kernel get 6.0
	says '^foreign$'
}

the_manual_is_found() {
	for page in stillframe 1:stillframe-run 5:stillframe-scenario 7:stillframe-expressions; do
		section=${page%%:*}
		[ "$section" != "$page" ] || section=1
		run 0 env MANPATH="$P/share/man" MANPAGER=cat man "$section" "${page#*:}"
		says 'NAME'
	done
}

the_completion_is_one_for_the_installed_command() {
	cat >complete.bash <<-'END'
		. "$1/share/bash-completion/completions/stillframe"
		COMP_WORDS=("$1/bin/stillframe" ru) COMP_CWORD=1
		_stillframe
		echo "${COMPREPLY[*]}"
		COMP_WORDS=("$1/bin/stillframe" run --kernel '') COMP_CWORD=3
		_stillframe
		echo "${COMPREPLY[*]}"
	END
	run 0 as_user bash complete.bash "$P"
	says '^run$'
	grep -q -F " $release " "$OUT"
}

make_install_does_all_of_it() {
	run 0 make -s -C "$SOURCES" install BUILD="$BUILD" DESTDIR="$PWD/dest"
	find dest -path '*/bin/stillframe' | grep .
}

# The scripts of the build's own command, with this one.
the_installed_command_passes_the_same_tests() {
	STILLFRAME_COMMAND=$P/bin/stillframe
	export STILLFRAME_COMMAND
	for name in scheduler doctor; do
		sh "$SCRIPTS/$name.sh" "$BUILD" "$KERNEL" "$SERIES" >$name.tap
		cat $name.tap
		grep -q '^not ok' $name.tap && return 1
		# As many as it planned.
		[ "$(grep -c '^ok ' $name.tap)" = "$(sed -n 's/^1\.\.//p' $name.tap)" ]
	done
}

proves everything_is_installed
PKG_CONFIG_PATH=$(dirname "$(find "$P" -name stillframe.pc)")
export PKG_CONFIG_PATH
proves nothing_but_what_is_meant_is_installed
proves nothing_tells_where_it_was_built
proves a_user_finds_the_parts_and_the_kernel
proves doctor_says_that_a_run_is_possible
proves a_user_runs_from_a_folder_that_cannot_be_written
proves a_user_without_out_is_told_what_to_do
proves what_was_run_is_shown_listed_and_exported
proves a_program_reads_a_frame_with_one_library
proves a_test_program_runs_with_the_library_that_was_moved
proves parts_of_somebody_else_are_not_taken
proves the_manual_is_found
proves the_completion_is_one_for_the_installed_command
proves make_install_does_all_of_it
proves the_installed_command_passes_the_same_tests
