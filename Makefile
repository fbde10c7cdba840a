# EventFlow. "make help" lists the targets.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Settings of "make up": CLUSTER, HTTP_PORT, IMAGES=auto|pull|build; versions are in hack/versions.env.
export CLUSTER ?= eventflow
export HTTP_PORT ?= 80
export IMAGES ?= auto

CACHE := $(shell source hack/versions.env && echo "$$EVENTFLOW_CACHE")
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
COMPONENTS := controllers:operator services/purchase:purchase services/consumer:consumer services/analytics:analytics
PORT_SUFFIX := $(if $(filter 80,$(HTTP_PORT)),,:$(HTTP_PORT))
CONTROLLER_GEN = $$(hack/tools/install.sh controller-gen)
GOLANGCI_LINT = $$(hack/tools/install.sh golangci-lint)
GOTEST := go test -race -timeout 15m

##@ General

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

##@ The cluster

.PHONY: up down status clean-cache
up: ## A kind cluster with a box office in it (CLUSTER, HTTP_PORT, IMAGES=auto|pull|build)
	@hack/kind/up.sh

down: ## Take the cluster away
	@hack/kind/down.sh

status: ## Show the box office in the cluster
	@hack/kind/status.sh

clean-cache: ## List what is kept between runs; CONFIRM=1 removes it
	@hack/clean-cache.sh

##@ Development

.PHONY: generate manifests fmt lint verify
generate: ## DeepCopy functions of api/
	@$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...

manifests: ## CRDs, RBAC, the chart's copies of them, and dist/install.yaml
	@$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	@$(CONTROLLER_GEN) rbac:roleName=eventflow-operator paths=./controllers/... output:rbac:dir=config/rbac
	@hack/chart-crds.sh
	@hack/airgap/build.sh envtest
	@mkdir -p dist && $(CACHE)/bin/kubectl kustomize config/default >dist/install.yaml

fmt: ## Format the code
	@$(GOLANGCI_LINT) fmt ./...

lint: ## Lint code, shell scripts and chart
	@$(GOLANGCI_LINT) run ./...
	@hack/lint-shell.sh
	@$$(hack/tools/install.sh helm) lint --quiet charts/eventflow

verify: generate manifests ## Fail where a generated file is not what its source makes
	@git diff --exit-code -- api config charts dist || { echo "generated files differ: commit what 'make generate manifests' makes" >&2; exit 1; }

##@ Test

.PHONY: unit check test-envtest test-integration e2e test
unit: ## Unit tests
	@$(GOTEST) ./...

check: ## The quick part: format, lint, unit tests, scripts
	@test -z "$$($(GOLANGCI_LINT) fmt --diff ./...)" || { echo "not formatted: make fmt" >&2; exit 1; }
	@$(MAKE) lint unit
	@hack/airgap/test.sh

test-envtest: ## The controllers against a real kube-apiserver and etcd (KUBEBUILDER_ASSETS, or built)
	@[[ -n "$${KUBEBUILDER_ASSETS:-}" ]] || hack/airgap/build.sh envtest
	@KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$(CACHE)/bin}" $(GOTEST) -count=1 -tags envtest ./controllers/...

test-integration: ## The adapters against real PostgreSQL, Redis and RabbitMQ in containers
	@source <(hack/test-images.sh) && $(GOTEST) -count=1 -p 1 -tags integration ./services/... ./test/integration/...

e2e: up ## The story in the cluster of "make up"
	@KUBECONFIG="$(CURDIR)/.kube/$(CLUSTER).kubeconfig" EVENTFLOW_URL="http://localhost$(PORT_SUFFIX)" \
	  EVENTFLOW_ARTIFACTS="$(CURDIR)/artifacts" go test -count=1 -timeout 30m -v -tags e2e ./test/e2e/...

test: ## Every test
	@hack/test-all.sh check verify test-envtest test-integration e2e

##@ Build

.PHONY: build image clean
build: ## Static binaries for Linux in bin/linux
	@mkdir -p bin/linux
	@for c in $(COMPONENTS); do \
	  CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false \
	    -ldflags "-s -w -X github.com/eventflow-dev/eventflow/services/internal/telemetry.version=$(VERSION)" \
	    -o "bin/linux/$${c#*:}" "./$${c%:*}"; \
	done

image: build ## The image eventflow:dev
	@DOCKER_BUILDKIT=0 docker build --quiet --tag eventflow:dev . >/dev/null

clean: ## Remove what was built here
	@rm -rf bin artifacts
