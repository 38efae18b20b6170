# build   the binary, bin/tendril
# test    everything that has to hold before a change is kept
# lint    gofmt, go vet, staticcheck
# bench   the Go benchmarks, COUNT times
# fuzz    every fuzz target there is, FUZZTIME each; their corpora run in test
# torture kills and harms a server under load for MINUTES, with SEED, and judges what it kept
# fmt     gofmt
# cross   release binaries for six platforms, in dist/
# types   the TypeScript that is made of Go nouns and the declarations in the binary

GO       ?= go
COUNT    ?= 5
FUZZTIME ?= 1m
MINUTES  ?= 10
SEED     ?= 1
CC       := $(firstword $(shell $(GO) env CC))

# The race detector needs a C compiler; all else is built without one.
HAVE_CC := $(shell command -v $(CC) 2>/dev/null)
RACE    := $(if $(HAVE_CC),-race)

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

export CGO_ENABLED = 0

.NOTPARALLEL:
.PHONY: build test lint portable test-go test-ts bench fuzz torture fmt cross types $(PLATFORMS)

build:
	$(GO) build -o bin/ ./cli/tendril

test: lint portable test-go test-ts

lint:
	@unformatted="$$(gofmt -l cli gateway runtime sdk-ts/*.go versions)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# What only other systems compile has to compile too.
portable:
	GOOS=windows GOARCH=amd64 $(GO) build ./...
	GOOS=darwin GOARCH=arm64 $(GO) build ./...

test-go:
	$(if $(RACE),,@echo "no C compiler ($(CC)): the tests run without the race detector")
	CGO_ENABLED=$(if $(RACE),1,0) $(GO) test $(RACE) -short -timeout 25m ./...

test-ts: sdk-ts/node_modules/.package-lock.json
	cd sdk-ts && npm test

sdk-ts/node_modules/.package-lock.json: sdk-ts/package.json sdk-ts/package-lock.json
	cd sdk-ts && npm ci
	@touch $@

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

# go test -list prints the targets of a package and then its name behind "ok".
fuzz:
	@targets="$$($(GO) test -list '^Fuzz' ./...)" || { echo "$$targets"; exit 1; }; \
	echo "$$targets" | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 }' | { \
	  failed=0; \
	  while read -r package name; do \
	    echo "fuzz $$package $$name"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10s "$$package" </dev/null || failed=1; \
	  done; \
	  exit $$failed; \
	}

torture: build
	$(GO) build -o bin/ ./gateway/server/torture/checker
	bin/checker $(MINUTES) $(SEED) bin/tendril serve --data '{data}' --listen 127.0.0.1:0

fmt:
	gofmt -w cli gateway runtime sdk-ts/*.go versions

cross: $(PLATFORMS)

$(PLATFORMS):
	GOOS=$(@D) GOARCH=$(@F) $(GO) build -trimpath -ldflags '-s -w' \
	  -o dist/tendril-$(@D)-$(@F)$(if $(filter windows,$(@D)),.exe) ./cli/tendril

types: sdk-ts/node_modules/.package-lock.json
	$(GO) run ./cli/tsgen
	cd sdk-ts && npm run types
