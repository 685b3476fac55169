# Compiler flags. The hardening list is the OpenSSF compiler options guide as far as gcc 12 knows it.

PKGS := libuv libcurl jansson openssl yaml-0.1

WARN := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wimplicit-fallthrough -Wstrict-prototypes \
        -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Wwrite-strings \
        -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion
# gcc alone knows these.
WARN_gcc := -Wtrampolines -Wbidi-chars=any -Wlogical-op -Wduplicated-cond

# clang 14 wants to be told twice.
HARDEN_clang := -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang \
                -Wno-unused-command-line-argument

HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
          -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks -fno-strict-overflow \
          -fno-strict-aliasing -fPIE
LDHARDEN := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,--as-needed \
            -Wl,--no-copy-dt-needed-entries

FAMILY := $(if $(findstring clang,$(CC)),clang,gcc)

OPT_release  := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
OPT_clang    := $(OPT_release)
OPT_valgrind := -O1 -g
OPT_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_coverage := -O0 -g --coverage -fprofile-update=atomic
LD_asan      := -fsanitize=address,undefined
LD_coverage  := --coverage

CPPFLAGS += -D_GNU_SOURCE -Iinclude
# Only what the product is made of does without the banned functions; the tests may use them.
PRODUCT_CPPFLAGS := -include rampart/base/banned.h
CFLAGS   += -std=gnu17 $(OPT_$(CONFIG)) $(WARN) $(WARN_$(FAMILY)) $(HARDEN) $(HARDEN_$(FAMILY)) $(if $(CI),-Werror)
LDFLAGS  += $(LD_$(CONFIG)) $(LDHARDEN)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))
# The pure layers see the JSON library and nothing else; linking them alone proves it.
PURE_LIBS  = $(shell pkg-config --libs jansson)
