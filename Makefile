# Two commands do everything on a fresh clone: `make run` and `make test`.
PYTHON ?= python3
PY := .venv/bin/python
# Compiling every source anew in each of many processes would cost a third of their start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test test-long attack-long check format bench help

help:            ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: ready       ## three sites: a unit, the desk, a blank replacement
	@exec $(PY) -m config.supervisor

demo: ready      ## the whole journey on a gigabyte of disk images
	@exec $(PY) -m config.demo

test: ready-tests  ## every test this machine can run; says what it left out
	@exec $(PY) -m config.check tests

test-long: ready-tests  ## the tests that take minutes, and every bit where the others sample
	@STRONGROOM_LONG=1 $(PY) -m pytest -s -m long tests/appliance
	@STRONGROOM_LONG=1 $(PY) -m pytest tests/sealing/test_flipped_bits.py

attack-long: ready-tests  ## attacks and kills at full length: a table and its seed; SEED=, KILLS=, ONLY= play a part again
	@exec $(PY) -m tests.attack_long $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS)) $(if $(ONLY),--only $(ONLY))

check: ready-tests  ## what CI runs: format, lint, types, contracts, migrations, schemas, tests
	@exec $(PY) -m config.check all

bench: ready     ## speed and size beside restic and borg; QUICK=1 for a tenth of the data
	@exec $(PY) -m bench $(if $(QUICK),--quick)

format: ready    ## put the sources in order
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format --quiet .

pictures: ready-tests  ## take the pictures of docs/pictures anew
	@exec $(PY) -m tests.browser.pictures

.PHONY: pictures ready ready-tests
ready:
	@$(PYTHON) config/bootstrap.py
ready-tests:
	@$(PYTHON) config/bootstrap.py --tests
