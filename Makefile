# shelf-agent: build, test and show. `make help` lists the targets.

TOOLS    := $(CURDIR)/.tools
BIN      := bin
SECONDS  ?= 0
SOAK     ?= 30m
VERSION  ?=
GO       ?= go

VERSITYGW     := v1.8.0
RCLONE        := v1.76.0
GOLANGCI_LINT := v2.15.0
NFPM          := v2.45.2
CYCLONEDX     := v1.10.0
GOTESTSUM     := v1.13.0

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

ARCH ?= arm64
.PHONY: image
image: ## make the backend's container image without an engine, an OCI archive in bin/; ARCH=arm64 or amd64, ADD=ca.pem
	@mkdir -p $(BIN)
	GOOS=linux GOARCH=$(ARCH) $(BUILD) -o $(BIN)/image-$(ARCH)/ ./cmd/shelf-backend
	@$(GO) run ./packaging/container/image -program $(BIN)/image-$(ARCH)/shelf-backend -arch $(ARCH) -version '$(VERSION)' $(ADD:%=-add %) -o $(BIN)/shelf-backend-$(ARCH).oci.tar

.PHONY: demo
demo: ## show the whole way of a frame; SECONDS=20 ends by itself
	@mkdir -p $(BIN)
	@echo "compiling shelf-agent and shelf-backend (the first time takes a minute) …"
	@$(BUILD) -o $(BIN)/ ./cmd/shelf-agent ./cmd/shelf-backend
	@exec $(BIN)/shelf-backend demo --agent $(BIN)/shelf-agent --seconds $(SECONDS)

# The race detector needs a C compiler; .ci/need says so when there is none. gotestsum lists at the end what was skipped, and
# why, which `go test` keeps to itself.
.PHONY: test
test: $(TOOLS)/versitygw-$(VERSITYGW) $(TOOLS)/gotestsum-$(GOTESTSUM) $(TOOLS)/nfpm-$(NFPM) $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX) ## run every test, with the race detector, against a real S3 server
	@.ci/need exiftool libimage-exiftool-perl "the independent check that no metadata survives" || test -z "$(CI)"
	@.ci/need chromium chromium "the page in a real browser" || test -z "$(CI)"
	@.ci/need promtool prometheus "the alert rules" || test -z "$(CI)"
	@.ci/need systemd-analyze systemd "what systemd itself says of the unit" || test -z "$(CI)"
	@.ci/need lintian lintian "Debian's own check of the package" || test -z "$(CI)"
	@command -v moto_server >/dev/null || echo "SKIPPED: the registry on DynamoDB, keys from Secrets Manager, the pipeline: there is no moto_server here; install it with: pip install 'moto[server]'"
	@if .ci/need cc gcc "the race detector"; then \
		echo "$(GO) test -race ./..."; CGO_ENABLED=1 $(TOOLS)/gotestsum --format pkgname-and-test-fails -- -race -timeout 20m ./... && \
		$(GO) test -run TestFleetIsSpread ./uploader && \
		$(GO) test -run TestPipelineStaysWithinItsMemory ./cmd/shelf-backend; \
	else \
		echo "$(GO) test ./..."; $(TOOLS)/gotestsum --format pkgname-and-test-fails -- -timeout 20m ./...; \
	fi

.PHONY: test-powercut
test-powercut: ## cut the queue's power at tens of thousands of points (root, /dev/fuse, loop devices; long)
	@.ci/need mkfs.ext4 e2fsprogs "power cuts on ext4"
	POWERCUT=long $(GO) test -count=1 -v -timeout 90m ./queue/powercut

.PHONY: test-faults
test-faults: ## kill the queue, and fail its disk, at every system call (Linux; long)
	SHELFAGENT_FAULTS_LONG=1 $(GO) test -count=1 -v -timeout 90m ./queue/faults

.PHONY: test-backlog
test-backlog: $(TOOLS)/versitygw-$(VERSITYGW) ## start with 100,000 files in the capture folder; prints times and memory
	SHELFAGENT_BACKLOG=100000 $(GO) test -count=1 -v -timeout 20m -run 'TestStartWithA?Backlog' ./agent/capture ./cmd/shelf-agent/e2e

# Mocks of AWS, terraform's own tests and deliberate mistakes; then an apply to moto, a frame through it, and the policies
# simulated. .ci/mirror and the tests say what a machine lacks (moto_server, Node.js).
.PHONY: test-terraform
test-terraform: ## test packaging/terraform against mocks of AWS, with 36 deliberate mistakes, and play its policies; SHORT=-short makes half of them (minutes)
	@.ci/need npm npm "the policies, simulated" || test -z "$(CI)"
	@mirror=$$(.ci/mirror) || { test -z "$(CI)"; exit; }; \
	echo "$(GO) test ./packaging/terraform/..."; TERRAFORM_MIRROR="$$mirror" $(GO) test $(SHORT) -count=1 -p 1 -v -timeout 60m ./packaging/terraform/...

.PHONY: soak
soak: $(TOOLS)/versitygw-$(VERSITYGW) ## film for SOAK=30m while line, processes and clocks fail at random (Linux)
	SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 24h -run 'Soak$$' ./cmd/shelf-agent/e2e

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## formatting, vet, linters, and which package may import which
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(TOOLS)/golangci-lint run ./...
	$(GO) test -run 'TestImportsGoOneWay|TestEveryPackageSaysWhatItIs|TestP7_' ./cmd/shelf-agent

.PHONY: cross
cross: ## build the agent for every system that it runs on, and the tests for Windows
	@for target in linux/amd64 linux/arm64 linux/arm windows/amd64 darwin/arm64; do \
		echo $$target; GOOS=$${target%/*} GOARCH=$${target#*/} GOARM=7 $(BUILD) -o /dev/null ./cmd/shelf-agent || exit 1; \
	done
	@echo "the tests for windows/amd64, compiled and not run"
	@GOOS=windows GOARCH=amd64 $(GO) test -run '^$$' -exec true ./... >/dev/null

.PHONY: test-systemd
test-systemd: $(TOOLS)/versitygw-$(VERSITYGW) $(TOOLS)/nfpm-$(NFPM) $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX) ## the package's whole life on a Debian 12 with systemd (root, a Debian mirror; some minutes)
	@.ci/need debootstrap debootstrap "the package on a real systemd" || true
	@.ci/need ip iproute2 "the network of that machine" || true
	@.ci/need mkfs.ext4 e2fsprogs "the disk of that machine" || true
	SHELFAGENT_SYSTEMD=1 $(GO) test -count=1 -v -timeout 20m -run TestOnRealSystemd ./packaging/systemdtest

.PHONY: release
release: $(TOOLS)/nfpm-$(NFPM) $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX) ## packages, archives, bills of materials and checksums into dist/; VERSION=1.4.0 names it
	$(GO) run ./packaging/release --version "$(VERSION)"

.PHONY: test-release
test-release: $(TOOLS)/nfpm-$(NFPM) $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX) ## make the whole release twice, the second time without anything compiled before, and compare (long)
	SHELFAGENT_RELEASE=whole $(GO) test -count=1 -v -timeout 60m -run TestTwoBuildsAreTheSameBytes ./packaging/release

.PHONY: bench
bench: $(TOOLS)/versitygw-$(VERSITYGW) $(TOOLS)/rclone-$(RCLONE) ## run the benchmarks, ours beside their peers (root, /dev/fuse and loop devices for a disk like a shop's; long)
	@.ci/need djpeg libjpeg-turbo-progs "libjpeg-turbo beside the check of a JPEG" || true
	@.ci/need mkfs.ext4 e2fsprogs "Puts on a disk like a shop's" || true
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

.PHONY: tools
tools: $(TOOLS)/versitygw-$(VERSITYGW) $(TOOLS)/gotestsum-$(GOTESTSUM) $(TOOLS)/nfpm-$(NFPM) $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX) $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## build the tools that tests and lint need

# The stamp carries the version, so that a new one is built; the program keeps its name.
$(TOOLS)/versitygw-$(VERSITYGW):
	@echo "building versitygw $(VERSITYGW), the S3 server for tests (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)
	@touch $@

# Debian's is too old for versitygw.
$(TOOLS)/rclone-$(RCLONE):
	@echo "building rclone $(RCLONE), a peer in the benchmarks (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/rclone/rclone@$(RCLONE)
	@touch $@

$(TOOLS)/nfpm-$(NFPM):
	@echo "building nfpm $(NFPM), which makes deb and rpm packages (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM)
	@touch $@

$(TOOLS)/gotestsum-$(GOTESTSUM):
	@echo "building gotestsum $(GOTESTSUM), which runs the tests and says what was skipped (once) …"
	@GOBIN=$(TOOLS) $(GO) install gotest.tools/gotestsum@$(GOTESTSUM)
	@touch $@

$(TOOLS)/cyclonedx-gomod-$(CYCLONEDX):
	@echo "building cyclonedx-gomod $(CYCLONEDX), which writes the bills of materials (once) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX)
	@touch $@

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT) (once, some minutes) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	@touch $@

.PHONY: clean
clean: ## delete what was built, but for the tools
	rm -rf $(BIN) dist .cache
