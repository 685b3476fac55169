#!/bin/sh
# clang-tidy over the files given, quiet when all is well.
set -eu
out=$(clang-tidy-14 --quiet "$@" -- -std=gnu17 -D_GNU_SOURCE -Iinclude -include rampart/base/banned.h \
    -DRAMPART_VERSION='"lint"' $(pkg-config --cflags libuv libcurl jansson openssl yaml-0.1) 2>/dev/null) || { echo "$out"; exit 1; }
