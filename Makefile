# Two commands on a fresh machine: `make demo` and `make test`; both make .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Whole files, each beside one other, in their order: the longest are not left for the end.
TWO_AT_ONCE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
PINS := pyproject.toml constraints.txt
# Else each of the hundreds of processes of the tests compiles all that it imports: a second of a core.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: venv lock demo test servers lint types contracts check pages package hostile pmm-language chaos nats-versions older-release store-versions check-truth bench session-settings house clean

venv: $(VENV)/.dev

# What a demo needs: a fifth of what the tests and linters need.
$(VENV)/.demo: $(PINS)
	@$(PYTHON) tools/install.py demo
	@touch $@

$(VENV)/.dev: $(PINS)
	@$(PYTHON) tools/install.py dev
	@touch $(VENV)/.demo $@

# Pins what pyproject.toml asks for; `make lock ARGS=--upgrade` takes the newest versions of all.
lock:
	@command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 2; }
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev \
		--annotation-style line --custom-compile-command 'make lock' \
		--output-file constraints.txt $(ARGS) pyproject.toml

demo: $(VENV)/.demo
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

# Wheel and sdist into dist/; tests/acceptance/deployment/test_wheel.py installs and runs the wheel elsewhere.
package: venv
	$(BIN)/python -m build --no-isolation --outdir dist .

# Writes the pages of docs that are rendered from the code; a test compares.
pages: venv
	@$(BIN)/python -m tools.pages

# Flips every setting of every server and writes docs/session-settings-*.md: minutes.
session-settings: venv servers
	$(BIN)/python -m tools.pages.session_settings.mongodb
	$(BIN)/python -m tools.pages.session_settings.mysql
	$(BIN)/python -m tools.pages.session_settings.postgresql

# Five rounds of healthy targets alone and beside hostile servers; CI runs one, untimed.
hostile: venv servers
	$(BIN)/python -m pytest -s tests/hostile/fleet/hostile_rounds.py $(ARGS)

# Faults of a cluster of three and of our processes, at random: MINUTES=10, SEED=... to repeat.
# Random expressions in our engine and in Go's; SEED= and COUNT= as in the line that it prints.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
COUNT ?= 20000
pmm-language: venv
	@echo "seed $(SEED), $(COUNT) expressions"
	STT_PMM_SEED=$(SEED) STT_PMM_COUNT=$(COUNT) $(BIN)/python -m pytest -q tests/integration/worker/sandbox/pmm $(ARGS) --timeout 3600

chaos: venv servers
	STT_TEST_PACE=real $(BIN)/python -m pytest -s tests/faults/chaos.py tests/faults/poison.py tests/faults/takeover_of_results.py $(ARGS)
	STT_TEST_PACE=real $(BIN)/python -m pytest -s tests/faults/postgresql_chaos.py $(ARGS)
	STT_TEST_PACE=real STT_TEST_JOBS=1000 STT_TEST_KILLS=20 $(BIN)/python -m pytest -s tests/faults/test_processes_that_die.py
	STT_TEST_PACE=real $(BIN)/python -m pytest -s tests/faults/test_lease_of_an_installation.py \
		tests/faults/brokers_that_forget.py tests/faults/clock_of_a_machine.py \
		tests/faults/full_broker.py tests/faults/lines_that_fail.py
	STT_TEST_PAUSE_S=60 $(BIN)/python -m pytest -s tests/faults/test_one_coordinator_acts.py -k paused
	STT_TEST_ROUNDS=5 $(BIN)/python -m pytest -s tests/faults/test_lease_on_cluster.py
	STT_TEST_ROUNDS=5 STT_TEST_LOGINS=nkey,creds,certificate,password \
		$(BIN)/python -m pytest -s tests/faults/test_logins_renewed.py

# The code of the last release without leases and nonces, from the history, beside that of today.
older-release: venv servers
	$(BIN)/python -m pytest -s tests/faults/older_release.py $(ARGS)

# What both buses promise, fences on three nodes and the lease, on older versions of nats-server;
# who may be a second coordinator; the thief; and three nodes that are upgraded one after the other.
nats-versions: venv servers
	for version in 2.10.25 2.11.11 2.12.8; do STT_TEST_NATS=$$version \
		$(BIN)/python -m pytest -q tests/hostile/nats \
		tests/integration/coordinator/test_thief_floods_on_nats.py $(ARGS) || exit 1; done
	for version in 2.10.25 2.11.11 2.12.8; do STT_TEST_NATS=$$version \
		$(BIN)/python -m pytest -q -s tests/faults/second_coordinator.py \
		tests/faults/test_one_coordinator_acts.py -k 'another_store or of_the_same_store' $(ARGS) || exit 1; done
	$(BIN)/python -m pytest -q -s tests/faults/rolling_upgrade_of_nats.py $(ARGS)
	for version in 2.11.11 2.12.8; do STT_TEST_NATS=$$version \
		$(BIN)/python -m pytest -q -s tests/contract/test_bus.py tests/contract/test_bus_fences.py \
		tests/integration/shared/bus/test_fences_on_cluster.py \
		tests/faults/test_lease_on_cluster.py -k 'not the_node_of' $(ARGS) || exit 1; done

# The contract suite of the store on each version of PostgreSQL beside 18, and the twins again.
store-versions: venv servers
	for major in 14 15 16 17; do STT_STORE_POSTGRESQL=$$major \
		$(BIN)/python -m pytest -q tests/contract/store -k postgresql $(ARGS) || exit 1; done

# Random states of PostgreSQL 12 to 18, MySQL and MongoDB: what the checks say against what the server lets
# accounts do, and whom it lets in. STATES=1000 of each, SEED=... to repeat, ARGS="-k 15" or "-k mysql" for one server.
check-truth: venv servers
	STT_TEST_STATES=$(or $(STATES),1000) STT_TEST_SEED=$(SEED) \
		$(BIN)/python -m pytest -q -s tests/checks/postgresql/test_postgresql_rights.py \
		tests/checks/postgresql/test_postgresql_logins.py tests/checks/mysql/test_mysql_rights.py \
		tests/checks/mysql/test_mysql_ways_in.py \
		tests/checks/mongodb/test_mongodb_rights.py $(ARGS)

bench: venv servers
	$(BIN)/python -m benchmarks $(ARGS)

# The figures of the code; BEFORE=path of another checkout prints both side by side.
house:
	@$(PYTHON) tools/house.py $(BEFORE) .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
