# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034  # variables are used by setup.sh and the other parts
#
# Setup, the part that keeps things: messages, the cache, its lock and its seals.
# Sourced by setup.sh.
#
# The cache holds finished trees only. A tree is made in a directory .hotwalk-tmp.* beside its final place,
# sealed, and moved there with one rename; it never changes afterwards. So a reader needs no lock,
# and an interrupted setup leaves nothing but a .hotwalk-tmp.* that the next one sweeps away.

say()  { printf 'setup: %s\n' "$*" >&2; }
die()  { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# version_ge A B: is version A at least B? Numeric, dotted: 10.2 >= 9.10.
version_ge()
{
	local a=$1 b=$2 x y
	while [ -n "$a" ] || [ -n "$b" ]; do
		x=${a%%.*} y=${b%%.*}
		x=${x%%[!0-9]*} y=${y%%[!0-9]*}
		[ "${x:-0}" -gt "${y:-0}" ] && return 0
		[ "${x:-0}" -lt "${y:-0}" ] && return 1
		case $a in *.*) a=${a#*.} ;; *) a= ;; esac
		case $b in *.*) b=${b#*.} ;; *) b= ;; esac
	done
	return 0
}

# Both names of one tool: coreutils' and perl's (macOS).
sha256()
{
	if have sha256sum; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# sha256_list: for names on standard input, each ended by NUL.
sha256_list()
{
	if have sha256sum; then xargs -0 sha256sum; else xargs -0 shasum -a 256; fi
}

# short_hash < TEXT: enough digits to tell apart what one cache can hold.
short_hash() { sha256 | cut -c1-10; }

human() { awk -v b="$1" 'BEGIN { if (b >= 1e6) printf "%.1f MB", b / 1e6; else printf "%.0f kB", b / 1e3 }'; }

# ---------------------------------------------------------------------------------------------
# Where the cache is

# Paths end up in a makefile, where white space, '#', '$', ':' and '%' would be read as syntax.
makefile_safe() { case $1 in *[[:space:]#\$:%\\]*) return 1 ;; esac; }

cache_choose()
{
	local home=${HOME:-} want

	if [ -n "${HOTWALK_CACHE:-}" ]; then
		CACHE=$HOTWALK_CACHE
		case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac
		makefile_safe "$CACHE" || die "HOTWALK_CACHE=$CACHE holds a character that make would misread"
		return
	fi
	# A service account has HOME unset, "/" or a directory that does not exist.
	CACHE=$TOP/build/cache
	makefile_safe "$CACHE" || die "$CACHE holds a character that make would misread (HOTWALK_CACHE=DIR names another place)"
	case $home in ''|/|[!/]*) home= ;; esac
	want=${XDG_CACHE_HOME:-${home:+$home/.cache}}
	case $want in /*) ;; *) return ;; esac
	makefile_safe "$want" || return
	# Writable means: its nearest existing ancestor is, since nothing is made while only listing.
	local up=$want/hotwalk
	while [ ! -e "$up" ]; do up=${up%/*}; [ -n "$up" ] || up=/; done
	if [ -d "$want/hotwalk" ] || { [ -d "$up" ] && [ -w "$up" ]; }; then CACHE=$want/hotwalk; fi
}

# ---------------------------------------------------------------------------------------------
# Lock, temporary directory, clean-up

USED=          # what cache_used found
DAMAGED=       # names of trees whose seal was broken
SCRATCH=       # a directory outside of the cache for tests that must not touch it, or empty
WAITED=        # another setup had the lock, so what is missing may not be missing any more
TMP=           # this run's directory .hotwalk-tmp.* in the cache, or empty
CHILD=         # process that run() waits for, or empty

cleanup()
{
	local status=$?
	trap '' INT TERM HUP
	if [ -n "$CHILD" ]; then
		kill -TERM "$CHILD" 2>/dev/null
		wait "$CHILD" 2>/dev/null
	fi
	[ -z "$TMP" ] || rm -rf "$TMP"
	[ -z "$SCRATCH" ] || rm -rf "$SCRATCH"
	exit "$status"
}

cleanup_arm()
{
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

scratch_open()
{
	[ -z "$SCRATCH" ] || return 0
	cleanup_arm
	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/hotwalk.XXXXXX") || die "cannot make a temporary directory"
}

# cache_open: take the lock and a fresh temporary directory.
# Without flock (macOS) two setups do the work twice and the second rename loses, no more than that.
cache_open()
{
	[ -z "$TMP" ] || return 0
	mkdir -p "$CACHE" 2>/dev/null || die "cannot make the cache directory $CACHE (HOTWALK_CACHE=DIR names another)"
	[ -w "$CACHE" ] || die "the cache directory $CACHE is not writable (HOTWALK_CACHE=DIR names another)"
	cleanup_arm
	if have flock; then
		exec 9>"$CACHE/.lock"
		if ! flock -n 9; then
			say "another setup works in $CACHE, waiting for it"
			WAITED=y
			flock 9 || die "cannot lock $CACHE/.lock"
		fi
		# Whoever holds the lock is alone, so every .hotwalk-tmp.* is the remains of a killed setup.
		rm -rf "$CACHE"/.hotwalk-tmp.*
	fi
	TMP=$(mktemp -d "$CACHE/.hotwalk-tmp.XXXXXX") || die "cannot make a directory in $CACHE"
}

# run LOG COMMAND...: run COMMAND with its output in LOG, such that a signal to this shell is acted
# upon at once and not when COMMAND is through.
run()
{
	local log=$1 status
	shift
	"$@" >>"$log" 2>&1 </dev/null &
	CHILD=$!
	wait "$CHILD"
	status=$?
	CHILD=
	return "$status"
}

# run_in DIR LOG COMMAND...: the same in another directory.
run_in()
{
	local dir=$1
	shift
	pushd "$dir" >/dev/null || return 1
	run "$@"
	local status=$?
	popd >/dev/null || return 1
	return "$status"
}

# log_tail LOG: the lines of a failed command that matter.
log_tail() { grep -E '^(E|W|Err)[: ]|rror' "$1" | grep -v 'have been ignored, or old' | tail -n 4 | sed 's/^/setup:   /' >&2; }

# ---------------------------------------------------------------------------------------------
# Seals
#
# .seal.sums has the SHA-256 of every file; .seal.stat has the name, size, time and link target of
# everything. What apt checked against the archive's signature is what was sealed. On a normal start
# only .seal.stat is compared: that finds files that were removed, cut short or overwritten by
# accident, in some 10 ms. The full sums cost a few tenths of a second per start and protect against
# silent disk damage only (whoever can write the cache can also write the seals), so they are for
# SETUP=verify.

tree_stat()
{
	(
		cd "$1" || exit 1
		# BSD's find has no -printf; the trees there are small, so their content will do.
		find . -name '.seal.*' -prune -o ! -type d -printf '%P %s %T@ %l\n' 2>/dev/null ||
			find . -name '.seal.*' -prune -o -type f -exec cksum {} +
	) | sort
}

tree_seal()
{
	(
		cd "$1" || exit 1
		find . -name '.seal.*' -prune -o -type f -print | sort | tr '\n' '\0' | sha256_list
	) >"$1/.seal.sums" || return 1
	tree_stat "$1" >"$1/.seal.stat"
}

# tree_ok DIR: sealed and unchanged?
tree_ok()
{
	[ -f "$1/.seal.stat" ] || return 1
	[ "$(tree_stat "$1")" = "$(cat "$1/.seal.stat")" ] || return 1
	[ "$SETUP" != verify ] || (cd "$1" && sha256 -c .seal.sums >/dev/null 2>&1)
}

# tree_commit TMPDIR NAME: seal TMPDIR and give it its place in the cache.
tree_commit()
{
	tree_seal "$1" || die "cannot seal $1"
	# A tree of that name is either damaged (tree_ok said so) or of a setup that was quicker.
	if [ -e "$CACHE/$2" ]; then
		if SETUP=verify tree_ok "$CACHE/$2"; then rm -rf "$1"; return; fi
		mv "$CACHE/$2" "$TMP/damaged.$2"
	fi
	mv "$1" "$CACHE/$2" || die "cannot move a finished tree to $CACHE/$2"
}

# Packages change under their names, so which tree is in use is written down: cache/use.NAME.
cache_use() { printf '%s\n' "$2" >"$TMP/use" && mv -f "$TMP/use" "$CACHE/use.$1"; }

# cache_used NAME: set USED to the directory in use for NAME; fail if there is none, it is damaged, or
# everything is to be fetched anew.
cache_used()
{
	USED=
	[ "$SETUP" != update ] && [ -f "$CACHE/use.$1" ] || return 1
	USED=$CACHE/$(cat "$CACHE/use.$1")
	tree_ok "$USED" && return 0
	case "$DAMAGED " in
	*" $1 "*) ;;
	*) DAMAGED="$DAMAGED $1"; say "${USED##*/} in the cache is not as it was made; it will not be used" ;;
	esac
	USED=
	return 1
}
