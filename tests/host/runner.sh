# SPDX-License-Identifier: BSD-2-Clause
# What the tests of hotwalk-run begin with: $run, a folder $tmp that goes at the end, and ok(). Sourced.
# A test leaves what the runner printed in $tmp/out, and ends with "1..$count" and status $bad.
run=${HOTWALK_RUN:-build/hotwalk-run}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
count=0
bad=0

ok() # CONDITION-STATUS NAME
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/#   /' "$tmp/out"
		bad=1
	fi
}
