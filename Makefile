# darkcount: `make` builds, `make demo` shows it on real packets, `make test` proves it.
# Other targets: bench [BENCH=name] sim [SEEDS=n] [SEED=n] system sanitize tsan coverage fuzz browser check-headers format
# format-check tidy install uninstall deb dist clean. V=1 shows the commands.

VERSION := 0.1.0
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
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

LIBS_COMMON := libprotobuf-c libzstd inih libssl libcrypto
LIBS_collector := libpcap libuv libmicrohttpd zlib libseccomp $(LIBS_COMMON)
LIBS_aggregator := libuv libmicrohttpd hiredis $(LIBS_COMMON)
LIBS_dashboards := hiredis jansson libmicrohttpd libmaxminddb $(LIBS_COMMON)

PROGRAM_collector := darkcount-collector
PROGRAM_aggregator := darkcount-aggregator
PROGRAM_dashboards := darkcount
PROGRAMS := $(foreach p,collector aggregator dashboards,$(BUILD)/$(PROGRAM_$(p)))

# What a packet passes through lies in several files: link-time optimisation takes a fifth off it. The
# objects serve without it too, which the tests' programs link faster.
ifeq ($(origin LTO),undefined)
LTO := $(if $(SANITIZE),,$(shell $(CC) -flto=auto -ffat-lto-objects -x c -c -o /dev/null /dev/null \
	2>/dev/null && echo -flto=auto -ffat-lto-objects))
endif

ALL_CFLAGS = $(BASE_CFLAGS) $(LTO) $(WERROR) $(SANITIZE) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(BASE_LDFLAGS) $(if $(LTO),-fno-lto) $(SANITIZE) $(LDFLAGS)
LTO_LDFLAGS = $(BASE_LDFLAGS) $(if $(LTO),-O2 $(filter -flto%,$(LTO))) $(SANITIZE) $(LDFLAGS)
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags libpcap libuv hiredis 2>/dev/null)

.PHONY: all
all: $(PROGRAMS)

# Dependencies: installs what is missing, naming it first.
.PHONY: deps-build deps-test deps-demo deps-browser deps-coverage deps-deb
deps-build deps-test deps-demo deps-browser deps-coverage deps-deb: deps-%:
	$(Q)packaging/install-deps $*

# --- objects -------------------------------------------------------------------------------------

# Of common/, what only the programs with an event loop use.
LOOP_SOURCES := common/httpd.c
LOOP_OBJS := $(LOOP_SOURCES:%.c=$(BUILD)/%.o)
COMMON_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(LOOP_SOURCES),$(sort $(wildcard common/*.c)))) \
	$(BUILD)/common/record.pb-c.o
objects = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard $(1)/*.c))) $(if $(filter collector aggregator,$(1)),$(LOOP_OBJS))

$(BUILD)/common/record.pb-c.c $(BUILD)/common/record.pb-c.h &: common/record.proto
	$(Q)command -v $(PROTOC_C) $(CC) $(PKG_CONFIG) >/dev/null || \
		{ echo 'make: libraries are missing: packaging/install-deps build installs them' >&2; exit 1; }
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

# What programs carry in them, readable in the source, as the lines of a C string: the Redis Function, the
# files of the web page, and the schema of a report's figures.
EMBED = sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $< > $@
$(BUILD)/aggregator/darkcount.lua.inc: aggregator/darkcount.lua
	$(call say,EMBED,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(EMBED)

$(BUILD)/dashboards/web/%.inc: dashboards/web/%
	$(call say,EMBED,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(EMBED)

$(BUILD)/dashboards/%.json.inc: dashboards/%.json
	$(call say,EMBED,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(EMBED)

$(BUILD)/aggregator/function.o: $(BUILD)/aggregator/darkcount.lua.inc
$(BUILD)/dashboards/report_figures.o: $(BUILD)/dashboards/figures.schema.json.inc
$(BUILD)/dashboards/serve_files.o: $(patsubst %,$(BUILD)/%.inc,$(wildcard dashboards/web/*))

define program
$(BUILD)/$(PROGRAM_$(1)): $(call objects,$(1)) $(COMMON_OBJS)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LTO_LDFLAGS) -o $$@ $$^ $$$$($$(PKG_CONFIG) --libs $(LIBS_$(1))) -lm
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
# Its tests of the whole start the program.
unit-aggregator: $(BUILD)/$(PROGRAM_aggregator)

.PHONY: test check
# The README's command: installs what is missing, then everything that `check` runs.
test: deps-test
	$(Q)$(MAKE) --no-print-directory check-headers check

FUZZ_SECONDS ?= 20
FUZZ_CC ?= clang
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz_%)
# Of the tests of the whole: send, read spools, what is put into a program to turn its clock or to deny it
# threads, what makes certificates with any dates, and who means ill.
TEST_TOOLS := $(BUILD)/tests/bench/sender $(BUILD)/tests/bench/history $(BUILD)/tests/bench/records \
	$(BUILD)/tests/system/clock.so $(BUILD)/tests/system/threads.so $(BUILD)/tests/system/certificate \
	$(BUILD)/tests/system/hostile
$(BUILD)/tests/system/%.so: tests/system/%.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(WERROR) $(CFLAGS) -fPIC -shared -o $@ $<

$(addprefix $(BUILD)/tests/system/,certificate hostile): %: %.o $(COMMON_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_COMMON)) -lm

check: all $(UNITS:%=$(BUILD)/tests/unit-%) $(FUZZ_PROGRAMS) $(TEST_TOOLS) recount $(BUILD)/tests/sim-delivery
	$(Q)BUILD=$(BUILD) tests/run

# The tests of the whole programs alone.
.PHONY: system
system: deps-test
	$(Q)$(MAKE) --no-print-directory check TESTS="$(notdir $(shell find tests/system -type f -executable))"

# What the unit tests, the fuzz corpora and the simulation run through, by file, in percent of the lines. The
# tests of the whole are left out: a program in its sandbox may not write what it ran through.
.PHONY: coverage
coverage: deps-coverage
	$(Q)find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory check BUILD=$(BUILD)/coverage SANITIZE="--coverage -fprofile-update=atomic" SEEDS=500 \
		LTO= TESTS="$(UNITS:%=unit-%) $(FUZZ_TARGETS:%=fuzz_%) sim-delivery"
	$(Q)gcovr --root . --object-directory $(BUILD)/coverage --exclude tests --exclude '.*\.pb-c\..*' \
		--exclude-unreachable-branches --print-summary $(BUILD)/coverage | tee $(BUILD)/coverage/coverage.txt

# The same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
.PHONY: sanitize
sanitize: deps-test
	$(Q)ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 SEEDS=1000 \
		$(MAKE) --no-print-directory check BUILD=$(BUILD)/sanitize \
		SANITIZE="-fsanitize=address,undefined -fno-omit-frame-pointer"

# What runs on several threads, under ThreadSanitizer: the program as it is, since Criterion cannot.
.PHONY: tsan
tsan: deps-test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SANITIZE=-fsanitize=thread \
		$(BUILD)/tsan/$(PROGRAM_collector)
	$(Q)BUILD=$(BUILD)/tsan tests/system/parallel

# The web page in a browser. PICTURES=DIRECTORY keeps pictures of it.
.PHONY: browser
browser: deps-browser
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) tests/browser/dashboard

# The tools of tests/system/recount. What counts a second time is linked with libpcap and nothing of ours.
RECOUNT_TOOLS := $(addprefix $(BUILD)/tests/recount/,recount generate rearrange dump catch replay)
.PHONY: recount
recount: $(RECOUNT_TOOLS) $(TEST_TOOLS)
$(BUILD)/tests/recount/recount: $(BUILD)/tests/recount/dissect.o
$(BUILD)/tests/recount/dump: $(COMMON_OBJS)
$(RECOUNT_TOOLS): %: %.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs libpcap $(LIBS_COMMON)) -lm

# Every header compiles on its own.
HEADERS := $(filter-out %.pb-c.h,$(wildcard common/*.h collector/*.h aggregator/*.h dashboards/*.h))
.PHONY: check-headers
check-headers: $(BUILD)/common/record.pb-c.h
	$(Q)for header in $(HEADERS); do \
		printf '#include "%s"\n' $$header | $(CC) $(ALL_CFLAGS) -Wno-unused -fsyntax-only -x c - || exit 1; \
	done
	$(call say,HEADERS,$(words $(HEADERS)) headers stand on their own)

SOURCES := $(wildcard common/*.[ch] collector/*.[ch] aggregator/*.[ch] dashboards/*.[ch] \
	tests/*/*.[ch] tests/unit/*/*.[ch])
.PHONY: format format-check tidy
format:
	clang-format -i $(SOURCES)
format-check:
	clang-format --dry-run --Werror $(SOURCES)
tidy: $(BUILD)/common/record.pb-c.h
	clang-tidy --quiet $(filter-out tests/%,$(filter %.c,$(SOURCES))) -- $(ALL_CFLAGS)

# --- the simulation ------------------------------------------------------------------------------

# The real sources of delivery over a simulated world. Segments are small there, so that they are begun,
# kept and deleted in a short run: the sources are compiled once more.
SIM_SOURCES := $(wildcard tests/sim/*.c) tests/unit/aggregator/keymap.c \
	$(addprefix collector/,$(addsuffix .c,backlog delivery journal manifest manifest_save sensor_spool shipping vitals \
		spool_env spool_merge spool_note spool_prune spool_reader spool_room spool_segment spool_writer)) \
	$(addprefix aggregator/,$(addsuffix .c,alarmlog apply apply_check apply_fold ca claims enrol fetch lane lane_inventory lane_open lane_table \
		load load_levels neighbour origin owners part peer probe put registry secure session state stats trouble)) \
	$(filter-out common/log.c common/httpd.c,$(wildcard common/*.c))
SIM_OBJS := $(SIM_SOURCES:%.c=$(BUILD)/sim/%.o)
$(BUILD)/sim/%.o: %.c | $(BUILD)/common/record.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) '-DSPOOL_SEGMENT_MAX=((size_t)2048)' -MMD -MP -c -o $@ $<

$(BUILD)/tests/sim-delivery: $(SIM_OBJS) $(BUILD)/common/record.pb-c.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_COMMON)) -lm -lpthread

SEEDS ?= 10000
.PHONY: sim
# SEEDS: that many runs; SEED: one of them, with everything that happens in it.
sim: $(BUILD)/tests/sim-delivery
	$(Q)$< $(if $(SEED),$(if $(SCENARIO),--scenario $(SCENARIO)) --seed $(SEED),--seeds $(SEEDS) --jobs $$(nproc))

# --- demo and benchmarks -------------------------------------------------------------------------

.PHONY: demo
# The main job on real packets; leaves its charts in demo-output/.
demo: deps-demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) tests/demo/run

BENCH ?= $(filter-out %.c %.h %.sh,$(notdir $(wildcard tests/bench/*)))
BENCH_TOOLS := $(patsubst %.c,$(BUILD)/%,$(filter-out %/frames.c %/minutes.c %/minute.c %/detail.c,$(wildcard tests/bench/*.c)))
$(BUILD)/tests/bench/generate $(BUILD)/tests/bench/sender: $(BUILD)/tests/bench/frames.o
$(BUILD)/tests/bench/synth: $(BUILD)/tests/bench/detail.o
$(addprefix $(BUILD)/tests/bench/,wiresize deliver_sink herd_sensors): $(BUILD)/tests/bench/minute.o
$(BUILD)/tests/bench/herd_sensors: $(addprefix $(BUILD)/aggregator/,ca.o registry.o state.o)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o \
		$(filter-out $(BUILD)/collector/main.o,$(call objects,collector)) $(COMMON_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LTO_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs hiredis $(LIBS_collector)) -lm
# Those of the store work with the aggregator.
BENCH_STORE := $(addprefix $(BUILD)/tests/bench/,apply opening store_memory)
$(BENCH_STORE): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/minutes.o \
		$(filter-out $(BUILD)/aggregator/main.o,$(call objects,aggregator)) $(COMMON_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LTO_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_aggregator)) -lm
# No test runs them; that they build is part of the check, since what they are linked with changes.
check: $(BENCH_TOOLS)
.PHONY: bench
bench: deps-test
	$(Q)$(MAKE) --no-print-directory all $(BENCH_TOOLS)
	$(Q)for bench in $(BENCH); do BUILD=$(BUILD) tests/bench/$$bench || exit 1; done

# --- installation --------------------------------------------------------------------------------

.PHONY: install uninstall dist
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(SYSCONFDIR)/darkcount \
		$(DESTDIR)$(UNITDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(MANDIR)/man1
	for conf in collector aggregator dashboard; do \
		test -e $(DESTDIR)$(SYSCONFDIR)/darkcount/$$conf.conf || \
		install -m 644 packaging/$$conf.conf $(DESTDIR)$(SYSCONFDIR)/darkcount/$$conf.conf || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/doc/darkcount
	install -m 644 README.md ARCHITECTURE.md $(wildcard docs/*) $(DESTDIR)$(PREFIX)/share/doc/darkcount
	install -d $(DESTDIR)$(PREFIX)/share/darkcount/grafana $(DESTDIR)$(PREFIX)/share/darkcount/prometheus
	install -m 644 dashboards/grafana/*.json $(DESTDIR)$(PREFIX)/share/darkcount/grafana
	install -m 644 dashboards/prometheus/*.yml $(DESTDIR)$(PREFIX)/share/darkcount/prometheus
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 644 packaging/sysusers.d/*.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 packaging/tmpfiles.d/*.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for unit in $(notdir $(wildcard packaging/systemd/*.service)); do \
		sed -e 's|/usr/bin/|$(PREFIX)/bin/|' -e '/^ExecStart/s|/etc/|$(SYSCONFDIR)/|' \
			packaging/systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done

uninstall:
	rm -f $(PROGRAMS:$(BUILD)/%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -f $(patsubst man/%,$(DESTDIR)$(MANDIR)/man1/%,$(wildcard man/*.1))
	rm -f $(patsubst packaging/%,$(DESTDIR)$(PREFIX)/lib/%,$(wildcard packaging/sysusers.d/* packaging/tmpfiles.d/*))
	rm -rf $(DESTDIR)$(PREFIX)/share/darkcount $(DESTDIR)$(PREFIX)/share/doc/darkcount
	rm -f $(patsubst packaging/systemd/%,$(DESTDIR)$(UNITDIR)/%,$(wildcard packaging/systemd/*.service))

# A Debian package, in $(BUILD).
.PHONY: deb
deb: deps-deb
	$(Q)$(MAKE) --no-print-directory all
	$(Q)packaging/deb $(BUILD) $(VERSION) $(BUILD)

dist:
	git archive --format=tar.gz --prefix=darkcount-$(VERSION)/ -o darkcount-$(VERSION).tar.gz HEAD

# --- fuzzing -------------------------------------------------------------------------------------

# `check` and `sanitize` run every target over the kept corpus. fuzz: clang's libFuzzer, FUZZ_SECONDS for
# each target, over a copy of the corpus; what breaks a target is left in $(BUILD)/fuzz/found. fuzz-seeds:
# writes the seeds anew after a form has changed.
FUZZ_CHECKS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_MAIN ?= $(BUILD)/tests/fuzz/replay.o
FUZZ_ENGINE ?=

$(FUZZ_PROGRAMS): $(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(COMMON_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(FUZZ_ENGINE) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_COMMON)) -lm

DECODE_OBJS := $(addprefix $(BUILD)/collector/,decode.o decode_link.o decode_transport.o)
$(BUILD)/fuzz_decode: $(DECODE_OBJS)
$(BUILD)/fuzz_lit: $(addprefix $(BUILD)/collector/,lit.o sender.o addrhash.o) $(DECODE_OBJS)
$(BUILD)/fuzz_tunnel: $(BUILD)/collector/tunnel.o $(DECODE_OBJS)
$(BUILD)/fuzz_spool: $(BUILD)/collector/spool_segment.o $(BUILD)/collector/spool_env.o
$(BUILD)/fuzz_pcapfile: $(BUILD)/collector/pcapfile.o $(DECODE_OBJS)
$(BUILD)/fuzz_pcapng: $(addprefix $(BUILD)/collector/,pcapng.o pcapfile.o) $(DECODE_OBJS)

$(BUILD)/fuzz-seeds: $(BUILD)/tests/fuzz/seeds.o $(COMMON_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_COMMON)) -lm

.PHONY: fuzz fuzz-seeds fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

fuzz-seeds: $(BUILD)/fuzz-seeds
	$(Q)$< tests/fuzz/corpus

fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(FUZZ_CC) FUZZ_MAIN= \
		SANITIZE="-fsanitize=fuzzer-no-link $(FUZZ_CHECKS)" FUZZ_ENGINE=-fsanitize=fuzzer fuzz-programs
	$(Q)for target in $(FUZZ_TARGETS); do \
		mkdir -p $(BUILD)/fuzz/found $(BUILD)/fuzz/corpus/$$target && \
		cp tests/fuzz/corpus/$$target/* $(BUILD)/fuzz/corpus/$$target && \
		echo "fuzz $$target, $(FUZZ_SECONDS) s" && \
		$(BUILD)/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 \
			-verbosity=0 -print_final_stats=1 -artifact_prefix=$(BUILD)/fuzz/found/$$target- \
			$(BUILD)/fuzz/corpus/$$target || exit 1; done
