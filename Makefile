# The study and its tests, from nothing: `make help`.
.DEFAULT_GOAL := study
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/bash

SCALE = mini
ROWS =
SEEDS =
JOBS =
FRESH =
MINUTES =
CLAIM =
SNAKEMAKE =
FROM =
REPOSITORY =
OWNER =
PARTS = models,data
DRY =
TESTS = tests
WORKERS = 2
KILLS = 100
MODEL = results/checkpoints/mini-structured
LOADED =
TORCH_INDEX =
VENV = .venv
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

# A mistyped variable must not silently run something else.
KNOWN := SCALE ROWS SEEDS JOBS FRESH MINUTES CLAIM SNAKEMAKE FROM REPOSITORY OWNER PARTS DRY TESTS WORKERS KILLS MODEL LOADED TORCH_INDEX VENV PYTHON
UNKNOWN := $(filter-out $(KNOWN),$(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name))))
ifneq ($(UNKNOWN),)
$(error unknown variable $(firstword $(UNKNOWN)): use $(KNOWN))
endif
ifeq ($(PYTHON),)
$(error no Python of 3.11 or later was found: install one, or name it with PYTHON=)
endif

# JupyterLab refuses to start as root, as in a container, without this option.
ROOT_ALLOWED := $(if $(filter 0,$(shell id -u)),--allow-root)
RUN = $(VENV)/bin/python -m o1lib
PYTEST = HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile
CHOICE = --scale '$(SCALE)' --rows '$(ROWS)' --seeds '$(SEEDS)' --jobs '$(JOBS)' --fresh '$(FRESH)'
# The environment is up to date when it holds a stamp with this name: the pins and the Python that they were set up for.
STAMP := $(VENV)/installed-$(shell $(PYTHON) -c 'import hashlib, pathlib, sys; print(hashlib.sha256(b"".join(pathlib.Path( \
	name).read_bytes() for name in ("pyproject.toml", "constraints.txt")) + sys.version.encode()).hexdigest()[:16])')
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)

.PHONY: study plan test test-fast lint lab compare why publish site base ship push-hub bench-search bench-train bench-teacher bench-kills check-models setup help
study: setup  ## run every row that is out of date (SCALE= ROWS= SEEDS= JOBS= FRESH=1 MINUTES=), ending with the claims page
	@$(RUN) study $(CHOICE) --snakemake '$(SNAKEMAKE)' --minutes '$(MINUTES)'
plan: setup  ## print what would run, why, and about how long
	@$(RUN) plan $(CHOICE)
test: setup  ## run all tests, the whole study at the smoke scale among them; those of the site need Chromium and `make site`
	@$(PYTEST) --no-loadscope-reorder $(TESTS)
test-fast: setup  ## run the tests that take no more than a few seconds each, in under a minute
	@$(PYTEST) --no-loadscope-reorder -m 'not slow' $(TESTS)
lint: setup  ## check style, formatting, the order of imports between packages, and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python
bench-search: setup  ## measure the search against the released procedure (MODEL= a trained checkpoint, LOADED=1 on a loaded machine)
	@HF_HUB_OFFLINE=1 $(VENV)/bin/python tools/bench_search.py --model '$(MODEL)' $(if $(LOADED),--loaded)
bench-train: setup  ## measure training at SCALE= against a bare loop and the machine; writes work/bench/train.json
	@HF_HUB_OFFLINE=1 $(VENV)/bin/python tools/bench_train.py --scale '$(SCALE)' $(if $(LOADED),--loaded)
lab: setup  ## open JupyterLab on the notebooks, the executed reports and the claims page
	@$(VENV)/bin/jupyter lab $(ROOT_ALLOWED) --ServerApp.root_dir='$(subst ','\'',$(CURDIR))' \
		--LabApp.default_url=/lab/tree/notebooks
compare: setup  ## show how your executed reports differ from the published ones, and both sides' contrasts
	@$(RUN) compare --scale '$(SCALE)'
why: setup  ## print what decides one claim (CLAIM=A5): its contrast, records, questions, and the value computed again
	@$(RUN) why '$(CLAIM)' --scale '$(SCALE)'
publish: setup  ## copy the complete rows of work/SCALE to results/SCALE
	@$(RUN) publish --scale '$(SCALE)'
site: setup  ## build the site from results/ into site/; needs npm (REPOSITORY= is the address of the published source)
	@$(RUN) site --repository '$(REPOSITORY)'
base: setup  ## train the base that SCALE ships as it is published, or take the run in FROM=, and ship it
	@$(RUN) base --scale '$(SCALE)' --source '$(FROM)' --fresh '$(FRESH)' --seeds '$(or $(SEEDS),0)'
ship: setup  ## put the model of one row of work/SCALE into results/checkpoints (ROWS=structured SEEDS=0)
	@$(RUN) ship --scale '$(SCALE)' --rows '$(or $(ROWS),structured)' --seeds '$(or $(SEEDS),0)'
push-hub: setup  ## upload models and the dataset of SCALE to the Hugging Face Hub (OWNER=me; DRY=1 only prints)
	@$(RUN) push-hub --owner '$(OWNER)' --scale '$(SCALE)' --parts '$(PARTS)' --dry-run '$(DRY)'
bench-teacher: setup  ## print how many questions a second a served teacher answers, and in how much memory
	@PYTHONPATH=tests $(VENV)/bin/python tools/bench_teacher.py 10000 $(if $(LOADED),--loaded)
bench-kills: setup  ## end runs with SIGKILL at KILLS= random moments, compare their results, and write results/kills.md
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONPATH=tests $(VENV)/bin/python tools/kill_campaign.py --kills '$(KILLS)' --publish
check-models: setup  ## check which engine is right for every family of models, and write results/conformance.md
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONPATH=tests $(VENV)/bin/python tools/conformance_table.py
setup: $(STAMP)  ## make the environment in .venv (TORCH_INDEX= names the index torch comes from)
help:  ## this text
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20

# The stamp comes last; files of an interrupted installation or of another Python are removed.
$(STAMP):
	@if [ -e $(VENV)/installing ] || [ "$$($(VENV)/bin/python -V 2>&1)" != "$$($(PYTHON) -V)" ]; then rm -rf $(VENV); fi
	@echo "setting up $(VENV) with $$($(PYTHON) -V): several minutes and about 2 GB" && [ -d $(VENV) ] || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/installed-* && touch $(VENV)/installing
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') $(TORCH)
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt --editable ".[dev]"
	@touch $@ && rm $(VENV)/installing
