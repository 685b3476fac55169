# Tests and checks of the C code. One test binary a file: cmocka leaves a failed test by longjmp.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
WIRE_SRC := $(wildcard tests/wire/test_*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
WIRE_SUPPORT_SRC := $(wildcard tests/wire/support/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

UNIT_BIN := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(UNIT_SRC))
WIRE_BIN := $(patsubst tests/wire/%.c,$(OUT)/wire/%,$(WIRE_SRC))
TEST_OBJ := $(call obj,$(UNIT_SRC) $(WIRE_SRC) $(SUPPORT_SRC) $(WIRE_SUPPORT_SRC))

$(OUT)/obj/tests/%.o: PRODUCT_CPPFLAGS :=
$(OUT)/obj/tests/%.o: CPPFLAGS += -Itests
# cmocka's own macros cast pointers to integers of its choosing.
$(OUT)/obj/tests/%.o: CFLAGS += -Wno-missing-prototypes -Wno-conversion

# Unit tests link the pure layers without libuv, libcurl and OpenSSL: that they can is itself a check.
$(OUT)/unit/%: $(OUT)/obj/tests/unit/%.o $(call obj,$(SUPPORT_SRC)) $(OUT)/librampart-core.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PURE_LIBS) -lcmocka

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
