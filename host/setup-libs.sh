# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034  # variables are used by setup.sh and the other parts
#
# Setup, the part that finds and fetches the libraries that the firmware links: newlib and libfdt.
# Sourced by setup.sh.

# ---------------------------------------------------------------------------------------------
# newlib

find_newlib()
{
	local d=${NEWLIB_DIR:-} l
	NEWLIB_SRC='' NEWLIB_CFLAGS='' NEWLIB_LIB='' NEWLIB_VERSION=''
	if [ -z "${CC:-}" ]; then missing newlib "would be fetched: newlib's source from $STABLE, 5.2 MB, and compiled"; return; fi
	if [ -n "$d" ]; then
		[ -d "$d" ] || die "NEWLIB_DIR=$d: there is no such directory"
		d=$(cd "$d" && pwd)
		makefile_safe "$d" || die "NEWLIB_DIR=$d holds a character that make would misread"
		if [ -x "$d/newlib/configure" ]; then
			NEWLIB_SRC=$d
		else
			[ -f "$d/include/newlib.h" ] || [ ! -f "$d/riscv64-unknown-elf/include/newlib.h" ] || d=$d/riscv64-unknown-elf
			[ -f "$d/include/newlib.h" ] ||
				die "NEWLIB_DIR=$d: neither newlib's source (newlib/configure) nor an installed one (include/newlib.h)"
			for l in "$d/lib/rv64imac/lp64/libc.a" "$d/lib/libc.a"; do
				if [ -z "$NEWLIB_LIB" ] && [ -f "$l" ]; then NEWLIB_LIB=$l; fi
			done
			[ -n "$NEWLIB_LIB" ] || die "NEWLIB_DIR=$d: there is no lib/libc.a"
			NEWLIB_CFLAGS="-isystem $d/include"
			NEWLIB_VERSION=$(newlib_version "$NEWLIB_CFLAGS")
			if ! link_test newlib "$NEWLIB_TEST" "$NEWLIB_CFLAGS" "$NEWLIB_LIB"; then
				link_errors newlib
				die "NEWLIB_DIR=$d: its libc.a does not link into rv64imac/lp64 code"
			fi
			found newlib "$d $NEWLIB_VERSION"
			return
		fi
	fi
	# A source tree that somebody works on gets a new key when a file in it changes.
	NEWLIB_KEY=$(build_key "$NEWLIB_OPTIONS" "$NEWLIB_OBJECTS" "$NEWLIB_SRC" \
		"$([ -z "$NEWLIB_SRC" ] || ls -lRn "$NEWLIB_SRC/newlib/libc")")
	if cache_used "newlib-$NEWLIB_KEY"; then
		NEWLIB_CFLAGS="-isystem $USED/include"
		NEWLIB_LIB=$USED/libc.a
		NEWLIB_VERSION=$(cat "$USED/version")
		found newlib "$USED $NEWLIB_VERSION"
		return
	fi
	if [ -n "$NEWLIB_SRC" ]; then missing newlib "would be compiled from $NEWLIB_SRC"; return; fi
	NEWLIB_VERSION=$(newlib_version '')
	# shellcheck disable=SC2086  # flags are words
	l=$("$CC" $LIB_MARCH -print-file-name=libc.a)
	if [ -n "$NEWLIB_VERSION" ] && [ -f "$l" ] && link_test newlib "$NEWLIB_TEST" '' "$l"; then
		NEWLIB_LIB=$l
		found newlib "the compiler's own, $l $NEWLIB_VERSION"
		return
	fi
	missing newlib "would be fetched: newlib's source from $STABLE, 5.2 MB, and compiled"
}

newlib_get()
{
	local version src debs=$TMP/newlib.debs tree=$TMP/newlib tar
	src=$NEWLIB_SRC
	if [ -z "$src" ]; then
		if apt_has "$STABLE"; then
			apt_fetch "$debs" "newlib-source/$STABLE" || return 1
			say "newlib's source from $STABLE: $(human "$(files_size "$debs"/*.deb)")"
		else
			# Debian's and Ubuntu's older releases have the package too.
			mkdir -p "$debs"
			run_in "$debs" "$TMP/apt-system.log" apt-get download newlib-source || return 1
			say "newlib's source from this system's own release: $(human "$(files_size "$debs"/*.deb)")"
		fi
		unpack_debs "$TMP/newlib.src" "$debs"/*.deb || return 1
		tar=$(find "$TMP/newlib.src" -name '*.tar.*' | head -n 1)
		# Board support and tests are a third of it, and not looked at.
		[ -n "$tar" ] && run "$TMP/newlib.log" tar -xf "$tar" -C "$TMP/newlib.src" --exclude='*/libgloss' \
			--exclude='*/testsuite' --exclude='*/newlib/doc' --exclude='*/ChangeLog*' || return 1
		src=$(find "$TMP/newlib.src" -mindepth 2 -maxdepth 2 -name newlib -type d | head -n 1)
		src=${src%/newlib}
	fi
	say "compiling newlib (only what the firmware calls)"
	newlib_build "$src" "$tree" || return 1
	version=$(newlib_version "-isystem $tree/include")
	printf '%s\n' "$version" >"$tree/version"
	tree_commit "$tree" "newlib-${version:-unknown}-$NEWLIB_KEY"
	cache_use "newlib-$NEWLIB_KEY" "newlib-${version:-unknown}-$NEWLIB_KEY"
}

# ---------------------------------------------------------------------------------------------
# libfdt

find_libfdt()
{
	local d=${LIBFDT_DIR:-} f
	LIBFDT_SRC='' LIBFDT_SOURCE='' LIBFDT_CFLAGS='' LIBFDT_LIB='' LIBFDT_VERSION=''
	if [ -z "${CC:-}" ]; then missing libfdt "would be fetched: dtc's source from $STABLE, 0.2 MB, and compiled"; return; fi
	if [ -n "$d" ]; then
		[ -d "$d" ] || die "LIBFDT_DIR=$d: there is no such directory"
		d=$(cd "$d" && pwd)
		makefile_safe "$d" || die "LIBFDT_DIR=$d holds a character that make would misread"
		if [ -f "$d/fdt_ro.c" ]; then
			LIBFDT_SRC=$d
		elif [ -f "$d/libfdt/fdt_ro.c" ]; then
			LIBFDT_SRC=$d/libfdt
		else
			for f in "$d/libfdt.a" "$d/lib/libfdt.a" "$d"/lib/*/libfdt.a; do
				if [ -z "$LIBFDT_LIB" ] && [ -f "$f" ]; then LIBFDT_LIB=$f; fi
			done
			for f in "$d/include" "$d"; do
				if [ -z "$LIBFDT_CFLAGS" ] && [ -f "$f/libfdt.h" ]; then LIBFDT_CFLAGS="-isystem $f"; fi
			done
			if [ -z "$LIBFDT_LIB" ] || [ -z "$LIBFDT_CFLAGS" ]; then
				die "LIBFDT_DIR=$d: neither libfdt's source (fdt_ro.c) nor libfdt.a with include/libfdt.h"
			fi
			if [ -n "$NEWLIB_LIB" ] && ! libfdt_links "$LIBFDT_CFLAGS" "$LIBFDT_LIB"; then
				link_errors libfdt
				die "LIBFDT_DIR=$d: its libfdt.a does not link into rv64imac/lp64 code (its source would do)"
			fi
			found libfdt "$LIBFDT_LIB"
			return
		fi
	fi
	LIBFDT_KEY=$(build_key "$LIBFDT_RECIPE" "$LIBFDT_SRC" "$([ -z "$LIBFDT_SRC" ] || cat "$LIBFDT_SRC"/*.[ch])")
	if cache_used "libfdt-$LIBFDT_KEY"; then
		LIBFDT_CFLAGS="-isystem $USED/include"
		LIBFDT_LIB=$USED/libfdt.a
		LIBFDT_VERSION=$(cat "$USED/version")
		if [ -d "$USED/src" ]; then LIBFDT_SOURCE=$USED/src; fi
		found libfdt "$USED $LIBFDT_VERSION"
		return
	fi
	if [ -n "$LIBFDT_SRC" ]; then missing libfdt "would be compiled from $LIBFDT_SRC"; return; fi
	missing libfdt "would be fetched: dtc's source from $STABLE, 0.2 MB, and compiled"
}

libfdt_from_tar()       # WHENCE: sets libfdt_get's version, makes its tree
{
	local tar c
	tar=$(find "$TMP/dtc" -name '*.orig.tar.*' ! -name '*.asc' | head -n 1)
	[ -n "$tar" ] && tar -xf "$tar" -C "$TMP/dtc" || return 1
	version=${tar##*_}
	version=${version%.orig.*}
	say "libfdt $version, dtc's source from $1: $(human "$(files_size "$tar")")"
	c=$(find "$TMP/dtc" -name fdt_ro.c | head -n 1)
	libfdt_build "$(dirname "$c")" "$tree"
}

libfdt_get()
{
	local src=$LIBFDT_SRC tree=$TMP/libfdt version
	if [ -n "$src" ]; then
		version=local
		libfdt_build "$src" "$tree" || return 1
	elif apt_has "$STABLE/src"; then
		apt_fetch_source "$TMP/dtc" device-tree-compiler "$STABLE" || return 1
		libfdt_from_tar "$STABLE" || return 1
	elif apt_has "$STABLE/riscv64"; then
		apt_fetch "$TMP/libfdt.debs" "libfdt-dev:riscv64/$STABLE" || return 1
		version=$(basename "$TMP"/libfdt.debs/*.deb | cut -d_ -f2)
		say "libfdt $version, the riscv64 package from $STABLE: $(human "$(files_size "$TMP"/libfdt.debs/*.deb)")"
		unpack_debs "$TMP/libfdt.all" "$TMP"/libfdt.debs/*.deb && libfdt_from_deb "$TMP/libfdt.all" "$tree" || return 1
	elif have apt-get && mkdir -p "$TMP/dtc" && run_in "$TMP/dtc" "$TMP/apt-system.log" \
		apt-get source --download-only --tar-only device-tree-compiler; then
		libfdt_from_tar "this system's own release" || return 1
	else
		return 1
	fi
	printf '%s\n' "$version" >"$tree/version"
	libfdt_links "-isystem $tree/include" "$tree/libfdt.a" || {
		say "a program that uses libfdt does not link:"
		link_errors libfdt
		return 1
	}
	tree_commit "$tree" "libfdt-$version-$LIBFDT_KEY"
	cache_use "libfdt-$LIBFDT_KEY" "libfdt-$version-$LIBFDT_KEY"
}
