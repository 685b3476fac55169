# Rampart. `make help` lists what there is; README.md shows the two commands that matter.

BUILD   ?= build
CONFIG  ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
PREFIX  ?= /usr/local
DESTDIR ?=

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0-unknown)
OUT     := $(BUILD)/$(CONFIG)
DEBIAN_PACKAGES := $(shell sed -e 's/\#.*//' debian-packages.txt 2>/dev/null)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

include make/flags.mk
include make/build.mk
include make/check.mk
-include e2e/e2e.mk

.PHONY: all
all: $(OUT)/rampart ## build the rampart binary into build/release

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z0-9_-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test: ## every test, the real control plane included; installs and builds what is missing
	@./make/test.sh

.PHONY: install
install: $(OUT)/rampart ## install into DESTDIR and PREFIX
	install -D -m 0755 $(OUT)/rampart $(DESTDIR)$(PREFIX)/bin/rampart

.PHONY: clean
clean: ## remove what was built here (the downloaded tools stay)
	rm -rf $(BUILD)/release $(BUILD)/asan $(BUILD)/coverage $(BUILD)/clang $(BUILD)/valgrind
