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
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
