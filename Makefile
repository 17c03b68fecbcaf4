# Two commands: `make run` (a mail server on high ports, to try) and `make test` (every test).
# Slow suites have their own: `make crash`, `make interop`, `make fuzz`.

SWIFT ?= swift
# Imports are held to the target graph of Package.swift; warnings are errors there.
STRICT := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib $(STRICT)
PREFIX ?= /usr/local
CONFDIR ?= /etc/martlet

.PHONY: run build test unit interop crash fuzz format lint install clean packages

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
	$(SWIFT) test $(STRICT)

# The real clients and MTAs, and the kill test in its long form (50 rounds).
interop: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" Tests/run.sh interop

crash: packages
	@.ci/packages test
	@SWIFT="$(SWIFT)" STRICT="$(STRICT)" CRASH_ROUNDS=50 Tests/run.sh crash

# SECONDS_EACH: how long each target runs.
fuzz: packages
	Fuzz/run.sh $(or $(SECONDS_EACH),600)

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

lint:
	$(SWIFT) format lint --recursive Package.swift Sources Tests

install: build
	install -D -m 755 "$$($(SWIFT) build $(RELEASE) --show-bin-path)/martletd" $(DESTDIR)$(PREFIX)/sbin/martletd
	install -D -m 755 "$$($(SWIFT) build $(RELEASE) --show-bin-path)/martlet" $(DESTDIR)$(PREFIX)/bin/martlet
	install -d -m 755 $(DESTDIR)$(CONFDIR)/conf.d
	for file in conf.d/*.conf; do \
	    case $$file in \
	        */martlet.conf) target=$(DESTDIR)$(CONFDIR)/martlet.conf ;; \
	        *) target=$(DESTDIR)$(CONFDIR)/$$file ;; \
	    esac; \
	    [ -e "$$target" ] || install -m 644 "$$file" "$$target"; \
	done

clean:
	$(SWIFT) package clean
