#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which kernels there are, what is no kernel, and downloads that were interrupted. The archive is played by a script and a
# server of our own. A fourth argument: a kernel without sched_ext.
. "$(dirname "$0")/lib.sh"
OLD_KERNEL=$4
HERE=$(cd "$(dirname "$0")" && pwd)
TOOLS=$HERE/../../tools
plan 15

# put_cached RELEASE SIZE INFO...: a kernel in a cache of this test's own.
put_cached() {
	mkdir -p "cache/stillframe/kernels/$1"
	truncate -s "$2" "cache/stillframe/kernels/$1/vmlinuz"
	release=$1
	shift 2
	printf '%s\n' "release=$release" "$@" >"cache/stillframe/kernels/$release/info"
}

# archive: the script kernel-get that is asked instead of the real one; its text comes from standard input.
archive() {
	mkdir -p tools
	{ echo '#!/bin/sh' && cat; } >tools/kernel-get
	chmod +x tools/kernel-get
}

kernel() {
	code=$1
	shift
	run "$code" env XDG_CACHE_HOME="$PWD/cache" STILLFRAME_TOOLS="$PWD/tools" "$STILLFRAME" kernel "$@"
}

# Kernels of the machine itself are listed, too, and are another matter.
without_host() {
	grep -v ' host ' "$OUT" >seen.txt || true
}

the_list_has_what_is_cached_and_what_there_is_to_fetch() {
	put_cached 6.18.15+deb13-cloud-amd64 13612672 btf=yes sched_ext=yes
	put_cached 6.12.107+deb13-cloud-amd64 11708352 btf=yes sched_ext=no
	archive <<-'END'
		[ "$1" = --offers ] || exit 9
		echo 7.2.12+deb13-cloud-amd64 some-suite 14428652
		echo 6.18.16+deb13-cloud-amd64 some-suite 49146196
		echo 6.12.107+deb13-cloud-amd64 another-suite 34402644
	END
	kernel 0 list
	without_host
	cat >want.txt <<-'END'
		SERIES  RELEASE                      WHERE         SIZE  SCHED_EXT
		7.2     7.2.12+deb13-cloud-amd64     to fetch  13.8 MiB  ?  newest
		6.18    6.18.16+deb13-cloud-amd64    to fetch  46.9 MiB  ?  get --refresh
		6.18    6.18.15+deb13-cloud-amd64    cached    13.0 MiB  yes
		6.12    6.12.107+deb13-cloud-amd64   cached    11.2 MiB  no
	END
	diff want.txt seen.txt
}

without_a_network_the_list_has_what_is_cached_and_says_so() {
	put_cached 6.18.15+deb13-cloud-amd64 13612672 btf=yes sched_ext=yes
	archive <<-'END'
		echo 'E: Failed to fetch something' >&2
		echo 'stillframe: the archive could not be read (no network?); do that instead' >&2
		exit 1
	END
	kernel 0 list
	says '^6\.18 .* cached '
	says 'stillframe kernel: the archive could not be read \(no network\?\); do that instead'
	kernel 0 list --offline
	says '^6\.18 .* cached '
	! grep -q 'network' "$OUT" || return 1
}

the_list_is_there_as_json() {
	put_cached 6.18.15+deb13-cloud-amd64 13612672 btf=yes sched_ext=yes
	archive <<-'END'
		echo 7.2.12+deb13-cloud-amd64 some-suite 14428652
	END
	kernel 0 list --json
	mv "$OUT" list.json
	[ "$(json list.json '[(k["series"], k["where"], k.get("sched_ext")) for k in d["kernels"] if k["where"] != "host"]')" = \
		"[('7.2', 'archive', None), ('6.18', 'cache', True)]" ]
}

an_empty_list_says_how_to_get_one() {
	archive </dev/null
	kernel 0 list --offline
	says 'stillframe kernel get|^host| host '
}

a_path_is_printed_and_what_it_lacks_is_noted() {
	run 0 "$STILLFRAME" kernel path "$KERNEL"
	[ "$(cat "$OUT")" = "$KERNEL" ]
	run 0 "$STILLFRAME" kernel path "$OLD_KERNEL"
	says 'note: .*CONFIG_SCHED_CLASS_EXT'
}

what_is_no_kernel_is_called_what_it_is() {
	kernel_is() {
		run 3 "$STILLFRAME" kernel path "$1"
		says "$2"
	}
	head -c 3000000 "$KERNEL" >cut
	: >empty
	echo 'I am a kernel' >text
	{ printf 'MZ' && head -c 54 /dev/zero && printf 'ARM\144' && head -c 9000 /dev/zero; } >Image
	mkdir directory
	kernel_is ./cut 'cut short: it has 3000000 bytes of [0-9]+'
	kernel_is ./empty 'an empty file'
	kernel_is ./text 'a text file'
	kernel_is ./Image 'an arm64 kernel image'
	kernel_is ./directory 'a directory'
	kernel_is ./nowhere 'there is no kernel'
	kernel_is /bin/ls 'an ELF program'
	kernel_is nonsense 'neither|no file'
	run 3 "$STILLFRAME" run --kernel ./cut --scheduler none --out run
	says 'cut short'
}

a_cached_kernel_that_is_cut_short_says_how_to_get_it_again() {
	mkdir -p cache/stillframe/kernels/6.18.15-cut
	head -c 3000000 "$KERNEL" >cache/stillframe/kernels/6.18.15-cut/vmlinuz
	archive </dev/null
	kernel 3 path 6.18
	says 'cut short.*delete .*6\.18\.15-cut.*stillframe kernel get'
}

a_kernel_that_lacks_an_option_is_refused_before_it_boots() {
	[ -n "$OLD_KERNEL" ] || return 0
	run 3 "$STILLFRAME" run --kernel "$OLD_KERNEL" --accel tcg --scheduler /bin/true --out run
	says 'CONFIG_SCHED_CLASS_EXT \(sched_ext'
	says '--scheduler none'
	[ ! -e run/console.log ]
	# A copy has no config beside it; then the image itself is asked.
	cp "$OLD_KERNEL" kernel
	run 3 env XDG_CACHE_HOME="$PWD/cache" "$STILLFRAME" run --kernel ./kernel --accel tcg --scheduler /bin/true --out run2
	says 'CONFIG_SCHED_CLASS_EXT.*the image itself'
}

bad_words_are_refused() {
	run 3 "$STILLFRAME" kernel
	says 'list, get'
	run 3 "$STILLFRAME" kernel dance
	says 'list, get'
	run 3 "$STILLFRAME" kernel path 6.18 6.12
	says 'one kernel at a time'
	run 3 "$STILLFRAME" kernel get --json
	says 'for list'
	run 3 "$STILLFRAME" kernel list --refresh
	says 'for get'
	run 3 "$STILLFRAME" kernel path ''
	says 'names nothing'
}

where_there_is_no_apt_a_path_is_asked_for() {
	mkdir bin cache
	for program in bash readlink dirname basename mkdir sed grep cat sort tail flock; do
		ln -s "$(command -v "$program")" bin/
	done
	run 3 env PATH="$PWD/bin" XDG_CACHE_HOME="$PWD/cache" "$TOOLS/kernel-get" 6.18
	says 'no apt-get.*by its path'
}

# ---- downloads -------------------------------------------------------------------------------------------------------

# The functions that fetch, on a server of our own that keeps a diary of what it was asked.
download() {
	cat >fetch <<-'END'
		set -euo pipefail
		. "$1/lib.sh"
		lock_cache
		apt_suite test
		apt_fetch "$2" "$3" "SHA256:$4"
	END
	echo 'Acquire::http::Proxy "DIRECT"; Acquire::Retries "0";' >proxy.conf
	APT_CONFIG=$PWD/proxy.conf XDG_CACHE_HOME=$PWD/cache bash ./fetch "$TOOLS" "http://127.0.0.1:$(cat port)/file" \
		"$PWD/got" "$(sha256sum <served/file | cut -d' ' -f1)"
}

serve() {
	mkdir -p served
	[ -e served/file ] || head -c 3000000 /dev/urandom >served/file
	python3 "$HERE/range_server.py" served diary >port &
	server=$!
	wait_for 10 test -s port
}

stop_serving() {
	kill "$server"
	wait "$server" || true
}

a_download_goes_on_from_where_it_was() {
	serve
	head -c 1000000 served/file >got
	touch -r served/file got
	download
	stop_serving
	cmp got served/file
	grep -q 'bytes=1000000-' diary
}

a_damaged_part_is_fetched_from_its_beginning() {
	serve
	head -c 1000000 /dev/zero >got
	touch -r served/file got
	run 0 download
	says 'damaged'
	stop_serving
	cmp got served/file
	[ ! -e got.FAILED ]
}

a_part_stays_when_nobody_answers() {
	serve
	stop_serving
	head -c 1000000 served/file >got
	run 1 download
	says 'Failed to fetch'
	[ "$(stat -c %s got)" = 1000000 ]
}

what_is_not_what_was_promised_is_not_kept() {
	serve
	sha256sum() { echo "0000000000000000000000000000000000000000000000000000000000000000  -"; }
	run 1 download
	stop_serving
	says 'Hash Sum mismatch'
	[ ! -e got ]
	[ ! -e got.FAILED ]
}

two_downloads_wait_for_each_other() {
	cat >hold <<-'END'
		. "$1/lib.sh"
		lock_cache
		echo held
		read -r _
	END
	mkfifo fifo
	XDG_CACHE_HOME=$PWD/cache bash ./hold "$TOOLS" <fifo >first.txt 2>&1 &
	exec 9>fifo
	wait_for 10 test -s first.txt
	XDG_CACHE_HOME=$PWD/cache bash ./hold "$TOOLS" </dev/null >second.txt 2>&1 9>&- &
	second=$!
	wait_for 10 grep -q 'waiting for another download' second.txt
	! grep -q held second.txt || return 1
	exec 9>&-
	wait "$second" || true
	grep -q held second.txt
}

proves the_list_has_what_is_cached_and_what_there_is_to_fetch
proves without_a_network_the_list_has_what_is_cached_and_says_so
proves the_list_is_there_as_json
proves an_empty_list_says_how_to_get_one
proves a_path_is_printed_and_what_it_lacks_is_noted
proves what_is_no_kernel_is_called_what_it_is
proves a_cached_kernel_that_is_cut_short_says_how_to_get_it_again
proves a_kernel_that_lacks_an_option_is_refused_before_it_boots
proves bad_words_are_refused
proves where_there_is_no_apt_a_path_is_asked_for
proves a_download_goes_on_from_where_it_was
proves a_damaged_part_is_fetched_from_its_beginning
proves a_part_stays_when_nobody_answers
proves what_is_not_what_was_promised_is_not_kept
proves two_downloads_wait_for_each_other
