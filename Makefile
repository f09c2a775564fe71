# The project's commands. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PY := .venv/bin/python
# Checks that read the settings without touching a database.
STATIC_ENV := CHAINFUND_MODE=test DATABASE_URL=postgresql:///unused
ARGS ?=
PART ?=
# Dozens of processes start: where none may keep what it compiled, each compiles all of it again, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## install what the demo needs (quick when nothing changed)
	@tools/setup.sh demo

.PHONY: setup-test
setup-test: ## install what the tests need as well, a browser included
	@tools/setup.sh test

.PHONY: demo
demo: ## the whole system with a simulated history on http://127.0.0.1:8000; ARGS=--check verifies and stops
	@tools/setup.sh demo ahead
	@$(PY) -m demo $(ARGS)

.PHONY: demo-code
demo-code: ## the code of this moment for the second factor of the running demo's operator
	@$(PY) -m demo.codes

.PHONY: dev
dev: setup-test ## the demo with reload: site and workers restart when their code changes, the front end is built anew
	@node_modules/.bin/vite build --watch --logLevel warn & trap "kill $$!" EXIT; $(PY) -m demo --reload $(ARGS)

.PHONY: test
test: setup-test ## everything CI asks: format, lint, types, layers, migrations, catalogues, contracts, Python, browser
	@tools/test-side-by-side.sh $(ARGS)

.PHONY: checks
checks: lint typecheck check-migrations check-catalogues ## what needs no server: lint, types, layers, migrations, catalogues, the front end's units
	@npm test

.PHONY: lint
lint: ## formatting, lint rules and the layers between packages
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/lint-imports --no-cache | tail -n 12
	@npm run --silent lint

.PHONY: typecheck
typecheck: ## mypy --strict and tsc
	@$(STATIC_ENV) .venv/bin/mypy
	@npm run --silent typecheck

.PHONY: check-migrations
check-migrations: ## fails when a model changed without its migration
	@$(STATIC_ENV) $(PY) manage.py makemigrations --check --dry-run

.PHONY: check-catalogues
check-catalogues: ## fails when a text is missing its Chinese
	@$(PY) -m tools.catalogues check

.PHONY: contracts
contracts: setup-test ## the Solidity side: compile, test, fuzz, gas, slither, coverage
	@tools/coverage-contracts.sh
	@tools/test-contracts.sh

.PHONY: prove
prove: setup-test ## symbolic proofs about the contracts, all of them; make test takes those of a minute
	@tools/prove.sh all

.PHONY: lock
lock: ## resolve requirements/*.in into the lock files; ARGS=--upgrade moves versions
	@tools/lock.sh $(ARGS)

.PHONY: format
format: ## format everything
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
	@npm run --silent format

.PHONY: messages
messages: ## bring the message catalogues up to date with the sources
	@$(PY) -m tools.catalogues update

.PHONY: deploy-check
deploy-check: ## Django's deployment check on the settings of .env, every warning an error
	@[ -f .env ] || { echo "There is no .env: copy .env.example and fill it in" >&2; exit 1; }
	@set -a; . ./.env; set +a; CHAINFUND_MODE=production $(PY) manage.py check --deploy --fail-level WARNING

.PHONY: docs
docs: setup-test ## build docs/ as pages into build/docs; a broken link fails
	@.venv/bin/mkdocs build --quiet
	@echo "build/docs/architecture.html"

.PHONY: screenshots
screenshots: setup-test ## pictures of the running demo for README and docs; URL=… when it is not on port 8000
	@$(PY) -m tests.e2e.screenshots --url $(or $(URL),http://127.0.0.1:8000)

.PHONY: bench
bench: setup-test ## speed, into benchmarks/results/PART.json; PART=indexing, recommender or web
	@[ -f benchmarks/$(PART).py ] || { echo "Name a part: make bench PART=indexing" >&2; exit 1; }
	@$(PY) -m benchmarks.$(PART) $(ARGS)

.PHONY: lighthouse
lighthouse: setup-test ## Lighthouse's scores of home, explore and a campaign in production mode; fails below the targets
	@npm ci --prefix tools/lighthouse --no-audit --no-fund --silent
	@$(PY) -m benchmarks.lighthouse $(ARGS)

.PHONY: shuffle
shuffle: setup-test ## flaky tests: Python's ten times in random order beside busy loops; ARGS="--runs 3 --seed 7 tests/web"
	@$(PY) -m tools.shuffle $(ARGS)

.PHONY: federation
federation: setup-test ## platforms that learn together: rounds over Flower, which has an environment of its own, and two whole installations
	@tools/federation.sh

.PHONY: soak
soak: setup-test ## what takes long: ten times the fuzzing and proofs of the contracts, mutants of theirs and of Python, a hundred seeds of faults, twenty mixes of providers against the clock, every page in every look and every journey in every language, 10,000 campaigns, flaky tests
	@FOUNDRY_PROFILE=long tools/forge test
	@tools/prove.sh all
	@$(PY) -m tools.mutation_contracts
	@$(PY) -m tools.mutation_python
	@CHAINFUND_STATEFUL_EXAMPLES=200 tools/test-contracts.sh stateful
	@$(PY) -m pytest tests/faults --fault-seeds 100
	@$(PY) -m benchmarks.providers --mixes 20
	@$(PY) -m pytest tests/e2e --all-looks
	@$(PY) -m pytest tests/integration/test_indexer_many.py --campaigns 10000
	@tools/federation.sh
	@$(PY) -m tools.shuffle
