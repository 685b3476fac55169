# What is built from what. Layers, lowest first; reconcilers lean on base, json and kube only.

PURE_LAYERS := base json kube sync
PURE_SRC := $(foreach l,$(PURE_LAYERS),$(wildcard controller/$(l)/*.c)) $(wildcard reconcilers/*.c reconcilers/*/*.c)
EDGE_SRC := $(wildcard controller/edge/*.c controller/yaml/*.c controller/cli/*.c)
MAIN_SRC := controller/main.c

obj = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

PURE_OBJ := $(call obj,$(PURE_SRC))
EDGE_OBJ := $(call obj,$(EDGE_SRC))
MAIN_OBJ := $(call obj,$(MAIN_SRC))

$(OUT)/librampart-core.a: $(PURE_OBJ)
$(OUT)/librampart-edge.a: $(EDGE_OBJ)
$(OUT)/lib%.a:
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/rampart: $(MAIN_OBJ) $(OUT)/librampart-edge.a $(OUT)/librampart-core.a
	@echo "  link   $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The version is the one thing that a commit changes: only the file that says it is built again.
$(OUT)/version.txt: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(OUT)/obj/controller/cli/version.o: $(OUT)/version.txt
$(OUT)/obj/controller/cli/version.o: CPPFLAGS += -DRAMPART_VERSION='"$(VERSION)"'

# The one file that may call malloc().
$(OUT)/obj/controller/base/alloc.o: CPPFLAGS += -DRAMPART_ALLOW_RAW_MEMORY

$(OUT)/obj/%.o: %.c | check-deps
	@mkdir -p $(@D)
	@echo "  cc     $<"
	@$(CC) $(CPPFLAGS) $(PRODUCT_CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A missing library is named with the package that brings it, before the first compiler error.
.PHONY: check-deps
check-deps:
	@missing=; command -v pkg-config >/dev/null || missing=" pkg-config"; \
	for pair in libuv=libuv1-dev libcurl=libcurl4-openssl-dev jansson=libjansson-dev \
	            openssl=libssl-dev yaml-0.1=libyaml-dev cmocka=libcmocka-dev; do \
	    pkg-config --exists $${pair%%=*} 2>/dev/null || missing="$$missing $${pair##*=}"; \
	done; \
	[ -e /usr/include/uthash.h ] || missing="$$missing uthash-dev"; \
	if [ -n "$$missing" ]; then \
	    echo "Debian packages are missing:$$missing"; echo "Install them with: make deps"; exit 1; \
	fi

.PHONY: deps
deps: ## install the Debian packages that building and testing need (as root)
	@./make/deps.sh

.PHONY: FORCE
FORCE:

-include $(PURE_OBJ:.o=.d) $(EDGE_OBJ:.o=.d) $(MAIN_OBJ:.o=.d)
