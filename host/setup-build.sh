# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034  # variables are used by setup.sh and the other parts
#
# Setup, the part that compiles the two libraries that the firmware links: newlib's libc.a, reduced,
# and libfdt.a. Sourced by setup.sh.

# Debian's gcc 12 with the modern spelling (rv64imac_zicsr_zifencei) silently links the lp64d libgcc;
# under the 2.2 specification the plain name finds the right one. One section a function, so that the
# firmware pays for what it calls only.
LIB_MARCH='-misa-spec=2.2 -march=rv64imac -mabi=lp64 -mcmodel=medany'
LIB_CFLAGS="-O2 $LIB_MARCH -ffunction-sections -fdata-sections"

# What the firmware may call, and what that calls in turn. The whole library takes 15 to 30 s, these
# take 2. The list was read off the link map of link_test below; if another newlib needs more, or
# names a file differently, link_test fails and the whole library is made.
NEWLIB_OBJECTS='
	abs atoi atol bsearch ctype_ errno ffs ffsl ffsll freer impure isalnum isalpha isdigit isprint
	isspace isupper islower isxdigit labs llabs locale localeconv mallocr mbtowc_r memccpy memchr
	memcmp memcpy memmem memmove memmove-stub mempcpy memrchr memset mlock msizer qsort rand_r
	reallocr reent sbrkr snprintf sprintf ssputs_r stpcpy stpncpy strcasecmp strcat strchr strchrnul
	strcmp strcpy strcspn strlcat strlcpy strlen strncasecmp strncat strncmp strncpy strnlen strpbrk
	strrchr strsep strspn strstr strtok_r strtol strtoll strtoul strtoull svfprintf tolower toupper
	vsnprintf vsprintf wctomb_r'

# No floating point, no threads, no wide characters, the small allocator. The C99 formats and long
# long are asked for because the smallest formatter misreads %zu and %llx.
NEWLIB_OPTIONS='
	--host=riscv64-unknown-elf --prefix=/ --disable-multilib --disable-newlib-supplied-syscalls
	--disable-dependency-tracking --disable-newlib-multithread --disable-newlib-wide-orient
	--disable-newlib-fvwrite-in-streamio --disable-newlib-fseek-optimization
	--enable-newlib-reent-small --enable-newlib-nano-malloc --disable-newlib-io-float
	--enable-newlib-io-c99-formats --enable-newlib-io-long-long'

# link_errors NAME: what the linker said last.
link_errors() { head -n 4 "${TMP:-$SCRATCH}/$1.link" | sed 's/^/setup:   /' >&2; }

jobs_count() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

# build_key TEXT...: names a build by all that goes into it: compiler, flags, recipe, source.
build_key()
{
	{
		"$CC" --version | head -n 1
		printf '%s\n' "$LIB_CFLAGS" "$@"
	} | short_hash
}

# ---------------------------------------------------------------------------------------------
# Does it link, and into code that the firmware can run?

link_test()     # NAME PROGRAM CFLAGS LIBS...: compile and link as the firmware does
{
	local name=$1 program=$2 cflags=$3 dir
	shift 3
	[ -n "$TMP" ] || scratch_open
	dir=${TMP:-$SCRATCH}
	printf '%s\n' "$program" >"$dir/$name.c"
	# shellcheck disable=SC2086  # flags are words
	"$CC" -O2 $LIB_MARCH -ffreestanding -nostdlib -nostartfiles -static $cflags "$dir/$name.c" \
		-Wl,--gc-sections -Wl,--start-group "$@" -lgcc -Wl,--end-group -o "$dir/$name.elf" \
		>"$dir/$name.link" 2>&1
}

# snprintf's allocator path wants _sbrk, and nothing else of the system: the firmware has one that
# gives nothing. The further stubs are for a full newlib that somebody else has built.
NEWLIB_TEST='
#define _GNU_SOURCE
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
char buf[256];
volatile unsigned long sink;
void *const volatile functions[] = { memcpy, memmove, memset, memcmp, memchr, memrchr, memccpy, mempcpy, memmem,
	strlen, strnlen, strcmp, strncmp, strcpy, strncpy, stpcpy, stpncpy, strcat, strncat, strlcpy, strlcat,
	strchr, strrchr, strchrnul, strstr, strspn, strcspn, strpbrk, strtok_r, strsep, strcasecmp, strncasecmp,
	strtol, strtoll, strtoul, strtoull, atoi, atol, abs, labs, llabs, ffs, ffsl, ffsll, qsort, bsearch, rand_r,
	isalnum, isalpha, isdigit, isprint, isspace, isupper, islower, isxdigit, toupper, tolower,
	snprintf, vsnprintf, sprintf, vsprintf };
#define STUB(name) __attribute__((weak)) long name(void) { return -1; }
STUB(_sbrk) STUB(sbrk) STUB(_write) STUB(_read) STUB(_close) STUB(_lseek) STUB(_fstat) STUB(_isatty)
STUB(_kill) STUB(_getpid) STUB(_exit)
void _start(void)
{
	sink = (unsigned long)snprintf(buf, sizeof(buf), "%llx %zu %p %08x %-10s", 1ULL, sizeof(buf), (void *)buf, 3U, "x");
	sink = (unsigned long)functions[sink];
	for (;;)
		;
}'

LIBFDT_TEST='
#include <stdlib.h>
#include <string.h>
#include <libfdt.h>
extern char tree[];
void *const volatile functions[] = { fdt_check_header, fdt_check_full, fdt_next_node, fdt_getprop, fdt_path_offset,
	fdt_setprop, fdt_add_subnode, fdt_open_into, fdt_pack, fdt_create, fdt_stringlist_search, fdt_node_offset_by_phandle,
	fdt_address_cells, fdt_size_cells, fdt_get_mem_rsv, fdt_add_mem_rsv, fdt_strerror, fdt_overlay_apply };
#define STUB(name) __attribute__((weak)) long name(void) { return -1; }
STUB(_sbrk) STUB(sbrk)
void _start(void)
{
	for (;;)
		(void)functions[*(volatile unsigned long *)functions];
}'

# ---------------------------------------------------------------------------------------------
# newlib

# newlib_build SRC OUT: SRC is the top of newlib's source tree, OUT gets include/ and libc.a.
newlib_build()
{
	local src=$1 out=$2 b=$TMP/newlib-build log=$TMP/newlib.log o found targets='' whole=''

	[ -x "$src/newlib/configure" ] || { say "$src has no newlib/configure"; return 1; }
	rm -rf "$b"
	mkdir -p "$b" "$out"
	# The newlib/ directory itself is configured, for there is no libgloss to build. No target makes
	# documentation, hence no makeinfo.
	# shellcheck disable=SC2086  # options are words
	run_in "$b" "$log" "$src/newlib/configure" $NEWLIB_OPTIONS CC="$CC" AR="${CROSS_COMPILE}ar" AS="${CROSS_COMPILE}as" \
		RANLIB="${CROSS_COMPILE}ranlib" NM="${CROSS_COMPILE}nm" STRIP="${CROSS_COMPILE}strip" MAKEINFO=: \
		CFLAGS="$LIB_CFLAGS" CCASFLAGS="$LIB_CFLAGS" || { log_tail "$log"; return 1; }
	# MAKEFLAGS of the make that called this script would bring its options and job server along.
	run "$log" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$b" newlib.h _newlib_version.h stmp-targ-include ||
		{ log_tail "$log"; return 1; }
	cp -R "$src/newlib/libc/include" "$out/include" && cp -R "$b/targ-include/." "$out/include/" || return 1

	# The machine's own version of a function shadows the general one, and only ours is of interest.
	for o in $NEWLIB_OBJECTS; do
		found=$(sed -n "s|^\(libc/[a-z0-9/]*/libc_a-$o\.o\):.*|\1|p" "$b/Makefile" |
			awk '/\/machine\/riscv\// { m = $0 } !/\/(machine|sys)\// { g = $0 } END { print m != "" ? m : g }')
		# Strange names are no error: link_test will tell whether something is missing.
		targets="$targets $found"
	done
	# shellcheck disable=SC2086  # targets are words
	if ! newlib_make "$b" "$src" "$log" $targets ||
	   ! (cd "$b" && "${CROSS_COMPILE}ar" rcs libc.a $targets) >>"$log" 2>&1 ||
	   ! link_test newlib "$NEWLIB_TEST" "-isystem $out/include" "$b/libc.a"; then
		whole=y
		say "this newlib is built differently; making all of its libc.a (half a minute)"
		rm -f "$b/libc.a"
		# Up to newlib 4.2 the library has a makefile, and a configure run, of its own.
		if grep -q '^all-recursive:' "$b/Makefile" && newlib_make "$b" "$src" "$log" all-recursive; then
			cp "$b/libc/libc.a" "$b/libc.a"
		else
			newlib_make "$b" "$src" "$log" libc.a || { log_tail "$log"; return 1; }
		fi
		link_test newlib "$NEWLIB_TEST" "-isystem $out/include" "$b/libc.a" || {
			say "a program that uses newlib does not link:"
			link_errors newlib
			return 1
		}
	fi
	[ -z "$whole" ] || "${CROSS_COMPILE}strip" -g "$b/libc.a"
	# The licences come along, since the firmware's image carries this code.
	cp "$b/libc.a" "$out/libc.a" && cp "$src/COPYING.NEWLIB" "$out/" 2>/dev/null
	[ -f "$out/libc.a" ]
}

newlib_make()   # BUILD SRC LOG TARGET...
{
	local b=$1 src=$2 log=$3
	shift 3
	[ $# -gt 0 ] || return 1
	run "$log" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$b" -j "$(jobs_count)" \
		CPPFLAGS="-isystem $b/targ-include -isystem $src/newlib/libc/include" "$@"
}

# newlib_version INCLUDE_FLAGS: as newlib.h has it.
newlib_version()
{
	# shellcheck disable=SC2086  # flags are words
	printf '#include <newlib.h>\n_NEWLIB_VERSION\n' |
		"$CC" $LIB_MARCH $1 -E -P -x c - 2>/dev/null | sed -n 's/^"\(.*\)"$/\1/p'
}

# ---------------------------------------------------------------------------------------------
# libfdt

# Counts up when the way of building changes.
LIBFDT_RECIPE='2'

# libfdt_build SRC OUT: SRC is the directory that has fdt.c, OUT gets include/, libfdt.a, and the
# source itself in src/, for the host tests of the tree reader.
libfdt_build()
{
	local src=$1 out=$2 b=$TMP/libfdt-build c

	rm -rf "$b"
	mkdir -p "$b" "$out/include"
	for c in "$src"/fdt*.c; do
		# shellcheck disable=SC2086  # flags are words
		run "$TMP/libfdt.log" "$CC" $LIB_CFLAGS -ffreestanding $NEWLIB_CFLAGS -I "$src" -c "$c" \
			-o "$b/$(basename "$c" .c).o" || { log_tail "$TMP/libfdt.log"; return 1; }
	done
	"${CROSS_COMPILE}ar" rcs "$out/libfdt.a" "$b"/*.o || return 1
	cp "$src/fdt.h" "$src/libfdt.h" "$src/libfdt_env.h" "$out/include/" || return 1
	mkdir "$out/src" && cp "$src"/*.[ch] "$out/src/"
}

# libfdt_from_deb DIR OUT: from Debian's libfdt-dev for riscv64. That is lp64d code without a single
# floating-point instruction, so the float ABI bits (0x6) of e_flags may be cleared; otherwise the
# linker would refuse it. What its hardening and its C library's headers refer to comes with a shim.
libfdt_from_deb()
{
	local dir=$1 out=$2 b=$TMP/libfdt-build lib o flags

	lib=$(find "$dir" -name libfdt.a | head -n 1)
	[ -n "$lib" ] || return 1
	rm -rf "$b"
	mkdir -p "$b" "$out/include"
	(cd "$b" && "${CROSS_COMPILE}ar" x "$lib") || return 1
	for o in "$b"/*.o; do
		chmod u+w "$o"
		flags=$(od -An -tu1 -j48 -N1 "$o" | tr -d ' ')
		# shellcheck disable=SC2059  # the format is the byte
		printf "\\$(printf '%03o' $((flags & ~6)))" | dd of="$o" bs=1 seek=48 conv=notrunc 2>/dev/null || return 1
	done
	cat >"$b/shim.c" <<-'END'
		unsigned long strtoul(const char *s, char **end, int base);
		unsigned long __isoc23_strtoul(const char *s, char **end, int base);
		__attribute__((weak)) unsigned long __stack_chk_guard = 0x5bd1e995f00dfaceUL;
		__attribute__((weak, noreturn)) void __stack_chk_fail(void) { __builtin_trap(); }
		__attribute__((weak)) unsigned long __isoc23_strtoul(const char *s, char **end, int base)
		{
			return strtoul(s, end, base);
		}
	END
	# shellcheck disable=SC2086  # flags are words
	"$CC" $LIB_CFLAGS -c "$b/shim.c" -o "$b/shim.o" && "${CROSS_COMPILE}ar" rcs "$out/libfdt.a" "$b"/*.o || return 1
	find "$dir" \( -name libfdt.h -o -name fdt.h -o -name libfdt_env.h \) -exec cp {} "$out/include/" \;
}

libfdt_links()  # CFLAGS LIB
{
	# shellcheck disable=SC2086  # flags are words
	link_test libfdt "$LIBFDT_TEST" "$1 $NEWLIB_CFLAGS" "$2" ${NEWLIB_LIB:+"$NEWLIB_LIB"}
}
