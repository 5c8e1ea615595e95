# Each target is a verb and does all of its own set-up.
# Python 3.11 to 3.13: the newest of them that runs here and can make environments (a pyenv shim may exist for a version that doesn't).
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11; do \
  $$python -c 'import ensurepip, ssl, sqlite3, venv' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= workspace
PORT ?= 8501
KILLS ?= 500
ROOT := $(filter 0,$(shell id -u))
MAKEFLAGS += --jobs=2  # the two environments of the tests are made at the same time
# Images often forbid Python to keep compiled modules. Here it must: every engine, worker and server would compile all that it imports again,
# which takes three times as long as importing it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run demo check test test-deep fuzz faults clients policies pages-faults image-check tables bench reference lint format shots lock clean

run: $(VENV)/.run  ## open the dashboard on the embedded engine
	$(BIN)/python -m core run --workspace $(WORKSPACE) --port $(PORT)

demo: $(VENV)/.run  ## run the whole workflow without a browser, on the bundled data
	$(BIN)/python -m core demo --workspace $(WORKSPACE) --report $(WORKSPACE)/report.json

test: $(VENV)/.test lint tests/system/sdk/.venv/.done chromium  ## lint, then every test, Chromium and the SageMaker SDK v3 (in its own environment) included
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

test-deep: $(VENV)/.test chromium  ## what `make test` has a smaller share of: the tests marked `deep`
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder -m deep

check: $(VENV)/.test  ## for daily work: lint, types and the unit tests; no root, no browser, no second environment, at most two minutes
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest --unit -n 2

REQUESTS ?= 21000
fuzz: $(VENV)/.test  ## hostile requests to every operation, REQUESTS=21000 of them; prints the answers by operation
	FUZZ=$(REQUESTS) $(BIN)/pytest --timeout 1800 tests/engine/test_fuzz.py
faults: $(VENV)/.test  ## kill -9, full disk, jumping clock, limits: many more than the tests have; KILLS=… says how many, and a table of them is shown
	FAULTS_KILLS=$(KILLS) FAULTS_DESCRIBES=10000 $(BIN)/pytest tests/system/faults --timeout 7200
clients: $(VENV)/.test tests/system/sdk/.venv/.done tests/system/sdk/.venv-v2/.done tests/system/sdk/.venv-cli/.done  ## the workshop in every AWS client; writes docs/clients.md
	$(BIN)/python -m tools.clients

policies: $(VENV)/.test tests/system/sdk/.venv/.done chromium  ## the tests, recording what is called at AWS; then the least policies, the template, docs/permissions.md
	RECORD_CALLS=1 $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder
	$(BIN)/python -m tools.policies
	$(BIN)/python -m tools.aws

pages-faults: $(VENV)/.test  ## every page under each of AWS's failures; writes docs/faults.md
	$(BIN)/python -m tools.faults

image-check: $(VENV)/.test  ## the image's files in an environment of their own: each entry point against the engine
	$(BIN)/python -m tools.image

ARCHIVES ?=
RESULTS ?=
tables: $(VENV)/.test  ## real tables out of packages of PyPI through `demo`, every figure by libraries of others; writes docs/tables.md; ARCHIVES=… and RESULTS=… keep the packages and what was done
	$(BIN)/python -m tools.tables $(if $(ARCHIVES),--archives $(ARCHIVES)) $(if $(RESULTS),--results $(RESULTS))

bench: $(VENV)/.test  ## every figure beside its peer
	$(BIN)/python -m bench

reference: $(VENV)/.test  ## the API reference and the regulatory profiles; writes docs/reference and docs/profiles.md
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.profiles

lint: $(VENV)/.test  ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint image/Dockerfile

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

shots: $(VENV)/.test chromium  ## every page, wide and phone, light and dark, from a workspace that the demo filled
	$(BIN)/python -m tools.shots
	$(BIN)/python -m tools.shots --empty --out docs/images/empty

lock: $(VENV)/.test  ## renew the locked requirements: one set of versions for Python 3.11 to 3.13, chosen for 3.11
	echo uv | $(BIN)/uv pip compile -q --no-header --generate-hashes --python-version 3.11 - -o requirements-uv.txt
	$(BIN)/uv pip compile -q --no-header --generate-hashes --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --no-header --generate-hashes --python-version 3.11 -c requirements.txt image/requirements.in -o image/requirements.txt
	$(BIN)/uv pip compile -q --no-header --generate-hashes --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --no-deps --no-header --generate-hashes --python-version 3.11 tools/tables.in -o tools/tables.txt
	for client in v3 v2 cli; do $(BIN)/uv pip compile -q --no-header --generate-hashes --python-version 3.11 \
	  tests/system/sdk/requirements-$$client.in -o tests/system/sdk/requirements-$$client.txt || exit 1; done

clean:
	rm -rf $(VENV) tests/system/sdk/.venv* .mypy_cache .ruff_cache .pytest_cache .hypothesis

# An environment that exists is kept, unless PYTHON is given (make test PYTHON=python3.13) and is of another version.
VERSION = $(shell $(1) -c 'import sys; print(*sys.version_info[:2], sep=".")' 2>/dev/null)
ifneq ($(filter command environment,$(firstword $(origin PYTHON))),)
ifneq ($(call VERSION,$(PYTHON)),$(call VERSION,$(BIN)/python))
.PHONY: $(VENV)/bin/python
endif
endif

$(VENV)/bin/python:
	@case "$(call VERSION,$(PYTHON))" in 3.11|3.12|3.13) ;; *) \
	  echo "Python 3.11, 3.12 or 3.13 is needed. Tried: $(or $(PYTHON),python3.13 python3.12 python3.11). Name one: make PYTHON=/path/to/python3.13"; \
	  exit 1;; esac
	$(PYTHON) -m venv --clear $(VENV)

# Into the environment $(1), what the file $(2) locks: by uv, in seconds; by pip where uv can't reach the index that pip is configured for.
install = $(1)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt && \
  $(1)/bin/uv pip install -q --system-certs --python $(1)/bin/python --require-hashes -r $(2) || \
  $(1)/bin/pip install -q --disable-pip-version-check --require-hashes -r $(2)

$(VENV)/.run: $(VENV)/bin/python requirements.txt
	$(call install,$(VENV),requirements.txt)
	@touch $@

$(VENV)/.test: $(VENV)/bin/python requirements-dev.txt
	$(call install,$(VENV),requirements-dev.txt)
	@touch $@ $(VENV)/.run

tests/system/sdk/.venv/.done: tests/system/sdk/requirements-v3.txt
tests/system/sdk/.venv-v2/.done: tests/system/sdk/requirements-v2.txt
tests/system/sdk/.venv-cli/.done: tests/system/sdk/requirements-cli.txt
tests/system/sdk/.venv%.done:
	$(PYTHON) -m venv $(@D)
	$(call install,$(@D),$<)
	@touch $@

.PHONY: chromium
chromium:
	@test -x /usr/bin/chromium || $(if $(ROOT),\
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; },\
	  { echo "The browser tests need Chromium. Install it as root: apt-get install chromium fonts-dejavu-core"; exit 1; })
