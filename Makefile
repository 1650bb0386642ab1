# Everything a newcomer needs, in a virtual environment of its own. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DETECTORS := .venv-detectors
DETECTORS_READY := $(DETECTORS)/.ready
UV_VERSION := 0.13.9
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header
EXTRAS := dev launchers search export # those that .venv has; the detectors have an environment of their own
RUN ?=
RUNS ?=
OTHER ?=
PHOTOGRAPHS ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup data browse train evaluate test test-slow lint format audit bench reproduce ablation detectors damage comparison learning-curve weights tensorboard lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# $(1) the environment, $(2) its lock
define install
@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
@$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1)/bin/python --require-hashes -r $(2)
@$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation -e .
@touch $@
endef

setup: $(READY) ## create .venv and install the locked packages

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "facekp needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(call install,$(VENV),requirements.lock)

$(DETECTORS_READY): requirements-detectors.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "MediaPipe 0.10.14 needs Python 3.11 or 3.12: make detectors PYTHON=python3.12")'
	@command -v $(CXX) >/dev/null || { echo "dlib is compiled here and needs a C++ compiler: apt install g++, xcode-select --install, or make detectors CXX=..."; exit 1; }
	@echo "Setting up $(DETECTORS); compiling dlib takes some minutes"
	$(call install,$(DETECTORS),requirements-detectors.lock)

data: setup ## find, download or draw the faces, and report on their labels
	$(BIN)/python -m facekp data check $(ARGS)

browse: setup ## contact sheets of the faces, as training sees them: make browse ARGS="model=full"
	$(BIN)/python -m facekp data browse $(ARGS)

train: setup ## train the nose network and draw its results; ARGS="model=full" for others
	$(BIN)/python train.py model=nose $(ARGS)
	@echo "Next        . $(BIN)/activate && python train.py model=full"

evaluate: setup ## judge a run: make evaluate RUN=outputs/nose/...
	@test -n "$(RUN)" || { echo "Name the run: make evaluate RUN=outputs/nose/<time>"; exit 1; }
	$(BIN)/python evaluate.py ckpt_path=$(RUN) $(ARGS)

test: setup ## run the tests on all cores; those on the real faces need FACEKP_DANES
	$(BIN)/python -m pytest -n auto $(ARGS)

test-slow: setup ## run the tests that take minutes
	$(BIN)/python -m pytest -n auto -m slow $(ARGS)

lint: setup ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: setup ## look up the locked packages among known vulnerabilities; .ci/audit tells what its exit status means
	$(BIN)/python .ci/audit $(BIN)/uv

bench: setup ## measure the speed of training against a bare loop, and of starting; ARGS=--scale for many images
	$(BIN)/python -m facekp bench $(ARGS)

reproduce: setup ## run the published experiments again, and rewrite their results in docs/results and README.md
	$(BIN)/python train.py -m sweep=published $(ARGS)
	$(BIN)/python -m facekp publish

ablation: setup ## the same for what each kind of augmentation is worth, on either split
	$(BIN)/python train.py -m sweep=ablation $(ARGS)
	$(BIN)/python -m facekp publish
	$(BIN)/python train.py -m sweep=random_split $(ARGS)
	$(BIN)/python -m facekp publish

detectors: $(DETECTORS_READY) ## measure MediaPipe and dlib and set ours beside them; RUNS="outputs/sweeps/..." or all sweeps
	$(DETECTORS)/bin/python -m facekp detectors measure $(ARGS)
	$(DETECTORS)/bin/python -m facekp detectors publish $(RUNS) $(ARGS)

damage: $(DETECTORS_READY) ## set the heatmap network beside them on damaged photographs; RUNS="outputs/sweeps/.../..." or all sweeps
	$(DETECTORS)/bin/python -m facekp detectors damage $(RUNS) $(ARGS)

comparison: setup $(DETECTORS_READY) ## train the heatmap networks on every split, measure the detectors, and rewrite what compares them
	$(BIN)/python train.py -m sweep=heatmap $(ARGS)
	$(BIN)/python train.py -m sweep=heatmap_folds $(ARGS)
	$(MAKE) detectors
	$(MAKE) damage

learning-curve: setup $(DETECTORS_READY) ## train on fewer and fewer people, fit dlib to the same, and publish the error of each
	$(BIN)/python train.py -m sweep=learning_curve $(ARGS)
	$(DETECTORS)/bin/python -m facekp detectors learning-curve $(ARGS)

weights: setup ## put a network into the package, calibrated on who OTHER left out: make weights RUN=... OTHER=... PHOTOGRAPHS=...
	@test -n "$(RUN)" || { echo "Name the run: make weights RUN=outputs/heatmap_wild/<time> OTHER=outputs/heatmap_wild/<time> PHOTOGRAPHS=<folder>"; exit 1; }
	$(BIN)/python -m facekp.inference.ship $(RUN) $(OTHER) $(PHOTOGRAPHS)

tensorboard: setup ## open the dashboard of all runs
	$(BIN)/tensorboard --logdir outputs

lock: ## write the locks anew from pyproject.toml
	$(LOCK) $(addprefix --extra ,$(EXTRAS)) --output-file requirements.lock pyproject.toml
	$(LOCK) --extra dev --extra detectors --output-file requirements-detectors.lock pyproject.toml

clean: ## remove what tools and runs left behind, but no results
	rm -rf $(VENV) $(DETECTORS) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
