# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that is installed goes into .venv; system packages only through tests/setup, which says so.
#   PYTHON=/path/to/python3   which Python makes .venv (default: the first of python3.13, 3.12, 3.11, python3 that runs)
#   DEMO_INSTALL=no           `make demo` installs no system package
#   SUITES="oracle lint"      `make test` runs only these
#   KERNELS="6.12 7.3"        what `make test-kernel` builds where the machine's own kernel has no WireGuard
#   FAULT_WALKS=1             how many of the ten random walks through faults `make test-kernel` does (as `make test` does)
#   DEBIAN="bookworm trixie"  the releases that `make molecule` and `make test` make containers of (default: bookworm)
#   ARGS="-k netns -x"        handed to pytest by test-unit, -oracle, -browser, -integration and -conformance
#   SIZE=full                 `make test-oracle` compares as much as it can, not only what CI has time for

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/tree
PYTHON ?=
SUITES ?=
SIZE ?= ci
KERNELS ?= 6.12 7.3
FAULT_WALKS ?= 10
DEBIAN ?= bookworm
ARGS ?=
BIN := .venv/bin

.PHONY: help
help:  ## show what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo:  ## the whole story on this machine in three minutes: prove, refuse, rehearse, apply, measure, clean up (root)
	@[ "$$(id -u)" = 0 ] || { echo "make demo needs root: it makes network namespaces."; exit 1; }
	@tests/setup demo
	@tests/tools/venv "$(CURDIR)/.venv" run "$(PYTHON)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/demo/demo

.PHONY: test
test:  ## every suite, the one way CI runs them (root for those that send packets)
	@[ "$$(id -u)" != 0 ] || tests/setup test
	@tests/tools/venv "$(CURDIR)/.venv" test "$(PYTHON)"
	@$(BIN)/python tests/tools/run.py $(SUITES)

.PHONY: lint
lint: venv  ## ruff, mypy, yamllint, ansible-lint, changelog fragments
	@$(BIN)/python tests/tools/run.py lint

.PHONY: format
format: venv  ## lay the Python code out as lint wants it
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix-only .

.PHONY: readme
readme: venv  ## write the outputs that README.md shows into it
	@$(BIN)/python tests/tools/readme.py

.PHONY: test-unit
test-unit: venv  ## unit and property tests alone
	@$(BIN)/pytest tests/unit -q -n auto $(ARGS)

.PHONY: test-oracle
test-oracle: venv  ## the planner against what shares no code with it: simulator, kernel, wg, hostile documents
	@ORACLE_SIZE="$(SIZE)" $(BIN)/pytest tests/oracle -v -n auto --dist worksteal -rP $(ARGS)

.PHONY: mutation
mutation: venv  ## break single lines of the rules and name what no test notices (ARGS="--sample 0 _5_links")
	@$(BIN)/python tests/tools/mutation.py $(ARGS)

.PHONY: test-sanity
test-sanity: venv  ## ansible-test sanity and unit tests on the oldest and the newest ansible-core
	@$(BIN)/python tests/tools/run.py oldest newest

.PHONY: test-integration
test-integration: venv  ## real interfaces and real packets in network namespaces (root)
	@$(BIN)/pytest tests/integration -q $(ARGS)

.PHONY: test-browser
test-browser: venv  ## the HTML report in headless Chromium
	@$(BIN)/pytest tests/browser -q $(ARGS)

.PHONY: test-conformance
test-conformance: venv  ## the promises that hold for every backend, with the ones that this machine has (root)
	@$(BIN)/pytest tests/conformance -q $(ARGS)

.PHONY: test-kernel
test-kernel:  ## the same on a real kernel's WireGuard: the machine's own, or each of KERNELS, built once and kept
	@[ "$$(id -u)" != 0 ] || tests/setup test
	@tests/tools/venv "$(CURDIR)/.venv" test "$(PYTHON)"
	@KERNELS="$(KERNELS)" FAULT_WALKS="$(FAULT_WALKS)" $(BIN)/python tests/tools/run.py kernel

.PHONY: molecule
molecule:  ## the molecule scenario and tests/systemd in containers with systemd, on each release of DEBIAN (root)
	@[ "$$(id -u)" != 0 ] || tests/setup test
	@tests/tools/venv "$(CURDIR)/.venv" test "$(PYTHON)"
	@DEBIAN="$(DEBIAN)" $(BIN)/python tests/tools/run.py molecule systemd

.PHONY: test-rehearsal
test-rehearsal: venv  ## examples/two-hubs: every predicted cell against measured packets (root)
	@$(BIN)/python tests/tools/run.py rehearsal

.PHONY: bench
bench: venv  ## how fast and how large the planner is, in units of this machine (ARGS="hub --limits --repeat 1")
	@PYTHONPATH=.venv/tree $(BIN)/python -m ansible_collections.cryptokey.wireguard.tests.benchmarks.bench $(ARGS)

.PHONY: package
package: venv  ## build the tarball, install it elsewhere, read every plugin's documentation from it
	@$(BIN)/python tests/tools/run.py package

.PHONY: clean
clean:  ## remove .venv, caches and what was built
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible .cache tests/output cryptokey-wireguard-*.tar.gz
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: venv
venv:
	@tests/tools/venv "$(CURDIR)/.venv" test "$(PYTHON)"
