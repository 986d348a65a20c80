# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Setup, the part that fetches: a private apt root, which needs no privileges and touches nothing of
# the system's. Sourced by setup.sh.
#
# The mirror is the one that this machine's apt is configured for; only the release name is replaced,
# so no host is named here. Every index must be signed by a key of the packaged Debian keyring: that,
# and not the address, is what makes a source acceptable. There is no unsigned way in.

# Releases that a machine's own sources may name for their address to be tried.
DEBIAN_RELEASES='bullseye|bookworm|trixie|forky|duke|oldoldstable|oldstable|stable|testing|unstable|sid'

APT=           # the private root, once apt_open has made it
APT_LOG=
APT_MIRRORS=
APT_ASKED=
APT_SUITES=    # suites whose signed indexes are there
APT_WHY=       # why nothing can be fetched

apt_keyring()
{
	local k
	for k in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
		if [ -r "$k" ]; then printf '%s\n' "$k"; return 0; fi
	done
	return 1
}

# apt_mirrors: set APT_MIRRORS to the addresses worth trying, in the order of the machine's sources.
# Asked once only: on a machine whose apt keeps no cache (as in containers), this takes half a second.
apt_mirrors()
{
	[ -z "$APT_ASKED" ] || return 0
	APT_ASKED=y
	APT_MIRRORS=${HOTWALK_MIRROR:-}
	[ -z "$APT_MIRRORS" ] || return 0
	# shellcheck disable=SC2016  # to be expanded by apt-get
	APT_MIRRORS=$(apt-get indextargets --no-release-info --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v rel="^($DEBIAN_RELEASES)\$" '$3 == "main" && $2 ~ rel && !seen[$1]++ { print $1 }')
}

# apt_can: is there any point in trying? Sets APT_WHY otherwise.
apt_can()
{
	if ! have apt-get || ! have dpkg-deb; then
		APT_WHY="this system has no apt"
	else
		apt_mirrors
		[ -z "$APT_MIRRORS" ] || return 0
		APT_WHY="apt's configuration names no Debian mirror (HOTWALK_MIRROR=URL names one)"
	fi
	return 1
}

apt_private() { local tool=$1; shift; "$tool" -c "$APT/conf" "$@"; }

# apt_open SUITE...: make the private root and fetch the indexes of these suites, as far as the
# mirror has them (a second call begins anew). "SUITE/src" is a suite's source index, "SUITE/ARCH" a foreign architecture's.
apt_open()
{
	local uri key arch archs s suite what

	APT_SUITES=
	apt_can || return 1
	APT=$TMP/apt APT_LOG=$TMP/apt.log
	rm -rf "$APT"
	if ! key=$(apt_keyring); then
		APT_WHY="the keys of the Debian archive are missing (package debian-archive-keyring)"
		return 1
	fi
	arch=$(dpkg --print-architecture)
	archs="\"$arch\";"
	for s in "$@"; do
		case $s in */src) ;; */*) archs="$archs \"${s#*/}\";" ;; esac
	done
	mkdir -p "$APT/state/lists/partial" "$APT/cache/archives/partial" "$APT/empty" "$APT/log"
	: >"$APT/status"
	: >"$APT/preferences"
	# A file given with -c is read after the machine's own configuration, which may hold a proxy
	# that is needed, and hooks, which must not run here. The sandbox user could not write in here.
	cat >"$APT/conf" <<-END
		#clear APT::Update;
		#clear APT::Architectures;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
		#clear DPkg::Pre-Install-Pkgs;
		Dir::State "$APT/state";
		Dir::State::status "$APT/status";
		Dir::Cache "$APT/cache";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Dir::Log "$APT/log";
		Dir::Etc::sourcelist "$APT/sources.list";
		Dir::Etc::sourceparts "$APT/empty";
		Dir::Etc::preferences "$APT/preferences";
		Dir::Etc::preferencesparts "$APT/empty";
		Dir::Etc::trusted "$APT/empty/none";
		Dir::Etc::trustedparts "$APT/empty";
		APT::Architecture "$arch";
		APT::Architectures { $archs };
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
		APT::Get::AllowUnauthenticated "false";
		APT::Get::Assume-Yes "true";
		Acquire::AllowInsecureRepositories "false";
		Acquire::AllowWeakRepositories "false";
		Acquire::AllowDowngradeToInsecureRepositories "false";
		Acquire::Languages "none";
		Acquire::PDiffs "false";
		Acquire::GzipIndexes "false";
		Acquire::Retries "2";
		Acquire::http::Timeout "20";
		Acquire::https::Timeout "20";
	END
	for uri in $APT_MIRRORS; do
		for s in "$@"; do
			suite=${s%/*} what=${s#*/}
			case $what in
			src) printf 'deb-src [target=Sources signed-by=%s] %s %s main\n' "$key" "$uri" "$suite" ;;
			"$s") printf 'deb [arch=%s target=Packages signed-by=%s] %s %s main\n' "$arch" "$key" "$uri" "$suite" ;;
			*) printf 'deb [arch=%s target=Packages signed-by=%s] %s %s main\n' "$what" "$key" "$uri" "$suite" ;;
			esac
		done >"$APT/sources.list"
		say "fetching package indexes: $*"
		# Its exit status also tells of a suite that this mirror lacks, which is no failure yet.
		run "$APT_LOG" apt-get -c "$APT/conf" update
		# shellcheck disable=SC2016  # to be expanded by apt-get
		APT_SUITES=$(apt_private apt-get indextargets --format '$(RELEASE)|$(CREATED_BY)|$(ARCHITECTURE)' 2>/dev/null |
			awk -F'|' -v arch="$arch" '{ print $1 ($2 == "Sources" ? "/src" : $3 == arch ? "" : "/" $3) }' | sort -u)
		[ -z "$APT_SUITES" ] || break
	done
	if [ -z "$APT_SUITES" ]; then
		APT_WHY="no mirror of apt's configuration gave a signed index of: $*"
		if grep -q -e NO_PUBKEY -e "isn't signed" -e 'not signed' "$APT_LOG"; then
			APT_WHY="$APT_WHY (keyring too old? upgrade the package debian-archive-keyring)"
		fi
		log_tail "$APT_LOG"
		return 1
	fi
	for s in "$@"; do apt_has "$s" || say "not to be had: $s (not on the mirror, not signed, or out of date)"; done
}

# apt_has SUITE: is its index there?
apt_has() { [ -n "$APT_SUITES" ] && printf '%s\n' "$APT_SUITES" | grep -qxF "$1"; }

# apt_version PACKAGE SUITE: its highest version there.
apt_version()
{
	apt_private apt-cache madison "$1" 2>/dev/null |
		awk -v want="$2/main" '{ split($0, f, / *\| */); n = split(f[3], w, " ")
			for (i = 1; i <= n; i++) if (w[i] == want && w[n] == "Packages") { gsub(/ /, "", f[2]); print f[2]; exit } }'
}

# apt_fetch DIR PACKAGE/SUITE...: just these packages, without what they depend on.
apt_fetch()
{
	local dir=$1
	shift
	mkdir -p "$dir"
	run_in "$dir" "$APT_LOG" apt-get -c "$APT/conf" download "$@" || { log_tail "$APT_LOG"; return 1; }
}

# apt_fetch_tree DIR PACKAGE SUITE PROVIDES SUITE...: PACKAGE from SUITE with everything it needs,
# taken from the other suites; PROVIDES names what is not wanted ("name (= version), ...").
apt_fetch_tree()
{
	local dir=$1 package=$2 suite=$3 provides=$4 s
	shift 4
	# What this stub says to have is not fetched: firmware images, GUI parts, maintainer scripts.
	cat >"$APT/status" <<-END
		Package: hotwalk-stub
		Status: install ok installed
		Version: 1
		Architecture: all
		Maintainer: hotwalk
		Description: stands for what is not wanted
		Provides: $(printf '%s' "$provides" | tr -s '\n\t' '  ')
	END
	# Suites that are in the list of sources for another component must not be mixed in.
	{
		for s in $APT_SUITES; do
			case " $* " in *" ${s%/*} "*) ;; *) printf 'Package: *\nPin: release n=%s\nPin-Priority: -1\n\n' "$s" ;; esac
		done
		printf 'Package: src:qemu\nPin: release n=%s\nPin-Priority: 990\n' "$suite"
	} >"$APT/preferences"
	rm -rf "$APT/cache/archives"
	mkdir -p "$APT/cache/archives/partial" "$dir"
	run "$APT_LOG" apt-get -c "$APT/conf" install --download-only "$package" || {
		log_tail "$APT_LOG"
		: >"$APT/status"; : >"$APT/preferences"
		return 1
	}
	: >"$APT/status"
	: >"$APT/preferences"
	mv "$APT"/cache/archives/*.deb "$dir/"
}

# apt_fetch_source DIR PACKAGE SUITE: the upstream tarball of a source package.
apt_fetch_source()
{
	mkdir -p "$1"
	run_in "$1" "$APT_LOG" apt-get -c "$APT/conf" source --download-only --tar-only "$2/$3" ||
		{ log_tail "$APT_LOG"; return 1; }
}

# files_size FILE...: bytes in all.
files_size() { cat "$@" | wc -c; }

# unpack_debs DIR DEB...: their files, without what nobody reads here.
unpack_debs()
{
	local dir=$1 deb
	shift
	mkdir -p "$dir"
	for deb in "$@"; do dpkg-deb -x "$deb" "$dir" || return 1; done
	(
		cd "$dir" || exit 1
		rm -rf etc var usr/lib/systemd usr/lib/*/systemd usr/lib/*/gconv usr/lib/*/rsocket \
			usr/share/doc usr/share/man usr/share/locale usr/share/lintian usr/share/bash-completion
	)
}
