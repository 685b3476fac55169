#!/bin/sh
# clang-tidy over one file (over several it loses track of va_lists), quiet when all is well.
set -eu
case $1 in
*/alloc.c) define=-DRAMPART_ALLOW_RAW_MEMORY ;;
*) define= ;;
esac
# shellcheck disable=SC2046
out=$(clang-tidy-14 --quiet "$1" -- -std=gnu17 -D_GNU_SOURCE -Iinclude $define -include rampart/base/banned.h \
    -DRAMPART_VERSION='"lint"' $(pkg-config --cflags libuv libcurl jansson openssl yaml-0.1) 2>/dev/null) || { echo "$out"; exit 1; }
