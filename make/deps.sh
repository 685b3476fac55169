#!/bin/sh
# Installs the Debian packages of debian-packages.txt that are not there yet.
set -eu
cd "$(dirname "$0")/.."
missing=
for package in $(sed -e 's/#.*//' debian-packages.txt); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "Run as root: apt-get install$missing" >&2
    exit 1
fi
echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt-get update -qq
# One line a package, so that it is seen to go on.
DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends $missing >"$log" 2>&1 &
apt=$!
tail -f --pid=$apt -n +1 "$log" | sed -un 's/^Setting up \([^ ]*\).*/  deb    \1/p'
if ! wait $apt; then
    tail -n 20 "$log" >&2
    exit 1
fi
