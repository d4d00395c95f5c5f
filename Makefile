# shelf-agent: build, test and show. `make help` lists the targets.

TOOLS    := $(CURDIR)/.tools
BIN      := bin
SECONDS  ?= 0
VERSION  ?=
GO       ?= go

VERSITYGW     := v1.8.0
GOLANGCI_LINT := v2.15.0

# No cgo in what is shipped. -trimpath and no VCS stamp: the same source gives the same bytes.
export CGO_ENABLED := 0
BUILD := $(GO) build -trimpath -buildvcs=false -ldflags '-s -w$(if $(VERSION), -X main.version=$(VERSION))'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## build both programs into bin/
	@mkdir -p $(BIN)
	$(BUILD) -o $(BIN)/ ./cmd/shelf-agent ./cmd/shelf-backend

.PHONY: demo
demo: ## show the whole way of a frame; SECONDS=20 ends by itself
	@mkdir -p $(BIN)
	@echo "compiling shelf-agent and shelf-backend (the first time takes a minute) …"
	@$(BUILD) -o $(BIN)/ ./cmd/shelf-agent ./cmd/shelf-backend
	@exec $(BIN)/shelf-backend demo --agent $(BIN)/shelf-agent --seconds $(SECONDS)

# The race detector needs a C compiler; .ci/need says so when there is none.
.PHONY: test
test: $(TOOLS)/versitygw-$(VERSITYGW) ## run every test, with the race detector, against a real S3 server
	@.ci/need exiftool libimage-exiftool-perl "the independent check that no metadata survives" || test -z "$(CI)"
	@.ci/need chromium chromium "the page in a real browser" || test -z "$(CI)"
	@if .ci/need cc gcc "the race detector"; then \
		echo "$(GO) test -race ./..."; CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...; \
	else \
		echo "$(GO) test ./..."; $(GO) test -timeout 20m ./...; \
	fi

.PHONY: test-powercut
test-powercut: ## cut the queue's power at tens of thousands of points (root, /dev/fuse, loop devices; long)
	@.ci/need mkfs.ext4 e2fsprogs "power cuts on ext4"
	POWERCUT=long $(GO) test -count=1 -v -timeout 90m ./queue/powercut

.PHONY: test-faults
test-faults: ## kill the queue, and fail its disk, at every system call (Linux; long)
	SHELFAGENT_FAULTS_LONG=1 $(GO) test -count=1 -v -timeout 90m ./queue/faults

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## formatting, vet, linters, and which package may import which
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(TOOLS)/golangci-lint run ./...
	$(GO) test -run 'TestImportsGoOneWay|TestEveryPackageSaysWhatItIs|TestP7_' ./cmd/shelf-agent

.PHONY: cross
cross: ## build the agent for every system that it runs on
	@for target in linux/amd64 linux/arm64 linux/arm windows/amd64 darwin/arm64; do \
		echo $$target; GOOS=$${target%/*} GOARCH=$${target#*/} GOARM=7 $(BUILD) -o /dev/null ./cmd/shelf-agent || exit 1; \
	done

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: tools
tools: $(TOOLS)/versitygw-$(VERSITYGW) $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## build the tools that tests and lint need

# The stamp carries the version, so that a new one is built; the program keeps its name.
$(TOOLS)/versitygw-$(VERSITYGW):
	@echo "building versitygw $(VERSITYGW), the S3 server for tests (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)
	@touch $@

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT) (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	@touch $@

.PHONY: clean
clean: ## delete what was built, but for the tools
	rm -rf $(BIN)
