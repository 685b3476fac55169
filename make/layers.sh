#!/bin/sh
# The layer rule: who may include whom, and that only the edge touches the outside world. Prints each breach; exit 1 if there is one.
#
#   base <- json <- kube <- sync <- edge <- cli <- main.c      reconcilers -> base, json, kube      yaml -> base, json
set -eu
cd "$(dirname "$0")/.."
breaches=0

# breach FILE... : lines on standard input are breaches of the rule $rule
report() {
    while IFS= read -r line; do
        echo "$rule: $line"
        breaches=1
    done
    [ "$breaches" -eq 0 ]
}

files_of() {
    case $1 in
    reconcilers) find reconcilers include/rampart/reconcilers -name '*.[ch]' ;;
    *) find "controller/$1" "include/rampart/$1" -name '*.[ch]' ;;
    esac
}

# allow LAYER "LAYERS IT MAY INCLUDE"
allow() {
    rule="layer $1 may include only: $2"
    pattern=$(echo "$2" | sed 's/ /|/g')
    # shellcheck disable=SC2046
    grep -nE '^#include "rampart/' $(files_of "$1") /dev/null | grep -vE "\"rampart/($pattern)/" | report || failed=1
}

failed=0
allow base "base"
allow json "base json"
allow kube "base json kube"
allow reconcilers "base json kube reconcilers"
allow sync "base json kube sync"
allow yaml "base json yaml"
allow edge "base json kube sync yaml edge"

for layer in base json kube reconcilers sync yaml; do
    rule="$layer is pure and may not include"
    # shellcheck disable=SC2046
    grep -nE '^#include <(uv\.h|curl/|openssl/|sys/socket|sys/un|netinet/|unistd|fcntl|sys/stat|sys/time|signal|pthread|threads)' \
        $(files_of $layer) /dev/null | report || failed=1
    rule="$layer is pure and may not call"
    # shellcheck disable=SC2046
    grep -nE '\b(clock_gettime|gettimeofday|time\(NULL\)|getenv|fopen|open|read|write|socket|printf|fprintf|abort|exit)\(' \
        $(files_of $layer) /dev/null | grep -vE '(^[^:]*:[0-9]*: *(/?\*|//))|format\(printf|_open\(|_read\(|_write\(' | report || failed=1
done

# jansson is for json/ and kube/, and for who reads JSON through them.
rule="only json, kube, reconcilers, sync and yaml read JSON values"
grep -nE '^#include <jansson' -r controller/base include/rampart/base controller/edge include/rampart/edge | grep -v allocators | report || failed=1

[ "$failed" -eq 0 ] && echo "  ok     layers"
exit "$failed"
