# Tests and checks of the C code. One test binary a file: cmocka leaves a failed test by longjmp.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
WIRE_SRC := $(wildcard tests/wire/test_*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
WIRE_SUPPORT_SRC := $(wildcard tests/wire/support/*.c)
HELPER_SRC := $(wildcard tests/helpers/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

UNIT_BIN := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(UNIT_SRC))
WIRE_BIN := $(patsubst tests/wire/%.c,$(OUT)/wire/%,$(WIRE_SRC))
HELPER_BIN := $(patsubst tests/helpers/%.c,$(OUT)/helpers/%,$(HELPER_SRC))
TEST_OBJ := $(call obj,$(UNIT_SRC) $(WIRE_SRC) $(HELPER_SRC) $(SUPPORT_SRC) $(WIRE_SUPPORT_SRC))

$(OUT)/obj/tests/%.o: PRODUCT_CPPFLAGS :=
$(OUT)/obj/tests/%.o: CPPFLAGS += -Itests
# cmocka's own macros cast pointers to integers of its choosing.
$(OUT)/obj/tests/%.o: CFLAGS += -Wno-missing-prototypes -Wno-conversion -Wno-format-nonliteral

# Counts the basic blocks that the framer runs through; it is compiled into that test.
$(OUT)/obj/tests/unit/test_json_slice_work.o: CFLAGS += -fsanitize-coverage=trace-pc

# Unit tests link the pure layers without libuv, libcurl and OpenSSL: that they can is itself a check.
$(OUT)/unit/%: $(OUT)/obj/tests/unit/%.o $(call obj,$(SUPPORT_SRC)) $(OUT)/librampart-core.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PURE_LIBS) -lcmocka

# Programs by which a test in another language asks the pure layers.
$(OUT)/helpers/%: $(OUT)/obj/tests/helpers/%.o $(call obj,$(SUPPORT_SRC)) $(OUT)/librampart-core.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PURE_LIBS) -lcmocka

.PHONY: helpers
helpers: $(HELPER_BIN)

$(OUT)/wire/%: $(OUT)/obj/tests/wire/%.o $(call obj,$(SUPPORT_SRC) $(WIRE_SUPPORT_SRC)) \
               $(OUT)/librampart-edge.a $(OUT)/librampart-core.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lnghttp2 -lcmocka

.PHONY: unit
unit: $(UNIT_BIN) ## unit tests (CONFIG=asan, valgrind or coverage for the other builds)
	@./make/run-tests.sh $(if $(filter valgrind,$(CONFIG)),--valgrind) $(UNIT_BIN)

.PHONY: wire
wire: $(WIRE_BIN) ## tests on real loopback sockets
	@./make/run-tests.sh $(WIRE_BIN)

.SECONDARY: $(TEST_OBJ)
-include $(TEST_OBJ:.o=.d)

C_FILES := $(shell git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null)
PRODUCT_C := $(PURE_SRC) $(EDGE_SRC) $(MAIN_SRC)
LINT_JOBS ?= $(shell nproc)

.PHONY: format
format: ## lay all C files out with clang-format 14
	@clang-format-14 -i $(C_FILES)

.PHONY: layers
layers: ## who includes whom, and that only the edge touches the outside world
	@./make/layers.sh

.PHONY: lint
lint: layers ## clang-format, clang-tidy, cppcheck, shell syntax, the layer rule
	@clang-format-14 --dry-run -Werror $(C_FILES) && echo "  ok     clang-format"
	@printf '%s\n' $(PRODUCT_C) | xargs -P $(LINT_JOBS) -n 1 ./make/tidy.sh && echo "  ok     clang-tidy"
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance \
	    --inline-suppr --include=$$($(CC) -E -M -include sys/queue.h -xc /dev/null | grep -o '[^ ]*sys/queue.h') -Iinclude -j $(LINT_JOBS) \
	    controller reconcilers && echo "  ok     cppcheck"
	@for f in make/*.sh e2e/*.sh .ci/run; do sh -n $$f || exit 1; done; echo "  ok     shell"

.PHONY: check
check: all unit wire layers rules-current ## what every commit passes: build, unit and wire tests, layers, docs/rules.md; no control plane

.PHONY: rules-current
rules-current: $(OUT)/rampart ## whether docs/rules.md has the rules of this binary
	@./make/rules-doc.sh --check $(OUT)/rampart docs/rules.md

.PHONY: rules-doc
rules-doc: $(OUT)/rampart ## writes the rules of this binary into docs/rules.md
	@./make/rules-doc.sh --write $(OUT)/rampart docs/rules.md

.PHONY: sanitize
sanitize: ## unit and wire tests again under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory CONFIG=asan unit wire

.PHONY: valgrind
valgrind: ## unit tests again under valgrind
	@$(MAKE) --no-print-directory CONFIG=valgrind unit

.PHONY: clang
clang: ## everything again with clang, warnings as errors
	@$(MAKE) --no-print-directory CC=clang-14 CONFIG=clang CI=1 all

.PHONY: coverage
coverage: ## branch coverage of the unit and wire tests, build/coverage/index.html
	@$(MAKE) --no-print-directory CONFIG=coverage unit wire
	@gcovr --root . --object-directory $(BUILD)/coverage --exclude tests/ --branches --exclude-throw-branches \
	    --html-details $(BUILD)/coverage/index.html --txt $(BUILD)/coverage/coverage.txt --print-summary

# Unit tests alone: what wire tests happen to run is not thereby tested. The branches of assert() are not counted;
# docs/testing.md says why.
GATED := controller/sync controller/kube controller/json reconcilers
GATE_PERCENT ?= 95

.PHONY: coverage-gate
coverage-gate: ## fails where unit tests run under 95 % of the branches; says which ones are not run
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory CONFIG=coverage unit
	@gcovr --root . --object-directory $(BUILD)/coverage $(GATED:%=--filter %/) \
	    --exclude-branches-by-pattern '\s*assert\(.*' --json $(BUILD)/coverage/unit.json
	@./make/coverage-gate.py $(GATE_PERCENT) $(BUILD)/coverage/unit.json $(BUILD)/coverage/missing-branches.txt $(GATED)

FUZZ_SECONDS ?= 60
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

$(BUILD)/fuzz/%: tests/fuzz/%.c $(PURE_SRC) $(wildcard controller/yaml/*.c) | check-deps
	@mkdir -p $(@D)
	@echo "  fuzz   $@"
	@clang-14 $(CPPFLAGS) -Itests $(shell pkg-config --cflags jansson yaml-0.1) -std=gnu17 -g -O1 \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $^ $(shell pkg-config --libs jansson yaml-0.1)

.PHONY: fuzz
fuzz: $(FUZZ_BIN) ## each fuzzer for FUZZ_SECONDS, from the corpora in tests/fuzz/corpus
	@./make/run-fuzz.sh $(FUZZ_SECONDS) $(FUZZ_BIN)
