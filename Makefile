.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV ?= .venv
PY := $(VENV)/bin/python
CLUSTER_NAME ?= serinus
ENGINES := sklearn onnx xgboost lightgbm litert pandas
DOCKER ?= docker
REGISTRY ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE := $(if $(REGISTRY),$(REGISTRY:/=)/)serinus
IMAGES := $(IMAGE)/operator:$(VERSION) $(IMAGE)/server:$(VERSION) $(IMAGE)/server:$(VERSION)-full $(IMAGE)/logger:$(VERSION) $(IMAGE)/storage:$(VERSION)
LOCKS := requirements/operator.txt runtimes/server/requirements/server.txt runtimes/server/requirements/full.txt runtimes/server/requirements/logger.txt runtimes/storage/requirements/storage.txt
export PYTHONPATH := operator:e2e

ifeq ($(CLUSTER),current)
OWN := --current --context "$(CONTEXT)"
endif

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/.installed: requirements/dev.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

install: $(VENV)/.installed ## Make the virtual environment from the hashed lock

demo: install ## From nothing to a promotion and a rollback on a real cluster
	$(PY) -m demo

test: install ## All tiers of tests; E2E=0 leaves the real cluster out
	$(PY) tests/tiers.py

test-server: install ## The tests of the model server, with what its own lock names
	$(PY) tests/tiers.py server

test-cert-manager: install ## The certificates of the examples, issued by cert-manager on the real cluster
	$(PY) -m pytest --quiet --no-header e2e/scenarios/test_cert_manager.py

test-unit: install ## The tests that need nothing but Python
	$(PY) tests/tiers.py unit

lint: install ## Format, lint, types, layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	for own in storage server; do \
		interpreter=$$($(PY) -m cluster.venvs runtimes/$$own) && (cd runtimes/$$own && $$interpreter -m mypy) || exit 1; \
	done

crds: install ## Generate the CRD and its reference from the models
	$(PY) crds/generate.py
	cp crds/serinus.dev_modeldeployments.yaml charts/serinus/files/
	$(PY) docs/generate_api.py

argocd: install ## Write the values for Argo CD from its scripts
	$(PY) examples/gitops/argocd/generate.py

dashboard: install ## Generate the chart's Grafana dashboards
	PYTHONPATH=operator:. $(PY) -m charts.dashboards

chart-readme: install ## Write the table of the chart's values from values.yaml
	$(PY) charts/generate_readme.py

cluster-up: ## Bring up a kind cluster with a gateway and Prometheus
	python3 -m cluster up --name $(CLUSTER_NAME) $(OWN)

cluster-down: ## Remove it
	python3 -m cluster down --name $(CLUSTER_NAME)

bench-safety: install ## Seconds from a total failure to weight 0, 20 runs on the real cluster
	$(PY) bench/safety.py --runs 20

bench-drops: install ## Requests dropped in each transition, 10 repetitions on the real cluster: half an hour
	$(PY) bench/drops.py --runs 10

bench-moving: install ## Requests dropped while a Deployment becomes a ModelDeployment, by the guide's commands on the real cluster
	PYTHONPATH=operator:e2e:. $(PY) bench/moving.py

bench-quickstart: install ## Seconds from a cluster without Serinus to the first model that serves, on a kind cluster made for it
	$(PY) bench/quickstart.py

bench-judge: install ## Operating characteristics of the judge, simulated: half an hour on 2 cores, goes on where it was
	PYTHONPATH=operator:. $(PY) -m bench.judge

bench-queries: install ## CPU of judging 1,000 rollouts with three metrics each
	$(PY) bench/queries.py

fuzz: install ## 10,000 random and mutated specs through a real API server
	SERINUS_FUZZ=10000 $(PY) -m pytest --quiet --no-header tests/integration/test_fuzz.py

bench-update: install ## CPU of one update of each kind of test
	$(PY) bench/update.py

bench-guard: install ## Seconds from a total failure to weight 0 by the guard alone, 20 runs
	PYTHONPATH=operator:e2e:. $(PY) bench/guard.py

bench-status: install ## Seconds that the command line takes with 1,000 models
	PYTHONPATH=operator:e2e:. $(PY) bench/status.py

bench-footprint: install ## Memory of the operator with ten models, size of the CRD
	$(PY) bench/footprint.py

bench-scale: install ## 300, 1,000 and 5,000 models on a control plane of its own, an hour of churn: three hours
	PYTHONPATH=operator:e2e:. $(PY) -m bench.scale $(OPTIONS)

bench-server: install ## The model server beside MLServer on the same model, and what logging costs: six minutes
	$(PY) runtimes/server/bench/compare.py $(OPTIONS)

bench-peers: install ## Serinus and Flagger through the same steps, 20 and 300 models: an hour
	PYTHONPATH=operator:e2e:. $(PY) -m bench.scale.peers $(OPTIONS)

images: ## Build the images of this version; REGISTRY=registry.example.com/team for one of yours
	$(DOCKER) build $(OPTIONS) --tag $(IMAGE)/operator:$(VERSION) --file ./Containerfile .
	$(DOCKER) build $(OPTIONS) --tag $(IMAGE)/server:$(VERSION) --file runtimes/server/Containerfile runtimes/server
	$(DOCKER) build $(OPTIONS) --tag $(IMAGE)/server:$(VERSION)-full --build-arg LOCK=full --file runtimes/server/Containerfile runtimes/server
	$(DOCKER) build $(OPTIONS) --tag $(IMAGE)/logger:$(VERSION) --file runtimes/server/Containerfile.logger runtimes/server
	$(DOCKER) build $(OPTIONS) --tag $(IMAGE)/storage:$(VERSION) --file runtimes/storage/Containerfile runtimes/storage

push: images ## Build the images and push them to REGISTRY
	for image in $(IMAGES); do $(DOCKER) push $$image || exit 1; done

audit: sbom ## Known vulnerabilities of what the images hold; a package that nobody knows is a failure too
	for lock in $(LOCKS); do .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes $(OPTIONS) --requirement $$lock || exit 1; done

sbom: .venv-audit/.installed ## Bills of materials of the images, in build/sbom
	@mkdir -p build/sbom
	for lock in $(LOCKS); do \
		.venv-audit/bin/cyclonedx-py requirements --output-reproducible --output-file build/sbom/$$(basename $$lock .txt).json $$lock || exit 1; \
	done

.venv-audit/.installed: requirements/audit.txt
	python3 -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

lock: ## Compile the hashed locks, without index URLs
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra operator pyproject.toml -o requirements/operator.txt
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev --extra operator --extra plot pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/audit.in -o requirements/audit.txt
	cd runtimes/storage && for lock in "storage pyproject.toml" "dev --extra dev pyproject.toml" "mlflow requirements/mlflow.in"; do \
		set -- $$lock; name=$$1; shift; \
		uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 $$@ -o requirements/$$name.txt || exit 1; \
	done
	cd runtimes/server && for lock in "server sklearn" "full $(ENGINES)" "dev $(ENGINES) dev"; do \
		set -- $$lock; name=$$1; shift; \
		uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 $${@/#/--extra=} pyproject.toml -o requirements/$$name.txt || exit 1; \
	done
	cd runtimes/server && uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/mlserver.in -o requirements/mlserver.txt
	cd e2e/images/tensorflow-serving && uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --override overrides.txt requirements.in -o requirements.txt
	cd runtimes/server && uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/logger.in -c requirements/server.txt -o requirements/logger.txt

.PHONY: help argocd audit sbom images push install demo fuzz test test-cert-manager test-server test-unit lint crds dashboard chart-readme cluster-up cluster-down bench-safety bench-drops bench-footprint bench-guard bench-judge bench-moving bench-queries bench-quickstart bench-status bench-update bench-scale bench-peers bench-server lock
