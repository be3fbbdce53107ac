# ifmatch. `make` builds it, `make run` serves a scratch directory, `make test` is what CI runs.

SHELL     := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS   := -s -w $(if $(VERSION),-X main.release=$(VERSION))
FUZZTIME  ?= 4000x
BENCH     ?= .
DIR       ?= $(CURDIR)/tmp

.PHONY: all build run test setup lint unit browser cross clients systemd deb fuzz bench clean

all: build

build:
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/ifmatch ./cmd/ifmatch

run:
	mkdir -p '$(DIR)'
	$(GO) run ./cmd/ifmatch serve '$(DIR)'

# Everything that must hold before a change lands, cheapest first. Each of the last two waits most of its time.
test: setup lint cross build unit browser fuzz
	$(MAKE) -j 2 --output-sync=target clients systemd

setup:
	.ci/setup

lint:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { echo "not formatted: $$bad" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags browser ./handler
	$(GO) tool staticcheck ./...

# The tests of cmd/ifmatch build the real program and run the exchange scripts, README, kill and
# power-cut proofs against it. The second time nothing is reported by the system, and the answers are the same. (-count=1,
# since the cache of go test does not see what is read from the environment before the tests begin.)
unit:
	$(GO) test -race -p 3 -parallel 6 -timeout 30m ./...
	IFMATCH_NO_NOTIFY=true $(GO) test -count=1 -p 3 -parallel 6 -timeout 30m ./etagfs ./handler ./cmd/ifmatch

# The page in a real Chromium, with two people who edit one file. axe-core checks what can be perceived; it
# is fetched for the test and never part of the tree.
AXE := /tmp/ifmatch-axe
browser:
	test -s $(AXE)/node_modules/axe-core/axe.min.js || npm install --silent --no-audit --no-fund --prefix $(AXE) axe-core
	AXE_CORE=$(AXE)/node_modules/axe-core/axe.min.js $(GO) test -tags browser -count=1 -timeout 30m -parallel 3 -run 'Browser|Editor|TwoPeople|Page|TenThousandMembers' ./handler

# Beside the system that the tests run on.
TARGETS := linux/arm64 linux/arm darwin/arm64 freebsd/amd64 windows/amd64

cross:
	@for t in $(TARGETS); do \
		echo "cross $$t"; \
		GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) vet ./...; \
		GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/ifmatch; \
	done

# Each fuzz target with so many inputs (a bound in time fails now and then on a busy machine); what it finds is kept in
# testdata/fuzz of its package. A package is built once for all its targets. An input that is merely new is tried in a few
# smaller forms: by default that goes on for a minute where each try starts git.
fuzz:
	@dir=$$(mktemp -d); trap 'rm -r "$$dir"' EXIT; \
	cache=$$($(GO) env GOCACHE)/fuzz/$$($(GO) list -m); \
	packages=$$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); \
	for p in $$packages; do \
		$(GO) test -c -fuzz . -o "$$dir/test" "./$$p"; \
		targets=$$("$$dir/test" -test.list '^Fuzz'); \
		for f in $$targets; do \
			echo "fuzz $$p $$f"; \
			(cd "$$p" && "$$dir/test" -test.run '^$$' -test.fuzz "^$$f\$$" -test.fuzztime $(FUZZTIME) \
				-test.fuzzminimizetime 10x -test.fuzzcachedir "$$cache/$$p"); \
		done; \
	done

# Other people's programs against the real server: litmus, davfs2, rclone and their like.
clients: build
	IFMATCH='$(CURDIR)/bin/ifmatch' testdata/clients/run.sh

# The Debian package, in dist.
deb: build
	rm -f dist/*.deb
	systemd/deb.sh bin/ifmatch dist

# The package and its units in a real systemd, which is booted in namespaces of its own, as root. It takes
# a minute, and another one when its Debian is made for the first time.
systemd: deb
	timeout --kill-after=20 3600 testdata/systemd/run.sh dist/*.deb

bench:
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

clean:
	rm -rf bin dist tmp
