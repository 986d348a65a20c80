# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034  # variables are used by setup.sh and the other parts
#
# Setup, the part that finds and fetches what hotwalk runs on: QEMU and OpenSBI, a current and an old
# one of each. Sourced by setup.sh.

# ---------------------------------------------------------------------------------------------
# QEMU

qemu_version() { "$1" --version 2>/dev/null | sed -n '1s/.*version \([0-9][0-9.]*\).*/\1/p'; }

# The name of the device that carries any virtio id; it was renamed when users were let at it. Asking
# for one device's options loads no module, unlike asking for all devices.
qemu_vhost()
{
	local d
	for d in vhost-user-test-device vhost-user-device; do
		if "$1" -M none -device "$d,help" 2>/dev/null | grep -q '^ *virtio-id='; then printf '%s\n' "$d"; return; fi
	done
}

qemu_take()     # BINARY: sets QEMU, QEMU_VERSION, QEMU_VHOST_DEVICE
{
	local facts
	QEMU=$1
	facts=${QEMU%/bin/*}/facts
	# Asking takes a tenth of a second, so it is noted in the trees of our own.
	case $QEMU in
	"$CACHE"/*)
		QEMU_VERSION=$(sed -n 's/^version //p' "$facts")
		QEMU_VHOST_DEVICE=$(sed -n 's/^vhost //p' "$facts")
		;;
	*)
		QEMU_VERSION=$(qemu_version "$QEMU")
		QEMU_VHOST_DEVICE=$(qemu_vhost "$QEMU")
		;;
	esac
	found qemu "$QEMU $QEMU_VERSION$([ -n "$QEMU_VHOST_DEVICE" ] || echo ' (without vhost-user-test-device)')"
}

find_qemu()
{
	local sys
	QEMU_VERSION='' QEMU_VHOST_DEVICE=''
	if [ -n "${QEMU:-}" ]; then
		have "$QEMU" || die "QEMU=$QEMU: there is no such command"
		[ -n "$(qemu_version "$QEMU")" ] || die "QEMU=$QEMU: '$QEMU --version' does not work"
		qemu_take "$(command -v "$QEMU")"
		return
	fi
	QEMU=
	sys=$(command -v qemu-system-riscv64)
	if [ -n "$sys" ] && version_ge "$(qemu_version "$sys")" "$QEMU_WANTED"; then qemu_take "$sys"; return; fi
	if cache_used qemu; then qemu_take "$USED/bin/qemu-system-riscv64"; return; fi
	needed qemu || return
	if [ -n "$sys" ] && { tried_lately qemu || ! apt_can; }; then
		qemu_take "$sys"
		[ "$SETUP" = no ] || say "QEMU $QEMU_VERSION of the system is used, without vhost-user-test-device: hotwalk's built-in device it is (newer one: SETUP=update)"
		return
	fi
	if have apt-get && ! apt_can; then
		# Ubuntu: its own QEMU is the one that can be had.
		if apt-cache show qemu-system-riscv >/dev/null 2>&1; then sys=qemu-system-riscv; else sys=qemu-system-misc; fi
		missing_package qemu "$sys opensbi"
		return
	fi
	missing qemu "would be fetched: QEMU >= $QEMU_WANTED from $BACKPORTS, 24 MB"
}

find_qemu_old()
{
	local sys
	if [ -n "${QEMU_OLD:-}" ]; then
		have "$QEMU_OLD" || die "QEMU_OLD=$QEMU_OLD: there is no such command"
		QEMU_OLD=$(command -v "$QEMU_OLD")
		found qemu-old "$QEMU_OLD $(qemu_version "$QEMU_OLD")"
		return
	fi
	QEMU_OLD=
	sys=$(command -v qemu-system-riscv64)
	if [ -n "$sys" ] && ! version_ge "$(qemu_version "$sys")" "$QEMU_WANTED"; then
		QEMU_OLD=$sys
	elif cache_used qemu-old; then
		QEMU_OLD=$USED/bin/qemu-system-riscv64
	elif ! needed qemu-old; then
		return
	elif tried_lately qemu-old || ! apt_can; then
		absent qemu-old "optional: an old QEMU for the test matrix"
		return
	else
		missing qemu-old "would be fetched (optional): QEMU 7.2 from $OLD, 61 MB"
		return
	fi
	found qemu-old "$QEMU_OLD $(qemu_version "$QEMU_OLD")"
}

# The wrapper finds its tree from its own place, so that a cache may be moved. exec, so that signals
# and the exit status are QEMU's own. -L: without it QEMU loads the system's OpenSBI, without a word.
# The module directory keeps it from the system's modules, which are of another version.
qemu_wrapper()  # TREE: make bin/qemu-system-riscv64
{
	local tree=$1 loader d
	loader=$(cd "$tree/root" && find . -type f -name 'ld-linux*.so.*' | sort | head -n 1)
	[ -n "$loader" ] || return 1
	mkdir -p "$tree/bin" "$tree/root/usr/lib/qemu-modules"
	cat >"$tree/bin/qemu-system-riscv64" <<-END
		#!/bin/sh
		# SPDX-License-Identifier: BSD-2-Clause
		# QEMU of a private tree, through the tree's own loader. Written by hotwalk's host/setup.sh.
		self=\$(readlink -f "\$0") || exit 127
		root=\${self%/bin/*}/root
	END
	printf 'libs=\n' >>"$tree/bin/qemu-system-riscv64"
	for d in $(cd "$tree/root" && qemu_libdirs); do
		# shellcheck disable=SC2016  # to be expanded by the wrapper
		printf 'libs=${libs:+$libs:}$root/%s\n' "${d#./}" >>"$tree/bin/qemu-system-riscv64"
	done
	cat >>"$tree/bin/qemu-system-riscv64" <<-END
		export QEMU_MODULE_DIR="\$root/usr/lib/qemu-modules"
		exec "\$root/${loader#./}" --inhibit-cache --library-path "\$libs" --argv0 "\$0" \\
			"\$root/usr/bin/qemu-system-riscv64" -L "\$root/usr/share/qemu" "\$@"
	END
	chmod 755 "$tree/bin/qemu-system-riscv64"
}

# qemu_libdirs: directories of the current tree that have libraries to link, not plug-ins to load.
qemu_libdirs()
{
	find . -name '*.so.*' ! -path '*/gconv/*' ! -path '*/ossl-modules/*' ! -path '*/engines-*' \
		! -path '*/sasl2/*' ! -path '*/qemu/*' -exec dirname {} \; | sort -u
}

qemu_fetch()    # NAME PACKAGE SUITE OTHER-SUITE...
{
	local name=$1 package=$2 suite=$3 version tree=$TMP/$1 debs dir
	shift 3
	version=$(apt_version "$package" "$suite")
	[ -n "$version" ] || { APT_WHY="$suite has no $package"; return 1; }
	# Whatever would be executed at installation, draws pictures or is firmware of another machine
	# stays away. The OpenSBI beside the tree becomes its default BIOS below.
	debs=$TMP/$name.debs
	apt_fetch_tree "$debs" "$package" "$suite" "qemu-system-common (= $version), qemu-system-data (= $version),
		opensbi (= 99), ipxe-qemu (= 99), seabios (= 99), adduser (= 999), debconf (= 999), debconf-2.0, dpkg (= 99),
		passwd (= 999), init-system-helpers (= 99), ucf (= 99), fuse3 (= 99), libc-bin (= 99)" "$suite" "$@" || return 1
	say "QEMU $(printf '%s' "$version" | sed 's/^[0-9]*://; s/[+~-].*//') from $suite: $(find "$debs" -name '*.deb' | wc -l) packages, $(human "$(files_size "$debs"/*.deb)")"
	unpack_debs "$tree/root" "$debs"/*.deb || return 1
	[ -x "$tree/root/usr/bin/qemu-system-riscv64" ] || return 1
	find "$tree/root/usr/bin" "$tree/root/bin" "$tree/root/usr/sbin" "$tree/root/sbin" -mindepth 1 ! -name qemu-system-riscv64 \
		-delete 2>/dev/null
	mkdir -p "$tree/root/usr/share/qemu"
	[ -z "${OPENSBI:-}" ] || cp --remove-destination "$OPENSBI" "$tree/root/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin"
	qemu_wrapper "$tree" || return 1
	version=$(qemu_version "$tree/bin/qemu-system-riscv64")
	if [ -z "$version" ]; then
		say "the fetched QEMU does not start:"
		"$tree/bin/qemu-system-riscv64" --version 2>&1 | head -n 3 | sed 's/^/setup:   /' >&2
		return 1
	fi
	printf 'version %s\nvhost %s\n' "$version" "$(qemu_vhost "$tree/bin/qemu-system-riscv64")" >"$tree/facts"
	dir=qemu-$version-$( (cd "$debs" && sha256 ./*.deb; cat "$tree/bin/qemu-system-riscv64") | short_hash)
	tree_commit "$tree" "$dir"
	cache_use "$name" "$dir"
}

# ---------------------------------------------------------------------------------------------
# OpenSBI

find_opensbi()
{
	local dir v
	OPENSBI_VERSION=unknown FW_JUMP='' OPENSBI_ALL=
	# shellcheck disable=SC2086  # suites are words
	for v in old mid new $(printf '%s-old ' $MORE); do
		if cache_used "opensbi-$v"; then OPENSBI_ALL="$OPENSBI_ALL $USED/fw_dynamic.bin"; fi
	done
	if [ -n "${OPENSBI:-}" ]; then
		[ -f "$OPENSBI" ] || die "OPENSBI=$OPENSBI: there is no such file"
		OPENSBI=$(realpath "$OPENSBI")
	else
		OPENSBI=
		# The stable suite's is the one in use where the mirror has no newer, not where that is damaged.
		if cache_used opensbi-new || { [ ! -f "$CACHE/use.opensbi-new" ] && cache_used opensbi-mid; }; then
			OPENSBI=$USED/fw_dynamic.bin
		fi
		if [ -z "$OPENSBI" ] && ! needed opensbi; then return; fi
		if [ -z "$OPENSBI" ] && { tried_lately opensbi || ! apt_can; }; then
			# The system's own: Debian's package, or what came with QEMU, or Fedora's and Arch's place.
			for v in /usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin \
				"${QEMU%/bin/*}/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin" \
				/usr/share/opensbi/lp64/generic/firmware/fw_dynamic.bin \
				/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin; do
				if [ -z "$OPENSBI" ] && [ -f "$v" ]; then OPENSBI=$v; fi
			done
		fi
		if [ -z "$OPENSBI" ]; then
			missing opensbi "would be fetched: OpenSBI from $NEXT or $STABLE, 0.2 MB"
			return
		fi
	fi
	dir=$(dirname "$OPENSBI")
	if [ -f "$dir/version" ]; then OPENSBI_VERSION=$(cat "$dir/version"); fi
	if [ -f "$dir/fw_jump.bin" ]; then FW_JUMP=$dir/fw_jump.bin; fi
	found opensbi "$OPENSBI $OPENSBI_VERSION"
}

find_opensbi_old()
{
	if [ -n "${OPENSBI_OLD:-}" ]; then
		[ -f "$OPENSBI_OLD" ] || die "OPENSBI_OLD=$OPENSBI_OLD: there is no such file"
		OPENSBI_OLD=$(realpath "$OPENSBI_OLD")
		found opensbi-old "$OPENSBI_OLD"
		return
	fi
	OPENSBI_OLD=
	if cache_used opensbi-old; then
		OPENSBI_OLD=$USED/fw_dynamic.bin
		found opensbi-old "$OPENSBI_OLD"
	elif ! needed opensbi-old; then
		return
	elif tried_lately opensbi-old || ! apt_can; then
		absent opensbi-old "optional: OpenSBI 1.1 for the test matrix"
	else
		missing opensbi-old "would be fetched (optional): OpenSBI 1.1 from $OLD, 0.2 MB"
	fi
}

find_opensbi_more()
{
	local suite name
	for suite in $MORE; do
		name=opensbi-$suite-old
		if cache_used "$name"; then
			found "$name" "$USED/fw_dynamic.bin"
		elif ! needed "$name"; then
			:
		elif tried_lately "$name" || ! apt_can; then
			absent "$name" "optional: OpenSBI of $suite for the test matrix"
		else
			missing "$name" "would be fetched (optional): OpenSBI from $suite, 0.2 MB"
		fi
	done
}

opensbi_fetch() # NAME SUITE
{
	local name=$1 suite=$2 version debs=$TMP/$1.debs tree=$TMP/$1 from dir v
	version=$(apt_version opensbi "$suite")
	[ -n "$version" ] && apt_fetch "$debs" "opensbi/$suite" || return 1
	unpack_debs "$tree.all" "$debs"/*.deb || return 1
	from=$tree.all/usr/lib/riscv64-linux-gnu/opensbi/generic
	mkdir -p "$tree"
	for v in fw_dynamic fw_jump; do
		# Packages before 1.0 have ELF files only.
		if [ -f "$from/$v.bin" ]; then
			cp "$from/$v.bin" "$tree/" || return 1
		else
			"${CROSS_COMPILE}objcopy" -O binary "$from/$v.elf" "$tree/$v.bin" || return 1
		fi
	done
	printf '%s\n' "${version%%-*}" >"$tree/version"
	say "OpenSBI ${version%%-*} from $suite: $(human "$(files_size "$debs"/*.deb)")"
	dir=opensbi-${version%%-*}-$(sha256 <"$tree/fw_dynamic.bin" | cut -c1-10)
	tree_commit "$tree" "$dir"
	cache_use "$name" "$dir"
}
