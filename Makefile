# `make demo` and `make test` need python3 (3.11 or newer), python3-venv and make, and nothing else.
PYTHON ?= python3
VENV   := .venv
TOOLS  := .venv-tools
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check --no-input
E2E    := .venv-e2e

.DEFAULT_GOAL := help
STACKS := hub members management guardrails
.PHONY: help demo test test-all browser check check-templates tools format lock benchmark e2e package template \
  member-role member-policies $(STACKS:%=deploy-%) $(STACKS:%=remove-%) show-env clean

# `make package PYTHON=3.11` means Lambda's Python, `make test PYTHON=python3.12` the interpreter to work with.
RUNTIME     := $(or $(filter 3.%,$(PYTHON)),3.13)
INTERPRETER := $(if $(filter 3.%,$(PYTHON)),python3,$(PYTHON))
ARCH        ?= arm64
DIST        ?= dist
# One region of each partition.
LINTED      := us-east-1 us-gov-west-1 cn-north-1 eusc-de-east-1

help: ## Say what there is
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Run a whole sweep against an embedded AWS: plan, enforce, check
	@$(BIN)/stop-orchestrator demo

test: $(VENV)/.dev ## Run the fast suite: every behaviour, a tenth of the kill boundaries, no zip
	$(BIN)/pytest -n auto --dist worksteal -m "not full and not browser"

test-all: $(VENV)/.dev ## Run every test: all kill boundaries, the zips, the whole demo, the benchmark
	$(BIN)/pytest -n auto --dist worksteal -m "not browser"

browser: $(VENV)/.dev ## Open the pages in Chromium (which has to be installed); screenshots in dist/screenshots
	$(BIN)/pytest -n 2 --dist loadfile -m browser tests/browser

check: $(VENV)/.dev template ## Formatting, lint, types, import directions, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/cfn-lint --regions $(LINTED) -- $(DIST)/hub.yaml cloudformation/*.yaml

check-templates: $(VENV)/.dev $(TOOLS)/.done ## Security rules (checkov) on each template, with its conditions resolved in every way
	@rm -rf $(TOOLS)/resolved
	$(BIN)/python -m tests.support.cloudformation $(TOOLS)/resolved
	BC_SKIP_MAPPING=TRUE $(TOOLS)/bin/checkov --directory $(TOOLS)/resolved --framework cloudformation --skip-download \
	  --compact --quiet

tools: $(TOOLS)/.done ## Set up what check-templates needs

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(VENV)/.dev ## Measure whole sweeps of a made-up organization, beside a bare botocore loop (FLAGS=--help)
	@$(BIN)/python -m tests.benchmarks.run $(FLAGS)

.PHONY: docs pictures
docs: $(VENV)/.dev ## Make the parts of docs/ that are made of the code: policy reference, permissions, commands
	@$(BIN)/python -m tests.docs.making

pictures: $(VENV)/.dev ## Make README's pictures of a demo (CHROMIUM=path)
	@CHROMIUM=$(CHROMIUM) $(BIN)/python -m tests.docs.making.pictures

package: $(VENV)/.demo ## Build the Lambda's zip (ARCH=arm64|x86_64 PYTHON=3.13)
	@$(BIN)/python -m cloudformation.package --arch $(ARCH) --python $(RUNTIME) --dist $(DIST)

template: $(VENV)/.demo ## Assemble the hub's template from cloudformation/hub/ into dist/hub.yaml (POLICIES=folder)
	@$(BIN)/python -m cloudformation.assemble --dist $(DIST) $(if $(POLICIES),--policies $(POLICIES))

member-role: $(VENV)/.demo ## Make the Terraform module of the member role from cloudformation/member-role.yaml
	@$(BIN)/python -m cloudformation.terraform_module

member-policies: $(VENV)/.demo ## Write the member role's policies as JSON into dist/member-role (FLAGS=--account=...)
	@$(BIN)/python -m cloudformation.member_policies --env $(DEPLOY_ENV) --dist $(DIST) $(FLAGS)

DEPLOY = $(BIN)/python -m cloudformation.deploy --env $(DEPLOY_ENV) $(FLAGS)
DEPLOY_ENV ?= config/deploy.env

show-env: $(VENV)/.demo ## Write a deploy.env from what is deployed (STACK=hub|members) to standard output
	@$(BIN)/python -m cloudformation.show_env --env $(DEPLOY_ENV) $(STACK)

deploy-hub: $(VENV)/.demo ## Show what would change in the hub account, ask, do it (FLAGS=--dry-run, FLAGS=--yes)
	@$(DEPLOY) hub

deploy-members: $(VENV)/.demo ## The same for the StackSet that puts the member role into the accounts
	@$(DEPLOY) members

deploy-management: $(VENV)/.demo ## In the management account, for any hub: what lists the tags of all accounts at once
	@$(DEPLOY) management

deploy-guardrails: $(VENV)/.demo ## Optional: only approvers set or remove opt-out tags
	@$(DEPLOY) guardrails

remove-hub: $(VENV)/.demo ## Delete the hub's stack; the evidence bucket and table stay
	@$(DEPLOY) remove-hub

remove-members: $(VENV)/.demo ## Delete the StackSet, and with it the member role in every account
	@$(DEPLOY) remove-members

remove-management remove-guardrails: $(VENV)/.demo
	@$(DEPLOY) $@

# The zip has to fit the emulator's own Python and this machine: Lambdas are its child processes.
e2e: $(VENV)/.dev $(E2E)/.ready ## Deploy to an emulated AWS with IAM enforced, sweep, compare, remove (WITHOUT=permission)
	@python=$$($(E2E)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	arch=$$(uname -m | sed s/aarch64/arm64/); \
	$(BIN)/python -m cloudformation.package --arch $$arch --python $$python --dist dist && \
	E2E_PACKAGE=dist/stop-orchestrator-$$arch-python$$python.zip E2E_WITHOUT=$(WITHOUT) \
	$(BIN)/pytest -n 0 -s -v --tb=short $(if $(WITHOUT),-x) tests/e2e

lock: ## Refresh the hashed locks (needs uv on the PATH)
	uv pip compile pyproject.toml --extra demo --group build $(LOCK_FLAGS) -o requirements.lock
	uv pip compile pyproject.toml --extra demo --group dev $(LOCK_FLAGS) -o requirements-dev.lock
	uv pip compile --group tools $(LOCK_FLAGS) -o requirements-tools.lock
	uv pip compile --group lambda --constraints requirements.lock $(LOCK_FLAGS) -o requirements-lambda.lock
	uv pip compile --group e2e --python-version 3.11 $(LOCK_FLAGS) -o requirements-e2e.lock

LOCK_FLAGS := --quiet --upgrade --universal --generate-hashes --no-header --no-annotate

clean: ## Remove what make made
	rm -rf $(VENV) $(TOOLS) $(E2E) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.demo: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once, about half a minute) ..." >&2
	@test -x $(BIN)/python || $(INTERPRETER) -m venv $(VENV)
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements-evaluator.lock pyproject.toml
	@echo "Setting up $(VENV) for tests (once, about half a minute) ..." >&2
	@test -x $(BIN)/python || $(INTERPRETER) -m venv $(VENV)
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements-evaluator.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo

$(TOOLS)/.done: requirements-tools.lock
	@echo "Setting up $(TOOLS) (once, about a minute) ..." >&2
	@test -x $(TOOLS)/bin/python || $(INTERPRETER) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip --disable-pip-version-check --no-input install --quiet --no-deps --require-hashes -r requirements-tools.lock
	@touch $@

$(E2E)/.ready: requirements-e2e.lock
	@echo "Setting up $(E2E) for the emulator (once, a few seconds) ..." >&2
	@test -x $(E2E)/bin/python || $(INTERPRETER) -m venv $(E2E)
	@$(E2E)/bin/pip --disable-pip-version-check --no-input install --quiet --no-deps --require-hashes -r requirements-e2e.lock
	@touch $@
