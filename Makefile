# `make demo` and `make test` need nothing but Python 3.11 or newer and a network:
# they make a virtual environment in .venv first. PYTHON=... chooses the
# interpreter, VENV=... another place, ARGS=... is handed to pytest.

VENV = .venv
PYTEST = pytest
ARGS =
GROUPS = --group dev
JOBS = auto

BIN = $(VENV)/bin
ATHERIS = $(BIN)/python -m pip install -qq --disable-pip-version-check atheris
SCRIPTS = .ci/run .ci/try scripts/pythons.sh scripts/venv.sh scripts/demo.sh $(wildcard completions/*.bash)
PAGES = README.md CONTRIBUTING.md $(wildcard docs/*.md)

.PHONY: help demo test fast lint format types bench bench-full evidence fuzz docs docs-check pictures \
	build clean base dev

help:
	@echo 'make demo        see it work'
	@echo 'make test        the whole suite (fast: without the slow tests)'
	@echo 'make lint types  formatter check, linter, shell checks; mypy and pyright'
	@echo 'make format      put the formatting right'
	@echo 'make bench       how fast it is (bench-full: all of it, for docs/performance.md)'
	@echo 'make evidence    the long forms of the fault harnesses; writes docs/evidence.md (root: all of it)'
	@echo 'make fuzz        Hypothesis and atheris on the parsers, for some minutes'
	@echo 'make docs        write the generated parts of the docs again (docs-check: are they up to date?)'
	@echo 'make pictures    play the scenes of docs/pictures in a terminal, and draw them again'
	@echo 'make build       wheel and sdist'
	@echo 'make clean       remove what these made'

base:
	@sh scripts/venv.sh '$(VENV)'

dev:
	@sh scripts/venv.sh '$(VENV)' $(GROUPS)

demo: base
	@PATH="$$(cd '$(BIN)' && pwd):$$PATH" sh scripts/demo.sh

test: dev
	$(BIN)/python -m $(PYTEST) -n $(JOBS) $(ARGS)

fast: dev
	$(BIN)/python -m $(PYTEST) -n $(JOBS) -m 'not slow and not evidence' $(ARGS)

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/shellcheck $(SCRIPTS)

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

types: dev
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyright --pythonpath $(BIN)/python --pythonplatform Darwin ampt_cli

bench: base
	$(BIN)/python -m tests.bench.bench --small $(ARGS)

bench-full: base
	$(BIN)/python -m tests.bench.bench --full $(ARGS)

# Where atheris cannot be installed the page says so.
evidence: dev
	-$(ATHERIS)
	$(BIN)/python -m tests.faults.evidence $(ARGS)

fuzz: dev
	$(BIN)/python -m pytest -n $(JOBS) --hypothesis-profile=fuzz --timeout=1800 tests/faults/test_fuzz.py $(ARGS)
	$(ATHERIS)
	for parser in entry_content file_name after; do \
		$(BIN)/python -m tests.faults.fuzz_atheris $$parser -max_total_time=60 || exit 1; done

docs: dev
	$(BIN)/cog -r $(PAGES)
	$(BIN)/python -m scripts.pages

docs-check: dev
	$(BIN)/cog --check --diff $(PAGES)
	$(BIN)/python -m scripts.pages --check

pictures: dev
	$(BIN)/python -m scripts.pictures

build: dev
	$(BIN)/python -m build

clean:
	rm -rf build dist .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find ampt_cli tests -name __pycache__ -type d -prune -exec rm -rf {} +
