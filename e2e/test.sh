#!/bin/sh
# Runs the tests of e2e/ one package after the other and prints each test's outcome as it ends, what it
# tells, and all of those that fail. Arguments go to `go test`, as in
#   e2e/test.sh -run TestDrift ./scenarios
# RAMPART_BINARY is the operator; build/release/rampart by default.
set -u

cd "$(dirname "$0")/.."
status=$(mktemp) || exit 1
trap 'rm -f "$status"' EXIT
began=$(date +%s)
{
    ./e2e/go.sh test -count=1 -p 1 -v "$@" 2>&1
    echo $? >"$status"
} | awk '/^=== (RUN|PAUSE|CONT|NAME) / || /^ +--- PASS: / || /\[no test files\]$/ || /^testing: warning: no tests to run/ { next }
         { print; fflush() }'
code=$(cat "$status")
echo "e2e: $(($(date +%s) - began)) s, exit code $code"
exit "$code"
