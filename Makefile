# Each target sets up what it needs first, which takes no time if nothing changed.
PYTHON ?= python3
export PYTHON

.PHONY: setup demo test test-docker lint bench accuracy clean packages

setup: packages .venv/ready

packages:
	@sh stack/setup.sh

.venv/ready: pyproject.toml | packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "setup: Python 3.11 or newer is needed, this is %s; name another: make PYTHON=python3.12" % sys.version.split()[0])'
	@echo "setup: making .venv"
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check --upgrade "pip>=25.1"
	@.venv/bin/pip install -q --disable-pip-version-check --editable . --group dev
	@touch $@

demo: setup
	@sh stack/demo.sh

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

test: lint
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov -m "not browser and not cluster and not docker and not packaging and not recipes"
	.venv/bin/pytest -m "browser or cluster or packaging or recipes"

test-docker: setup
	@sh tests/docker/run.sh

bench: setup
	@.venv/bin/python -m benchmarks

accuracy: setup
	@.venv/bin/python -m benchmarks.accuracy $(ONLY)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
