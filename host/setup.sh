#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Setup: finds what hotwalk is built and run with, gets what is missing, and writes where everything
# is as a makefile fragment.
#
# usage: host/setup.sh [--for build|run|check] [--output build/tools.mk]
#
# Compilers and plain tools come through apt, as root; an ordinary user is told the line to type.
# Everything else (QEMU, OpenSBI, newlib, libfdt) comes from Debian packages without privileges, into
# a cache of its own. Nothing is fetched when the things are there, so every make may run this.
#
# Environment:
#   SETUP=no|verify|update   no: only list, exit 1 if something is missing; verify: also compare the
#                            cache with its full checksums; update: fetch again
#   CROSS_COMPILE=PREFIX-  HOSTCC=CC  QEMU=BINARY  QEMU_OLD=BINARY  OPENSBI=FW_DYNAMIC.BIN  OPENSBI_OLD=...
#   FUZZ=required            clang is needed too (for --for check); FUZZ_CC=CLANG
#   NEWLIB_DIR=DIR           newlib's source, or a prefix with include/newlib.h and lib/libc.a
#   LIBFDT_DIR=DIR           libfdt's source, or a directory with include/libfdt.h and libfdt.a
#   HOTWALK_CACHE=DIR        instead of $XDG_CACHE_HOME/hotwalk or ~/.cache/hotwalk
#   HOTWALK_MIRROR=URL       a Debian mirror, where apt's configuration names none

set -u
export LC_ALL=C

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$HERE")
PURPOSE=run
OUTPUT=$TOP/build/tools.mk

# shellcheck source=host/setup-cache.sh
. "$HERE/setup-cache.sh"
# shellcheck source=host/setup-apt.sh
. "$HERE/setup-apt.sh"
# shellcheck source=host/setup-build.sh
. "$HERE/setup-build.sh"
# shellcheck source=host/setup-libs.sh
. "$HERE/setup-libs.sh"
# shellcheck source=host/setup-qemu.sh
. "$HERE/setup-qemu.sh"

while [ $# -gt 0 ]; do
	case $1 in
	--for) PURPOSE=${2:-}; shift ;;
	--output) OUTPUT=${2:-}; shift ;;
	-h|--help) sed -n '/^# usage/,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) die "unknown argument $1" ;;
	esac
	shift || die "an argument is missing"
done
case $PURPOSE in build|run|check) ;; *) die "--for takes build, run or check, not '$PURPOSE'" ;; esac
[ -n "$OUTPUT" ] || die "--output takes a file"
SETUP=${SETUP:-}
case $SETUP in ''|no|yes|verify|update) ;; *) die "SETUP takes no, verify or update, not '$SETUP'" ;; esac

# Suites of Debian. STABLE has all but a current QEMU, which its backports have; NEXT, if the mirror
# has it, has a newer OpenSBI; OLD has the QEMU and the OpenSBI of the other end of the test matrix.
STABLE=trixie
BACKPORTS=trixie-backports
NEXT=forky
OLD=bookworm
# Further versions of OpenSBI for the matrix, where the mirror has these suites: 0.9 and 1.5.
MORE="bullseye $OLD-backports"

# From here on QEMU's generic vhost-user device can be a virtio-mem device of the riscv machines.
QEMU_WANTED=10.2

ROWS=()        # what was found and what was not, for SETUP=no
PACKAGES=      # Debian packages to install
FETCH=         # components to fetch or build
row() { ROWS+=("$(printf '%-8s %-12s %s' "$1" "$2" "$3")"); }
found() { row found "$1" "$2"; }
missing() { row missing "$1" "$2"; FETCH="$FETCH $1"; }
missing_package() { row missing "$1" "would be installed with apt: $2"; PACKAGES="$PACKAGES $2"; }
absent() { row absent "$1" "$2"; }
needed() { case "$PURPOSE $1" in 'build '*|'run '*-old) return 1 ;; esac; }
wants() { case " $FETCH " in *" $1 "*) return 0 ;; esac; return 1; }

# An attempt at something optional that failed is not repeated by every make of the same day.
tried_lately() { [ "$SETUP" != update ] && [ -n "$(find "$CACHE/tried.$1" -mmin -1440 2>/dev/null)" ]; }
tried() { : >"$CACHE/tried.$1"; }

# ---------------------------------------------------------------------------------------------
# Compilers and plain tools

find_cross()
{
	local p
	if [ -n "${CROSS_COMPILE:-}" ]; then
		have "${CROSS_COMPILE}gcc" || die "CROSS_COMPILE=$CROSS_COMPILE: there is no ${CROSS_COMPILE}gcc"
	else
		CROSS_COMPILE=
		for p in riscv64-unknown-elf- riscv64-elf- riscv-none-elf- riscv64-none-elf-; do
			if have "${p}gcc" && have "${p}ld"; then CROSS_COMPILE=$p; break; fi
		done
	fi
	if [ -z "$CROSS_COMPILE" ]; then
		missing_package compiler gcc-riscv64-unknown-elf
		return 1
	fi
	CC=${CROSS_COMPILE}gcc
	found compiler "$(command -v "$CC") $("$CC" -dumpversion)"
}

hostcc_works() { printf '#include <stdio.h>\n' | "$1" -E -x c - >/dev/null 2>&1; }

find_hostcc()
{
	local c
	if [ -n "${HOSTCC:-}" ]; then
		# shellcheck disable=SC2086  # may be a command with options, such as "ccache gcc"
		have ${HOSTCC%% *} || die "HOSTCC=$HOSTCC: there is no such command"
	else
		HOSTCC=
		for c in gcc cc clang; do
			if have "$c" && hostcc_works "$c"; then HOSTCC=$c; break; fi
		done
	fi
	if [ -n "$HOSTCC" ]; then found hostcc "$(command -v "${HOSTCC%% *}") $(${HOSTCC%% *} -dumpversion 2>/dev/null)"; return; fi
	missing_package hostcc "gcc libc6-dev"
}

# Half a gigabyte that only mutates inputs (the corpus is replayed without): for who asks for it.
find_fuzzer()
{
	if have "${FUZZ_CC:-clang}"; then found fuzzer "$(command -v "${FUZZ_CC:-clang}")"; return; fi
	if [ "${FUZZ:-}" = required ]; then missing_package fuzzer "clang libclang-rt-dev"; return; fi
	absent fuzzer "no clang: fuzz targets only replay their corpus (FUZZ=required installs it)"
}

find_plain()
{
	if have make; then found make "$(command -v make)"; else missing_package make make; fi
	if [ "$PURPOSE" = check ]; then
		if have prove; then found prove "$(command -v prove)"; else missing_package prove perl; fi
		find_fuzzer
	fi
}

# ---------------------------------------------------------------------------------------------

find_all()
{
	ROWS=() PACKAGES='' FETCH=''
	find_cross
	find_hostcc
	find_plain
	find_newlib
	find_libfdt
	find_qemu
	find_opensbi
	find_qemu_old
	find_opensbi_old
	find_opensbi_more
	# Only the packages' sources are xz tarballs.
	if { wants newlib || wants libfdt; } && ! have xz; then missing_package xz xz-utils; fi
	if [ -n "$FETCH" ] && apt_can && ! apt_keyring >/dev/null; then missing_package keys debian-archive-keyring; fi
}

install_packages()
{
	local uris
	if ! have apt-get; then
		say "missing:$PACKAGES (Debian's names), and this system has no apt"
		cat >&2 <<-'END'
			setup: install these and try again:
			setup:   Fedora:  dnf install gcc make perl-Test-Harness xz qemu-system-riscv
			setup:            and a bare-metal riscv64-unknown-elf-gcc with newlib (xPack's, riscv-gnu-toolchain)
			setup:   Arch:    pacman -S gcc make perl xz riscv64-elf-gcc riscv64-elf-newlib qemu-system-riscv
			setup:   macOS:   brew install make qemu riscv64-elf-gcc
			setup: and name what is in no usual place: CROSS_COMPILE= NEWLIB_DIR= LIBFDT_DIR= QEMU= OPENSBI= HOSTCC=
		END
		exit 1
	fi
	if [ "$(id -u)" != 0 ]; then
		say "missing:$PACKAGES; type this and try again:"
		printf 'sudo apt-get install --no-install-recommends%s\n' "$PACKAGES" >&2
		exit 1
	fi
	# shellcheck disable=SC2086  # packages are words
	if ! apt-get -qq --print-uris install --no-install-recommends $PACKAGES >/dev/null 2>&1; then
		say "fetching this system's package indexes (apt-get update)"
		run "$TMP/system.log" apt-get update || { log_tail "$TMP/system.log"; die "apt-get update failed"; }
	fi
	# shellcheck disable=SC2086  # packages are words
	uris=$(apt-get -qq --print-uris install --no-install-recommends $PACKAGES 2>/dev/null)
	say "installing with apt:$PACKAGES ($(printf '%s\n' "$uris" | grep -c "^'") packages, $(human "$(printf '%s\n' "$uris" | awk '/^\047/ { s += $3 } END { print s + 0 }')"))"
	# shellcheck disable=SC2086  # packages are words
	DEBIAN_FRONTEND=noninteractive run "$TMP/system.log" \
		apt-get install -y --no-install-recommends $PACKAGES && return
	# Package indexes that have become stale name files that are gone.
	say "that failed; once more with fresh package indexes (apt-get update)"
	run "$TMP/system.log" apt-get update
	# shellcheck disable=SC2086  # packages are words
	DEBIAN_FRONTEND=noninteractive run "$TMP/system.log" \
		apt-get install -y --no-install-recommends $PACKAGES || { log_tail "$TMP/system.log"; die "apt-get install failed"; }
}

# A component that could not be had: what to do about it. All of them are told before setup ends.
LACKS=
give_up()       # COMPONENT VARIABLE WHAT
{
	LACKS="$LACKS $2="
	say "error: $1 cannot be had; $2= names $3 of your own"
}

get_all()
{
	local suites='' suite
	# What is fetched from here on is to be used, whatever was said about what lay there before.
	SETUP=use
	if { wants newlib && [ -z "$NEWLIB_SRC" ]; } || wants opensbi || wants qemu; then suites="$STABLE"; fi
	if wants libfdt && [ -z "$LIBFDT_SRC" ]; then suites="$STABLE $STABLE/src"; fi
	if wants qemu; then suites="$suites $BACKPORTS"; fi
	if wants opensbi; then suites="$suites $NEXT"; fi
	if wants qemu-old || wants opensbi-old; then suites="$suites $OLD"; fi
	for suite in $MORE; do
		if wants "opensbi-$suite-old"; then suites="$suites $suite"; fi
	done
	if [ -n "$suites" ]; then
		# shellcheck disable=SC2086  # suites are words
		apt_open $suites || say "$APT_WHY"
	fi

	if wants newlib; then
		newlib_get || give_up newlib NEWLIB_DIR "a source tree or an installed one"
		find_newlib
	fi
	if wants opensbi; then
		# The one of the stable suite is kept too: a step between the newest and 1.1 for the matrix.
		if apt_has "$STABLE"; then opensbi_fetch opensbi-mid "$STABLE"; fi
		if apt_has "$NEXT"; then opensbi_fetch opensbi-new "$NEXT"; fi
		cache_used opensbi-new || cache_used opensbi-mid || tried opensbi
		find_opensbi
		[ -n "$OPENSBI" ] || give_up OpenSBI OPENSBI "its fw_dynamic.bin"
	fi
	if wants qemu; then
		{ apt_has "$BACKPORTS" && qemu_fetch qemu qemu-system-riscv "$BACKPORTS" "$STABLE"; } ||
			{ apt_has "$NEXT" && qemu_fetch qemu qemu-system-riscv "$NEXT"; } ||
			if have qemu-system-riscv64; then tried qemu; else give_up "QEMU" QEMU "a qemu-system-riscv64"; fi
	fi
	if wants opensbi-old; then
		{ apt_has "$OLD" && opensbi_fetch opensbi-old "$OLD"; } ||
			{ tried opensbi-old; say "OpenSBI 1.1 cannot be fetched; the test matrix goes without it"; }
	fi
	for suite in $MORE; do
		if wants "opensbi-$suite-old"; then
			{ apt_has "$suite" && opensbi_fetch "opensbi-$suite-old" "$suite"; } ||
				{ tried "opensbi-$suite-old"; say "OpenSBI of $suite cannot be fetched; the test matrix goes without it"; }
		fi
	done
	if wants qemu-old; then
		{ apt_has "$OLD" && qemu_fetch qemu-old qemu-system-misc "$OLD"; } ||
			{ tried qemu-old; say "QEMU 7.2 cannot be fetched; the test matrix goes without it"; }
	fi
	# Last, since the other way to get it begins a private apt root anew. It needs newlib's headers.
	if wants libfdt; then
		if [ -z "$LIBFDT_SRC" ] && [ -n "$APT_SUITES" ] && ! apt_has "$STABLE/src"; then apt_open "$STABLE/riscv64"; fi
		{ [ -n "$NEWLIB_LIB" ] && libfdt_get; } || give_up libfdt LIBFDT_DIR "a source tree (dtc/libfdt)"
	fi
	[ -z "$LACKS" ] || die "this needs$LACKS"
}

write_output()
{
	local new v
	new=$(cat <<-END
		# Written by host/setup.sh: where everything is on this machine.
		CROSS_COMPILE := $CROSS_COMPILE
		HOSTCC := $HOSTCC
		QEMU := $QEMU
		QEMU_VERSION := $QEMU_VERSION
		QEMU_HAS_VHOST := ${QEMU_VHOST_DEVICE:+y}
		QEMU_VHOST_DEVICE := $QEMU_VHOST_DEVICE
		QEMU_OLD := $QEMU_OLD
		OPENSBI := $OPENSBI
		OPENSBI_VERSION := $OPENSBI_VERSION
		OPENSBI_OLD := $OPENSBI_OLD
		OPENSBI_ALL :=$OPENSBI_ALL
		FW_JUMP := $FW_JUMP
		LIBFDT_CFLAGS := $LIBFDT_CFLAGS
		LIBFDT_LIB := $LIBFDT_LIB
		LIBFDT_SOURCE := $LIBFDT_SOURCE
		NEWLIB_CFLAGS := $NEWLIB_CFLAGS
		NEWLIB_LIB := $NEWLIB_LIB
		NEWLIB_VERSION := $NEWLIB_VERSION
	END
	)
	for v in "$CROSS_COMPILE" "$QEMU" "$QEMU_OLD" "$OPENSBI" "$OPENSBI_OLD" "$LIBFDT_LIB" "$NEWLIB_LIB"; do
		makefile_safe "$v" || die "$v: this path holds a character that make would misread"
	done
	# An unchanged file keeps its time, so that make rebuilds nothing.
	[ -f "$OUTPUT" ] && [ "$new" = "$(cat "$OUTPUT")" ] && return
	if ! mkdir -p "$(dirname "$OUTPUT")" || ! printf '%s\n' "$new" >"$OUTPUT.new.$$" || ! mv -f "$OUTPUT.new.$$" "$OUTPUT"; then
		die "cannot write $OUTPUT"
	fi
}

cache_choose
find_all
if [ "$SETUP" = no ]; then
	printf '%s\n' "${ROWS[@]}"
	[ -z "$PACKAGES$FETCH" ] || exit 1
	write_output
	exit 0
fi
if [ -n "$PACKAGES" ]; then
	cache_open
	install_packages
	find_all
	[ -z "$PACKAGES" ] || die "still missing after the installation:$PACKAGES"
fi
if [ -n "$FETCH" ]; then
	cache_open
	[ -z "$WAITED" ] || find_all
fi
if [ -n "$FETCH" ]; then
	get_all
	find_all
	say "ready, in $CACHE ($(du -sh --exclude='.hotwalk-tmp.*' "$CACHE" 2>/dev/null | cut -f1))"
fi
write_output
exit 0
