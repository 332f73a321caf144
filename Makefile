# darkcount: `make` builds, `make demo` shows it on real packets, `make test` proves it.
# Other targets: bench sanitize check-headers format format-check tidy install uninstall dist clean.

VERSION := 0.1.0
BUILD ?= build
CC ?= gcc
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
DESTDIR ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= /lib/systemd/system

ifneq ($(V),1)
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(2)'
endif

# The user's CFLAGS and LDFLAGS come last and win.
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -fstack-protector-strong -fPIE -I. -I$(BUILD) \
	-DDARKCOUNT_VERSION='"$(VERSION)"'
BASE_LDFLAGS := -pie -Wl,-z,relro,-z,now
WERROR ?= $(if $(CI),-Werror)
SANITIZE ?=

LIBS_COMMON := libprotobuf-c libzstd inih
LIBS_collector := libpcap libuv zlib libcrypto $(LIBS_COMMON)
LIBS_aggregator := libuv hiredis $(LIBS_COMMON)
LIBS_dashboards := hiredis $(LIBS_COMMON)

PROGRAM_collector := darkcount-collector
PROGRAM_aggregator := darkcount-aggregator
PROGRAM_dashboards := darkcount
PROGRAMS := $(foreach p,collector aggregator dashboards,$(BUILD)/$(PROGRAM_$(p)))

ALL_CFLAGS = $(BASE_CFLAGS) $(WERROR) $(SANITIZE) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(BASE_LDFLAGS) $(SANITIZE) $(LDFLAGS)
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags libpcap libuv hiredis 2>/dev/null)

.PHONY: all
all: $(PROGRAMS)

# Dependencies: installs what is missing, naming it first.
.PHONY: deps-build deps-test deps-demo
deps-build deps-test deps-demo: deps-%:
	$(Q)packaging/install-deps $*

# --- objects -------------------------------------------------------------------------------------

COMMON_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard common/*.c))) $(BUILD)/common/record.pb-c.o
objects = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard $(1)/*.c)))

$(BUILD)/common/record.pb-c.c $(BUILD)/common/record.pb-c.h &: common/record.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(BUILD)/common
	$(Q)$(PROTOC_C) --c_out=$(BUILD) $<

$(BUILD)/common/record.pb-c.o: $(BUILD)/common/record.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) -I$(BUILD) -O2 -g -fPIE $(SANITIZE) -c -o $@ $<

$(BUILD)/%.o: %.c | $(BUILD)/common/record.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define program
$(BUILD)/$(PROGRAM_$(1)): $(call objects,$(1)) $(COMMON_OBJS)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$$$($$(PKG_CONFIG) --libs $(LIBS_$(1))) -lm
endef
$(foreach p,collector aggregator dashboards,$(eval $(call program,$(p))))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf $(BUILD)

# --- tests ---------------------------------------------------------------------------------------

# One Criterion program per folder of tests/unit, linked with the objects that it tests.
UNITS := common collector aggregator dashboards
unit_objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/$(1)/*.c)) \
	$(if $(filter common,$(1)),,$(filter-out $(BUILD)/$(1)/main.o,$(call objects,$(1)))) $(COMMON_OBJS)
define unit
$(BUILD)/tests/unit-$(1): $(call unit_objs,$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$$$($$(PKG_CONFIG) --libs criterion $(if $(LIBS_$(1)),$(LIBS_$(1)),$(LIBS_COMMON))) -lm
.PHONY: unit-$(1)
unit-$(1): $(BUILD)/tests/unit-$(1)
	$$(Q)$$<
endef
$(foreach u,$(UNITS),$(eval $(call unit,$(u))))
