#!/bin/sh
# Runs test binaries one after the other; prints one line each and the whole output of those that fail.
set -u
valgrind=
[ "${1:-}" = --valgrind ] && { valgrind="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible"; shift; }
passed=0 failed=0
# Where each step costs fifty times as much, randomised tests take fewer seeds and the slowest are left out.
[ -z "$valgrind" ] || export SEEDS="${SEEDS:-40}" UNDER_VALGRIND=1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for test in "$@"; do
    name=${test##*/}
    # shellcheck disable=SC2086
    if CMOCKA_MESSAGE_OUTPUT=stdout $valgrind "$test" >"$log" 2>&1; then
        count=$(grep -c '^\[       OK \]' "$log")
        passed=$((passed + count))
        printf '  ok     %s (%s)\n' "$name" "$count"
        grep -q '^\[       OK \]\|^\[  SKIPPED \]' "$log" || { echo "  FAIL   $name ran no test"; failed=$((failed + 1)); }
    else
        status=$?
        failed=$((failed + 1))
        printf '  FAIL   %s (exit %s)\n' "$name" "$status"
        cat "$log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
