# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What setup, fetch-debs and kernel-get share: the cache and a private apt state. Sourced, not run.
#
# The private state takes over from the machine what decides how packages are reached (mirror,
# proxy, apt.conf) and keeps apart what decides what is installed (lists, status, pins, hooks). So
# packages of other Debian suites can be fetched, checked by apt's signatures, without root and
# without a trace in the system.

say() { printf 'stillframe: %s\n' "$*" >&2; }

# die CODE MESSAGE...
die() {
	local code=$1
	shift
	say "$@"
	exit "$code"
}

# XDG: a relative path is to be ignored.
case ${XDG_CACHE_HOME:-} in
/*) CACHE=$XDG_CACHE_HOME/stillframe ;;
*) CACHE=${HOME:?is not set: it says where the cache is}/.cache/stillframe ;;
esac

# Apt catches Ctrl-C and ends like any failure; without this a script would just try again.
trap 'exit 130' INT

# One lock for everything that downloads, kept until the process ends. Apt inherits it: when a
# script is killed the next one waits until the orphaned download is over, and then goes on from it.
lock_cache() {
	try_lock_cache && return
	say "waiting for another download into $CACHE"
	flock "$LOCK_FD"
}

# The same, but false when somebody else has it.
try_lock_cache() {
	mkdir -p "$CACHE" 2>/dev/null || die 3 "cannot make the cache $CACHE; XDG_CACHE_HOME can name another place"
	# A lock that root made is no use to others; a read-only file system says so only when it is written.
	{ : >>"$CACHE/lock"; } 2>/dev/null ||
		die 3 "the cache $CACHE cannot be written; XDG_CACHE_HOME can name another place"
	exec {LOCK_FD}>>"$CACHE/lock"
	flock -n "$LOCK_FD"
}

# fresh_tmp NAME: an empty directory on the cache's own file system, so that rename publishes it.
# The name is fixed: what a killed process left is swept by the next one. Under the lock.
fresh_tmp() {
	rm -rf "${CACHE:?}/tmp/$1"
	mkdir -p "$CACHE/tmp/$1"
	printf '%s\n' "$CACHE/tmp/$1"
}

# The base URIs under which this machine's apt finds Debian itself, best guess first. Apt is asked,
# so that both source formats, mirror lists and options mean here what they mean to apt.
archive_uris() {
	# Root's apt would write its caches and take its locks, only to look.
	local look=(-o Debug::NoLocking=1 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
	{
		# $( ) below is apt's, not the shell's.
		# shellcheck disable=SC2016
		apt-get "${look[@]}" indextargets 2>/dev/null \
			--format '$(CREATED_BY) $(ORIGIN) $(CODENAME) $(REPO_URI)' |
			awk '$1 == "Packages" && $2 == "Debian" && $3 ~ /^[a-z]+$/ { print $4 }'
		# A machine that never ran apt-get update knows no origins yet: try every archive
		# that has a plain suite. Only Debian's own can pass Debian's signatures.
		apt-get "${look[@]}" --print-uris update 2>/dev/null |
			sed -nE "s|^'(.*)dists/[a-z]+/InRelease'.*|\1|p"
	} | awk '!seen[$0]++'
}

# run_apt PROGRAM COMMAND...: quiet, except on a terminal; what apt complained of is shown when it fails.
run_apt() {
	local program=$1
	shift
	if [ -t 2 ]; then
		"$program" -c "$APT_DIR/apt.conf" "$@" >&2 </dev/null
	elif ! "$program" -c "$APT_DIR/apt.conf" -q "$@" >"$APT_DIR/log" 2>&1 </dev/null; then
		grep -E '^[EW]:' "$APT_DIR/log" >&2 || cat "$APT_DIR/log" >&2
		return 1
	fi
}

# apt_suite SUITE: turns the private apt to a suite; each has a state of its own, so that a kernel
# of the small backports suite does not cost the lists of the whole distribution. Under the lock.
apt_suite() {
	APT_SUITE=$1
	APT_DIR=$CACHE/apt/$1
	mkdir -p "$APT_DIR"/{lists/partial,archives/partial,sources.list.d}
	# Read by apt after the machine's own configuration. Hooks of the machine belong to its own
	# state; signatures are not the machine's to switch off here. Put there whole: with half of it
	# apt would go to the machine's own state.
	cat >"$APT_DIR/apt.conf.new" <<-EOF
		Dir::State "$APT_DIR";
		Dir::State::Lists "$APT_DIR/lists";
		Dir::State::Status "/dev/null";
		Dir::Cache "$APT_DIR";
		Dir::Cache::Archives "$APT_DIR/archives";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Etc::SourceList "/dev/null";
		Dir::Etc::SourceParts "$APT_DIR/sources.list.d";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Sandbox::User "root";
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
		Acquire::AllowWeakRepositories "false";
		Acquire::AllowDowngradeToInsecureRepositories "false";
		Acquire::Retries "3";
		Acquire::http::Timeout "20";
		Acquire::https::Timeout "20";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	EOF
	mv -T "$APT_DIR/apt.conf.new" "$APT_DIR/apt.conf"
}

# Fetches the lists of the suite anew.
apt_refresh() {
	local uri tried='' keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$keyring" ] ||
		die 1 "no $keyring to check signatures with; it is in the package debian-archive-keyring"
	say "fetching the package lists of Debian's $APT_SUITE"
	: >"$APT_DIR/errors"
	while read -r uri; do
		cat >"$APT_DIR/sources.list.d/debian.sources" <<-EOF
			Types: deb
			URIs: $uri
			Suites: $APT_SUITE
			Components: main
			Architectures: amd64
			Targets: Packages
			Signed-By: $keyring
		EOF
		if run_apt apt-get --error-on=any update 2>>"$APT_DIR/errors"; then
			touch "$APT_DIR/refreshed"
			APT_REFRESHED="${APT_REFRESHED:-} $APT_SUITE "
			return
		fi
		tried+=" $uri"
	done < <(archive_uris)

	[ -n "$tried" ] || die 1 "apt on this machine has no Debian archive in its sources${INSTEAD:+; $INSTEAD}"
	cat "$APT_DIR/errors" >&2
	if grep -q NO_PUBKEY "$APT_DIR/errors"; then
		say "this machine has no key for $APT_SUITE; root has to run:" \
			"apt-get update && apt-get install debian-archive-keyring"
	fi
	die 1 "Debian's $APT_SUITE could not be read from$tried (no network?)${INSTEAD:+; $INSTEAD}"
}

apt_is_fresh() { [[ ${APT_REFRESHED:-} == *" $APT_SUITE "* ]]; }

# Makes sure that there are lists, not older than half a day. Old ones are better than none.
apt_lists() {
	if [ ! -e "$APT_DIR/refreshed" ]; then
		apt_refresh
	elif ! apt_is_fresh && [ -n "$(find "$APT_DIR/refreshed" -mmin +720)" ]; then
		(apt_refresh) || say "going on with the lists of $(date -r "$APT_DIR/refreshed" +%F)"
		APT_REFRESHED="${APT_REFRESHED:-} $APT_SUITE "
	fi
}

# apt_names PREFIX: the names of the packages in the suite that start with it.
apt_names() { apt-cache -c "$APT_DIR/apt.conf" pkgnames "$1"; }

# apt_files PACKAGE...: address, file name, size and checksum of the newest version of each.
apt_files() {
	apt-get -c "$APT_DIR/apt.conf" download --print-uris "$@" | tr -d "'"
}

# apt_download PACKAGE...: fetches the newest version of each and prints where it is. What an
# interrupted download left of them is gone on from, where the server can do that.
apt_download() {
	local files total dir=$CACHE/tmp/download uri name hash
	files=$(apt_files "$@") || return 1
	total=$(awk '{ n += $3 } END { print int(n / 1e6 + 0.9) }' <<<"$files")
	mkdir -p "$dir" || return 1
	for name in "$dir"/*; do
		awk '{ print $2 }' <<<"$files" | grep -qxF "${name##*/}" || rm -rf "$name"
	done
	if [ -n "$(find "$dir" -type f -size +0)" ]; then
		say "going on with fetching $* ($total MB)"
	else
		say "fetching $* ($total MB)"
	fi
	while read -r uri name _ hash; do
		apt_fetch "$uri" "$dir/$name" "$hash" || return 1
		printf '%s\n' "$dir/$name"
	done <<<"$files"
}

# apt_fetch URI FILE CHECKSUM: apt checks all of the file, whatever part of it was there before.
apt_fetch() {
	local had=''
	# The only one of apt's programs that goes on with a part.
	[ ! -e "$2" ] || had=1
	run_apt /usr/lib/apt/apt-helper download-file "$@" && return
	rm -f "$2.FAILED"
	# A part that the network broke off is still there; one that was wrong is not.
	[ -n "$had" ] && [ ! -e "$2" ] || return 1
	say "what an earlier download left of ${2##*/} is damaged: it is fetched from its beginning"
	run_apt /usr/lib/apt/apt-helper download-file "$@" && return
	rm -f "$2.FAILED"
	return 1
}

# fetch_debs SUITE PACKAGE...: unpacks each into a directory of the cache that is named by package
# and version, and prints the directories.
fetch_debs() {
	local suite=$1 package
	shift
	apt_suite "$suite"
	apt_lists
	for package; do
		if ! fetch_deb "$package"; then
			# The archive keeps only the newest versions: older lists name what is gone.
			apt_is_fresh && return 1
			apt_refresh
			fetch_deb "$package" || return 1
		fi
	done
}

fetch_deb() {
	local name deb dir tmp
	name=$(apt_files "$1" | awk '{ print $2 }') || return 1
	dir=$CACHE/debs/${name%.deb}
	if [ ! -d "$dir" ]; then
		deb=$(apt_download "$1") || return 1
		tmp=$(fresh_tmp unpack) || return 1
		dpkg-deb -x "$deb" "$tmp" || return 1
		mkdir -p "$CACHE/debs" || return 1
		mv -T "$tmp" "$dir" || return 1
		rm -f "$deb"
	fi
	printf '%s\n' "$dir"
}
