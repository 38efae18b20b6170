# build   the binary, bin/tendril
# test    everything that has to hold before a change is kept
# lint    gofmt, go vet, staticcheck
# bench   the Go benchmarks, COUNT times
# fmt     gofmt
# cross   release binaries for six platforms, in dist/
# types   the TypeScript that is made of Go nouns and the declarations in the binary

GO    ?= go
COUNT ?= 5
CC    := $(firstword $(shell $(GO) env CC))

# The race detector needs a C compiler; all else is built without one.
HAVE_CC := $(shell command -v $(CC) 2>/dev/null)
RACE    := $(if $(HAVE_CC),-race)

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

export CGO_ENABLED = 0

.NOTPARALLEL:
.PHONY: build test lint portable test-go test-ts bench fmt cross types $(PLATFORMS)

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
	CGO_ENABLED=$(if $(RACE),1,0) $(GO) test $(RACE) ./...

test-ts: sdk-ts/node_modules/.package-lock.json
	cd sdk-ts && npm test

sdk-ts/node_modules/.package-lock.json: sdk-ts/package.json sdk-ts/package-lock.json
	cd sdk-ts && npm ci
	@touch $@

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

fmt:
	gofmt -w cli gateway runtime sdk-ts/*.go versions

cross: $(PLATFORMS)

$(PLATFORMS):
	GOOS=$(@D) GOARCH=$(@F) $(GO) build -trimpath -ldflags '-s -w' \
	  -o dist/tendril-$(@D)-$(@F)$(if $(filter windows,$(@D)),.exe) ./cli/tendril

types: sdk-ts/node_modules/.package-lock.json
	$(GO) run ./cli/tsgen
	cd sdk-ts && npm run types
