#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the files that boot loaders take (docs/images.md) out of hotwalk.elf and hotwalk.bin, with boot
# arguments in them:
#   hotwalk-image.elf, hotwalk-image.bin   the same, with the arguments
#   hotwalk-opensbi.bin                    OpenSBI, and 2 MiB behind its start the raw image
#   hotwalk-image.its, hotwalk-image.itb   FIT source; FIT image where mkimage or dtc is installed
#   hotwalk-image.bin.gz, hotwalk-gzip.its, .itb   the raw image and the FIT image compressed: boot loaders unpack them
#   hotwalk-image.sha256                   checksums of them all
#
# usage: host/image.sh --elf FILE --bin FILE --objcopy TOOL [--firmware FW_JUMP.BIN] [--fit-load ADDR]
#                      [--args TEXT] --output DIR

set -eu
export LC_ALL=C

# firmware/start.S: a magic word, then the text and its end.
MAGIC_AT=64
ARGS_AT=72
ARGS_BYTES=440
# What fw_jump leaves between its own start and the image's (OpenSBI's generic platform, rv64).
PAYLOAD_AT=2097152

die() { printf 'image: error: %s\n' "$*" >&2; exit 1; }
size_of() { wc -c <"$1" | tr -d ' '; }

ARGS='' FIRMWARE='' FIT_LOAD=0x80200000
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || die "$1 needs a value"
	case $1 in
	--elf) ELF=$2 ;;
	--bin) BIN=$2 ;;
	--objcopy) OBJCOPY=$2 ;;
	--firmware) FIRMWARE=$2 ;;
	--fit-load) FIT_LOAD=$2 ;;
	--args) ARGS=$2 ;;
	--output) OUT=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done

case $ARGS in *[!\ -~]*) die "the arguments hold a character that cannot be printed" ;; esac
[ ${#ARGS} -lt $ARGS_BYTES ] || die "the arguments have ${#ARGS} characters, at most $((ARGS_BYTES - 1)) fit"
case $FIT_LOAD in 0x*) ;; *) die "FIT_LOAD=$FIT_LOAD: not an address (0x...)" ;; esac
[ $((FIT_LOAD % PAYLOAD_AT)) -eq 0 ] || die "FIT_LOAD=$FIT_LOAD: not a multiple of 2 MiB"
mkdir -p "$OUT"
TMP=$(mktemp -d "$OUT/.image.XXXXXX")
trap 'rm -rf "$TMP"' EXIT

# The magic word says that this file is what the offsets are meant for.
found=$(dd if="$BIN" bs=1 skip=$MAGIC_AT count=8 2>/dev/null)
[ "$found" = hotwargs ] || die "$BIN holds no place for arguments"

{ printf 'hotwargs%s' "$ARGS"; head -c $((ARGS_BYTES - ${#ARGS})) /dev/zero; } >"$TMP/args"
cp "$BIN" "$TMP/hotwalk-image.bin"
dd if="$TMP/args" of="$TMP/hotwalk-image.bin" bs=1 seek=$MAGIC_AT conv=notrunc 2>/dev/null
# Debug information is for gdb, which has build/hotwalk.elf, and seven eighths of that file.
"$OBJCOPY" --strip-debug --update-section ".args=$TMP/args" "$ELF" "$TMP/hotwalk-image.elf"
"$OBJCOPY" -O binary --remove-section=.bss "$TMP/hotwalk-image.elf" "$TMP/check.bin"
cmp -s "$TMP/check.bin" "$TMP/hotwalk-image.bin" || die "ELF and raw image differ"
chmod -x "$TMP/hotwalk-image.bin"

files='hotwalk-image.elf hotwalk-image.bin'

# The checksum is that of @DATA as it stands in the FIT image. mkimage fills it in; dtc alone leaves the
# node out of use, which U-Boot then refuses.
make_fit() # NAME DATA COMPRESSION
{
	sed "s/@LOAD@/$FIT_LOAD/g; s/@NAME@/$1/g; s/@DATA@/$2/; s/@COMPRESSION@/$3/" >"$TMP/$1.its" <<'END'
/* FIT source: mkimage -f @NAME@.its @NAME@.itb; U-Boot: bootm ADDR - ${fdtcontroladdr} */
/dts-v1/;

/ {
	description = "hotwalk";
	/* mkimage puts the time here; newer U-Boots refuse an image without it. */
	timestamp = <0>;
	#address-cells = <2>;

	images {
		hotwalk {
			description = "hotwalk";
			data = /incbin/("@DATA@");
			type = "kernel";
			os = "linux";
			arch = "riscv";
			compression = "@COMPRESSION@";
			load = /bits/ 64 <@LOAD@>;
			entry = /bits/ 64 <@LOAD@>;
			hash-1 {
				algo = "sha256";
			};
		};
	};

	configurations {
		default = "hotwalk";
		hotwalk {
			description = "hotwalk, with the boot loader's device tree";
			kernel = "hotwalk";
		};
	};
};
END
	files="$files $1.its"
	if command -v mkimage >/dev/null && (cd "$TMP" && mkimage -f "$1.its" "$1.itb" >/dev/null 2>&1); then
		files="$files $1.itb"
	elif command -v dtc >/dev/null; then
		hash=$(sha256sum "$TMP/$2" | cut -c1-64)
		sed "s/algo = \"sha256\";/&\n\t\t\t\tvalue = [$hash];/" "$TMP/$1.its" >"$TMP/hashed.its"
		dtc -q -I dts -O dtb -o "$TMP/$1.itb" "$TMP/hashed.its" && files="$files $1.itb"
		rm -f "$TMP/hashed.its"
	fi
}

make_fit hotwalk-image hotwalk-image.bin none
# Without name and time, so that the same image is the same file.
if command -v gzip >/dev/null; then
	gzip -9nc "$TMP/hotwalk-image.bin" >"$TMP/hotwalk-image.bin.gz"
	files="$files hotwalk-image.bin.gz"
	make_fit hotwalk-gzip hotwalk-image.bin.gz gzip
else
	printf 'image: no gzip here, the compressed images are left out\n' >&2
fi

if [ -n "$FIRMWARE" ]; then
	[ "$(size_of "$FIRMWARE")" -le $PAYLOAD_AT ] || die "$FIRMWARE is larger than the 2 MiB in front of the image"
	cp "$FIRMWARE" "$TMP/hotwalk-opensbi.bin"
	chmod u+w "$TMP/hotwalk-opensbi.bin"
	truncate -s $PAYLOAD_AT "$TMP/hotwalk-opensbi.bin"
	cat "$TMP/hotwalk-image.bin" >>"$TMP/hotwalk-opensbi.bin"
	files="$files hotwalk-opensbi.bin"
else
	printf 'image: no fw_jump.bin here, hotwalk-opensbi.bin is left out (IMAGE_FIRMWARE=FILE names one)\n' >&2
fi

(
	cd "$TMP"
	# shellcheck disable=SC2086  # a list of names
	if command -v sha256sum >/dev/null; then sha256sum $files; else shasum -a 256 $files; fi >hotwalk-image.sha256
)
for f in $files hotwalk-image.sha256; do
	mv -f "$TMP/$f" "$OUT/$f"
	printf '  IMAGE   %s/%s %s bytes\n' "$OUT" "$f" "$(size_of "$OUT/$f")"
done
