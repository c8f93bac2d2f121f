# Guantong. “make help” lists what there is; every target sets up what it needs.
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
FAST := not (browser or prefect or crash or long)
ON_BOTH := tests/store tests/workflow/test_acts.py tests/workflow/test_once.py tests/messages/test_sweep.py tests/upgrade
SLOW := (browser or prefect or crash) and not long

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-fast test-long lint bench browser

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv from the lock, with the guantong command in it

$(READY): requirements.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh && touch $@

demo: $(READY) ## Run everything with the Qingdao programme and demo people (Ctrl-C ends it)
	@GUANTONG_END_WITH_PARENT=1 exec $(BIN)/guantong demo

up: $(READY) ## Run everything on a lasting data folder (Ctrl-C ends it)
	@GUANTONG_END_WITH_PARENT=1 exec $(BIN)/guantong up

test: $(READY) browser ## Run all tests but the long ones
	@quick=0; slow=0; both=0; \
	$(BIN)/pytest -m "$(FAST)" -n 2 || quick=$$?; \
	$(BIN)/pytest -m "$(SLOW)" || slow=$$?; \
	$(BIN)/pytest -m "$(FAST)" -n 2 --database embedded $(ON_BOTH) || both=$$?; \
	test "$$quick" -eq 0 && test "$$slow" -eq 0 && test "$$both" -eq 0

test-fast: $(READY) ## Run the tests that need neither browser nor Prefect and kill nothing
	@$(BIN)/pytest -m "$(FAST)" -n 2

test-long: $(READY) browser ## Run the long tests
	@$(BIN)/pytest -m long

lint: $(READY) ## Check style, types, layers, and that nothing names a package index
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check_hosts.py

bench: $(READY) ## Measure against the machine's own ceiling, into benchmarks/results/latest.json
	@$(BIN)/python -m benchmarks

browser:
	@sh tools/browser.sh
