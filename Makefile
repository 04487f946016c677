# Two commands on a fresh machine: `make demo` and `make test`; both make .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Whole files, each beside one other, in their order: the longest are not left for the end.
TWO_AT_ONCE := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: venv demo test servers lint types contracts check hostile bench session-settings house clean

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=26' >&2
	@$(BIN)/python -m pip install --quiet --editable '.[coordinator,worker,demo]' --group dev >&2
	@touch $@

demo: venv
	@$(BIN)/stt demo $(ARGS)

servers: venv
	@$(BIN)/python -m tests.servers.install >&2

test: venv servers
	$(BIN)/python -m pytest $(TWO_AT_ONCE) $(ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy
	$(BIN)/pyright

contracts: venv
	$(BIN)/lint-imports

check: lint types contracts

# Flips every setting of every server and writes docs/session-settings-*.md: minutes.
session-settings: venv servers
	$(BIN)/python -m tools.pages.session_settings_mongodb
	$(BIN)/python -m tools.pages.session_settings_mysql
	$(BIN)/python -m tools.pages.session_settings_postgresql

# Five rounds of healthy targets alone and beside hostile servers; CI runs one, untimed.
hostile: venv servers
	$(BIN)/python -m pytest -s tests/hostile/hostile_rounds.py $(ARGS)

bench: venv servers
	$(BIN)/python -m benchmarks $(ARGS)

# The figures of the code; BEFORE=path of another checkout prints both side by side.
house:
	@$(PYTHON) tools/house.py $(BEFORE) .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
