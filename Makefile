# Cloud Monitoring. `make` lists what there is; `make run` and `make test` do all set-up themselves.

# The first Python that is new enough, unless PYTHON names one.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
# Test processes: two more than processors, since the end-to-end tests mostly wait for recorded time to pass. They are among
# the first (files are begun in the order of their folders), so that the others fill that time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
# A test process that ends (a test that takes too long ends its own) ends the run: replaced, it would be waited for without end.
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart=0
ARGS ?=
# Lines and branches of each package, of a whole run alone: a part of the tests covers a part of the code.
COVERED := exporter facade promql
COVERAGE_PERCENT := 95
MEASURE := $(if $(strip $(ARGS)),,--cov --cov-report=)

.DEFAULT_GOAL := help
.PHONY: help setup run stress cluster-test bench test lint format golden docs generate manifests lock clean-data clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the locked dependencies (run and test do it too)

$(STAMP): requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed: install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name it with PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@rm -rf $(VENV)
	@echo "making $(VENV) with the locked dependencies"
	@"$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

run: $(STAMP) ## run the sample fleet, Prometheus and the API until Ctrl-C (ARGS=--help for its options)
	@$(BIN)/python -m local run $(ARGS)

# Against any running facade: `make run` in another terminal, or API_BASE_URL. STRESS_SECONDS, STRESS_USERS … bound it.
stress: $(STAMP) ## call every route of a running facade at once (API_BASE_URL; ARGS=--help for its options)
	@tests/run_stress_test.sh $(ARGS)

# Never part of `make test`: it needs a cluster, and changes it if it is told to (docs/cluster-tests.md).
cluster-test: $(STAMP) ## check a release in a real cluster (ARGS=--help for its options)
	@$(BIN)/python -m tests.cluster $(ARGS)

# Never part of `make test`: figures are of the machine. It needs wrk, and ten minutes.
bench: $(STAMP) ## measure everything anew and write docs/performance.md (ARGS=--help for its options)
	@directories=$$($(BIN)/python -m local prometheus) && export PATH="$$directories:$$PATH" && $(BIN)/python -m bench $(ARGS)

# Prometheus is found, or installed, just as `make run` does, and in the same way VictoriaMetrics, the other engine, and
# Docker Compose, which reads docker-compose.yml. The tests of a file share what they start.
test: $(STAMP) lint ## all checks and all tests (ARGS for more of pytest's own, e.g. ARGS='-k seam')
	@directories=$$($(BIN)/python -m local tested-with) && export PATH="$$directories:$$PATH" && \
	echo "+ prometheus: $$(command -v prometheus), promtool: $$(command -v promtool), victoria-metrics: $$(command -v victoria-metrics), docker-compose: $$(command -v docker-compose)" && \
	echo "+ pytest $(SPREAD) $(MEASURE) $(ARGS)" && \
	$(BIN)/python -m pytest $(SPREAD) $(MEASURE) $(ARGS)
	@$(if $(MEASURE),for package in $(COVERED); do \
		$(BIN)/python -m coverage report --include="$$package/*" --fail-under=$(COVERAGE_PERCENT) || exit; done)

lint: $(STAMP) ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP) ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(STAMP) ## write the golden files anew from what the code does; review the diff
	@directories=$$($(BIN)/python -m local prometheus) && export PATH="$$directories:$$PATH" && \
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest $(SPREAD) $$(grep -rl golden tests --include='test_*.py') $(ARGS)

docs: $(STAMP) ## write the documents that are made from the code anew
	@$(BIN)/python -m local documents $(ARGS)

generate: $(STAMP) ## write what is made from code: the chart's rules and README, the manifests
	@$(BIN)/python -m local generate

manifests: generate ## render the chart's defaults into manifests/ (part of generate)

# Resolved anew from pyproject.toml, for Python 3.11 and newer on Linux and macOS; from the public index alone.
# Each image's own lock has the same versions: requirements.lock constrains it.
lock: $(STAMP) ## resolve requirements.lock and the images' locks anew (installs uv into .venv for it)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --no-config --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --extra dev --output-file requirements.lock pyproject.toml
	for image in exporter facade; do $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --constraint requirements.lock \
		--extra $$image --output-file requirements-$$image.lock pyproject.toml || exit 1; done

clean-data: ## forget everything that make run has stored (a downloaded Prometheus too)
	rm -rf .data

clean: ## remove the environment and the caches; the data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* build dist
	find . -name __pycache__ -type d -not -path './.data/*' -prune -exec rm -rf {} +
