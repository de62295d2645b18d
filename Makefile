# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target makes what it needs: a Python 3.11 or newer and make are enough to begin with.
# Which Pythons and which versions: scripts/environments.py and requirements/.

# The first Python that really runs (a pyenv shim may not) and is new enough to set the rest up.
PYTHON ?= $(shell for python in python3.12 python3.13 python3.14 python3.11 python3 python \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$python"; break; }; done)

SUITE = $(if $(PYTHON),$(PYTHON),$(error No Python 3.11 or newer found; install one, or name it with PYTHON=/path/to/python)) scripts/suite.py

.DEFAULT_GOAL := help
.PHONY: help setup demo sandbox test lint sanity matrix package molecule bench docs tables release-check

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

setup:  ## Make the main environment (.venv) and no more
	@$(SUITE) setup

demo:  ## Onboard two APIs in the sandbox: plan, run, run again
	@$(SUITE) demo

sandbox:  ## Run the sandbox until Ctrl-C; PORT=8400 LATENCY_MS=50 STATE=file.json
	@$(SUITE) sandbox $(if $(PORT),--port '$(PORT)') $(if $(LATENCY_MS),--latency-ms '$(LATENCY_MS)') $(if $(STATE),--state '$(STATE)')

test:  ## Everything CI asks: lint, sanity, all tests, the matrix, the package, molecule
	@$(SUITE) test

lint:  ## Style, types, documentation and changelog
	@$(SUITE) lint

sanity:  ## ansible-test sanity on the newest and the oldest core
	@$(SUITE) sanity

matrix:  ## The tests on the other ansible-cores and Pythons
	@$(SUITE) matrix

package:  ## Build the tarball, install it elsewhere, and use it from there
	@$(SUITE) package

molecule:  ## The molecule scenarios
	@$(SUITE) molecule

bench:  ## Measure against the sandbox; JOB=name for one job
	@$(SUITE) bench $(if $(JOB),--job '$(JOB)')

docs:  ## Build the documentation site into build/docs
	@$(SUITE) docs

tables:  ## Write the README's and the guides' tables and the schema of declarations anew
	@$(SUITE) tables

release-check:  ## What Galaxy will say about the tarball (galaxy-importer)
	@$(SUITE) release-check
