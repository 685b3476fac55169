#!/bin/sh
# Everything, in the order in which a fault is cheapest to find: `make test`. Says what it is about to do and how long each step took.
set -eu
cd "$(dirname "$0")/.."
began=$(date +%s)

step() {
    what=$1
    shift
    echo
    echo "==> $what"
    at=$(date +%s)
    if ! "$@"; then
        echo "==> FAILED: $what" >&2
        echo "    again: $*" >&2
        exit 1
    fi
    echo "    $(($(date +%s) - at)) s"
}

export CI=${CI:-true} # warnings are errors
make="${MAKE:-make} --no-print-directory -j$(nproc) --output-sync=target"

# What takes minutes shows how far it is, and is not held back until it is done.
slow="${MAKE:-make} --no-print-directory"

step "Debian packages" $slow deps
step "build, unit tests, tests on loopback sockets, layers" $make check
step "lint: clang-format, clang-tidy, cppcheck" $make lint
step "the same code compiled with clang" $make clang
step "branches that the unit tests run" $make coverage-gate
step "again under AddressSanitizer and UndefinedBehaviorSanitizer" $make sanitize
step "again under valgrind" $make valgrind
step "fuzzers, a few seconds each" $make fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
step "the real Kubernetes control plane (ten minutes when it is built the first time)" $slow e2e-tools
step "gofmt and go vet" $slow e2e-lint
step "scenarios on the real control plane" $slow e2e
step "the scenarios again, the operator under the sanitizers" $slow CONFIG=asan e2e
step "the benchmark in small: all is measured, nothing is lost, memory is bounded" $slow bench-quick
step "two minutes of churn: nothing grows" $slow soak MINUTES=2 BENCH_OUT="${BUILD:-build}/bench-quick"
echo
echo "All of it passed in $((($(date +%s) - began) / 60)) min $((($(date +%s) - began) % 60)) s."
