# The targets that README.md and .ci/run use. Go is all that build, demo and bench need.
GO ?= go
# The programs that the tests run for real, and what a build with Opus needs; Debian package names.
PROGRAMS = sipp:sip-tester baresip:baresip-core redis-server:redis-server ffmpeg:ffmpeg pkg-config:pkg-config
LIBRARIES = opus:libopus-dev
# What speaks Opus in a build with that tag, and so is tested in it as well.
OPUS = ./media ./media/codec

.PHONY: build build-opus demo test bench soak reliability lint programs

build: ## the one binary, in bin/
	$(GO) build -o bin/spillway ./cmd/spillway

build-opus: ## the same with Opus, by cgo and libopus
	$(GO) build -tags opus -o bin/spillway ./cmd/spillway

demo: ## a bad day in under a minute, with real SIP and real sound
	$(GO) run ./cmd/spillway demo

test: programs lint ## everything that must hold: format, vet, staticcheck, tests with the race detector
	$(GO) test -race -timeout 25m ./...
	$(GO) test -race -timeout 5m -tags opus $(OPUS)
	$(GO) test -race -timeout 5m -tags opus -run Opus ./internal/app

lint: ## formatting, vet, staticcheck (a tool of go.mod)
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags opus $(OPUS) ./internal/app
	$(GO) tool staticcheck ./...
	$(GO) tool staticcheck -tags opus $(OPUS) ./internal/app

bench: ## costs beside the kernel's own in the same run, medians of five
	$(GO) run ./internal/bench

soak: ## a quarter of an hour with 300 bridged calls at a time: memory, goroutines, files and ports must be as before
	$(GO) run ./internal/bench -soak 15m

reliability: ## what becomes of calls when Redis or a node dies, under load: promised beside measured
	$(GO) run ./internal/reliability

programs: ## install the phones that the tests use, or name them
	@missing=""; for entry in $(PROGRAMS); do \
	  command -v $${entry%%:*} >/dev/null 2>&1 || missing="$$missing $${entry##*:}"; done; \
	for entry in $(LIBRARIES); do \
	  pkg-config --exists $${entry%%:*} 2>/dev/null || missing="$$missing $${entry##*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	else echo "the tests call with real programs; please install:$$missing"; exit 1; fi
