# Two commands: `make run` (a mail server on high ports, to try) and `make test` (every test).
# Slow suites have their own: `make crash`, `make faults`, `make power`, `make store`, `make interop`, `make differential`, `make model`, `make fuzz`, `make soak`.

SWIFT ?= swift
# Imports are held to the target graph of Package.swift; warnings are errors there.
STRICT := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib $(STRICT)
PREFIX ?= /usr/local
CONFDIR ?= /etc/martlet
UNITDIR ?= $(PREFIX)/lib/systemd/system

.PHONY: run build test unit interop differential model faults power store crash fuzz soak bench format lint install clean packages

run: build
	conf.d/demo/run.sh "$$($(SWIFT) build $(RELEASE) --show-bin-path)"

packages:
	@.ci/packages build

build: packages
	$(SWIFT) build $(RELEASE) --product martletd
	$(SWIFT) build $(RELEASE) --product martlet

test:
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" Tests/run.sh

unit: packages
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" Tests/run.sh unit

# The real clients and MTAs.
interop: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" Tests/run.sh interop

# Martlet's answers against those of Debian's Dovecot, on the test corpus and as many generated messages. SEED=n: others.
differential: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" RANDOM_MESSAGES=$(or $(MESSAGES),2000) Tests/run.sh differential

# Random commands of several sessions against a model. SEED=n ROUNDS=1 repeats a failure.
model: packages
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" MODEL_ROUNDS=$(or $(ROUNDS),100) MODEL_STEPS=$(or $(STEPS),3000) \
	    SUITE_SECONDS=86400 Tests/run.sh model

# Every call by which the store changes its disk fails, and is the last one before the process dies. SECONDS_EACH: as many
# of them as that allows.
faults: packages
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" FAULTS_SECONDS=$(or $(SECONDS_EACH),0) SUITE_SECONDS=86400 Tests/run.sh faults

# What power losses at many moments may leave of the store's disk.
power: packages
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" POWER_SECONDS=$(or $(SECONDS_EACH),600) SUITE_SECONDS=86400 Tests/run.sh power

# Random operations of the store against a model in memory. SEED=n ROUNDS=1 repeats a failure.
store: packages
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" STORE_ROUNDS=$(or $(ROUNDS),100) STORE_STEPS=$(or $(STEPS),3000) \
	    SUITE_SECONDS=86400 Tests/run.sh store

# The daemon's mail role is killed so many times under load, with Maildirs and with packs.
crash: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" CRASH_ROUNDS=$(or $(ROUNDS),1000) SUITE_SECONDS=86400 Tests/run.sh crash

# SECONDS_EACH: how long each target runs; TARGETS: which, all without it.
fuzz: packages
	@[ -d .build/debug/Modules ] || $(SWIFT) build $(STRICT)
	FUZZ_CORPUS=$${FUZZ_CORPUS:-../.build/fuzz/corpus} Fuzz/run.sh $(or $(SECONDS_EACH),900) $(TARGETS)

# An hour of mixed load with kills, a full disk and jumps of the clock; as root, so that the disk is a small one.
# SECONDS_SOAK and FORMAT (maildir, pack): otherwise. The report: .build/soak.txt
soak: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" SUITE_SECONDS=86400 SOAK_SECONDS=$(or $(SECONDS_SOAK),3600) \
	    SOAK_FORMAT=$(or $(FORMAT),maildir) SOAK_REPORT=.build/soak.txt Tests/run.sh soak

# Martlet and Debian's Dovecot on the same work, in turns. BENCH: arguments of Benchmarks/run.sh run.
bench: packages
	Benchmarks/run.sh run $(BENCH)

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks/Sources

lint:
	$(SWIFT) format lint --recursive Package.swift Sources Tests Benchmarks/Sources

# Programs without symbols, half the size. Files below CONFDIR that are there already stay as they are.
install: build
	bin=$$($(SWIFT) build $(RELEASE) --show-bin-path) && \
	    install -D -s -m 755 "$$bin/martletd" "$(DESTDIR)$(PREFIX)/sbin/martletd" && \
	    install -D -s -m 755 "$$bin/martlet" "$(DESTDIR)$(PREFIX)/bin/martlet"
	install -d -m 755 "$(DESTDIR)$(CONFDIR)/conf.d" "$(DESTDIR)$(UNITDIR)"
	sed -e 's|/usr/local/sbin|$(PREFIX)/sbin|' conf.d/martletd.service >"$(DESTDIR)$(UNITDIR)/martletd.service"
	chmod 644 "$(DESTDIR)$(UNITDIR)/martletd.service"
	for file in conf.d/*.conf; do \
	    case $$file in \
	        */martlet.conf) target=$(DESTDIR)$(CONFDIR)/martlet.conf ;; \
	        *) target=$(DESTDIR)$(CONFDIR)/$$file ;; \
	    esac; \
	    [ -e "$$target" ] || install -m 644 "$$file" "$$target" || exit 1; \
	done

clean:
	$(SWIFT) package clean
