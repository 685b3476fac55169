#!/bin/sh
# Runs fuzzers one after the other: run-fuzz.sh SECONDS BINARY...; what they find new goes to build/fuzz, not to the repository.
set -u
seconds=$1
shift
failed=0
for fuzzer in "$@"; do
    name=${fuzzer##*/}
    found=$(dirname "$fuzzer")/corpus-$name
    seeds=tests/fuzz/corpus/${name#fuzz_}
    mkdir -p "$found"
    [ -d "$seeds" ] || seeds=
    if "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found-crash-" "$found" $seeds >"$found.log" 2>&1; then
        printf '  ok     %s (%s inputs)\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$found.log")"
    else
        printf '  FAIL   %s\n' "$name"
        tail -n 40 "$found.log"
        failed=1
    fi
done
exit "$failed"
