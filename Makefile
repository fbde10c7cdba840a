# EventFlow. "make help" lists the targets.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Settings of "make up": CLUSTER, HTTP_PORT, IMAGES=auto|pull|build; versions are in hack/versions.env.
export CLUSTER ?= eventflow
export HTTP_PORT ?= 80
export IMAGES ?= auto

VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
CACHE := $(shell source hack/versions.env && echo "$$EVENTFLOW_CACHE")
URL := http://localhost$(if $(filter 80,$(HTTP_PORT)),,:$(HTTP_PORT))
TOOL := hack/tools/install.sh

# Settings of "make soak"; a seed of 0 is a random one, which is printed.
DURATION ?= 5m
SEED ?= 0
RATE ?= 20
# Setting of "make backlog".
ORDERS ?= 1000000

# Program and its package.
PROGRAMS := operator:controllers purchase:services/purchase consumer:services/consumer analytics:services/analytics \
  eventflow:services/cli
LDFLAGS := -s -w -X github.com/eventflow-dev/eventflow/services/internal/telemetry.version=$(VERSION)
GOTEST := go test -race -timeout 15m

# The packages that have tests under a build tag.
tagged = $(shell grep -rlE --include='*_test.go' '^//go:build .*\b$(1)\b' controllers services test | xargs -r -n 1 dirname | sort -u | sed 's,^,./,')

##@ General

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

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
	@$$($(TOOL) controller-gen) object:headerFile=hack/boilerplate.go.txt paths=./api/...

manifests: ## CRDs, RBAC, the chart's copies of them, and dist/install.yaml
	@$$($(TOOL) controller-gen) crd paths=./api/... output:crd:dir=config/crd/bases
	@$$($(TOOL) controller-gen) rbac:roleName=eventflow-operator paths=./controllers/... output:rbac:dir=config/rbac
	@mkdir -p charts/eventflow/files/crds dist
	@cp config/crd/bases/*.yaml charts/eventflow/files/crds/
	@cp config/rbac/role.yaml charts/eventflow/files/
	@$$($(TOOL) kustomize) build config/default >dist/install.yaml

fmt: ## Format the code
	@$$($(TOOL) golangci-lint) fmt ./...

lint: ## Lint code (its format too), shell scripts and chart
	@$$($(TOOL) golangci-lint) run ./...
	@hack/lint-shell.sh
	@$$($(TOOL) helm) lint --quiet charts/eventflow

verify: ## Fail where a generated file is not what its source makes
	@hack/verify.sh

##@ Test

.PHONY: unit check test-scripts test-envtest test-integration soak backlog e2e test
unit: ## Unit tests
	@$(GOTEST) ./...

test-scripts: ## Tests of the scripts in hack/
	@hack/airgap/test.sh

check: lint unit test-scripts ## The quick part: format, lint, unit tests, scripts

test-envtest: ## The controllers against a real kube-apiserver and etcd (KUBEBUILDER_ASSETS, or built)
	@[[ -n "$${KUBEBUILDER_ASSETS:-}" ]] || hack/airgap/build.sh envtest
	@KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$(CACHE)/bin}" $(GOTEST) -count=1 -tags envtest $(call tagged,envtest)

test-integration: ## The adapters against real PostgreSQL, Redis and RabbitMQ in containers
	@images=$$(hack/test-images.sh) && eval "$$images" && $(GOTEST) -count=1 -p 1 -tags integration $(call tagged,integration)

soak: ## Random faults under load, judged by the checker (DURATION=5m, SEED, RATE=20)
	@images=$$(hack/test-images.sh) && eval "$$images" && go test -race -timeout 24h -count=1 -v -tags integration -run '^TestSoak$$' ./test/integration/faults/ \
	  -args -soak.duration $(DURATION) -soak.seed $(SEED) -soak.rate $(RATE) -soak.dir "$(CURDIR)/artifacts/soak" -soak.dataloss

backlog: ## A million orders wait for PostgreSQL and drain: memory and speed (ORDERS=1000000)
	@images=$$(hack/test-images.sh) && eval "$$images" && go test -timeout 2h -count=1 -v -tags integration,backlog -run '^TestBacklog$$' ./test/integration/faults/ \
	  -args -backlog.orders $(ORDERS)

e2e: up ## The story, in the cluster of "make up"
	@KUBECONFIG="$(CURDIR)/.kube/$(CLUSTER).kubeconfig" EVENTFLOW_URL="$(URL)" EVENTFLOW_ARTIFACTS="$(CURDIR)/artifacts" \
	  go test -race -timeout 30m -count=1 -v -tags e2e ./test/e2e/...

test: ## Every test, and how long each part took
	@hack/test-all.sh check verify test-envtest test-integration e2e

##@ Build

.PHONY: build image clean
build: ## Static binaries for Linux in bin/linux
	@mkdir -p bin/linux
	@umask 022; for program in $(PROGRAMS); do \
	  CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" \
	    -o "bin/linux/$${program%:*}" "./$${program#*:}"; \
	done

image: build ## The image eventflow:dev
	@docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0; \
	  docker build --quiet --tag eventflow:dev . >/dev/null

clean: ## Remove what was built here
	@rm -rf bin artifacts
