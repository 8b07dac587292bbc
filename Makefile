# Two commands for a fresh machine with Python 3.11+ and make:
#   make demo    the whole study on the embedded default: results/demo/report/index.html
#   make test    all tests (make test-quick: most unit tests, in under 3 minutes)
# Each makes .venv from the lock file first. uv comes from the package index; nothing else is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
LOCK := envs/requirements.txt
STAMP := $(VENV)/.installed
# bitsandbytes (extra quantized) is for GPUs alone; where it is there, each job that loads PEFT imports it, for seconds.
CHOSEN := $(if $(shell command -v nvidia-smi),cat,grep -v '^bitsandbytes==')
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Keep compiled modules, whatever the machine's default: else every process compiles what it imports, which takes each
# job of a study a second, and 10 where it loads models.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-quick lint docs format install lock bench clean

# The page opens by itself where there are a terminal and a display; not with make --quiet, OPEN= or VARIREAL_BROWSER=no.
OPEN ?= $(if $(findstring s,$(firstword -$(MAKEFLAGS))),,--open)

demo: install
	snakemake --cores $(CORES)
	@varireal show results/demo $(OPEN)

# a file's tests share what they made; the order of the files is that of tests/conftest.py
test: install
	pytest -n auto --dist loadfile --no-loadscope-reorder

# for the work between: most unit tests
test-quick: install
	pytest -n auto --dist loadfile -m "not slow and not photos" tests/unit

lint: install
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	mypy
	codespell

# The documentation as a site that is read without a network. Sphinx and its friends are for this alone, so they are
# installed here, and not by all that "install" serves.
docs: install
	uv pip install --quiet --python $(BIN)/python --requirement envs/docs.txt
	sphinx-build -q -W --keep-going -c docs . build/docs
	@echo "The documentation is in build/docs/index.html"

format: install
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow

install: $(STAMP)

$(STAMP): pyproject.toml $(LOCK)
	@echo "Installing the versions of $(LOCK) into $(VENV), once: a minute or more, some gigabytes."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(CHOSEN) $(LOCK) | uv pip install --quiet --python $(BIN)/python --no-deps --requirement - # all of it is in the lock
	uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $(STAMP)

# One set of pins for Python 3.11 to 3.13, without the address of any index; the conda environments follow it.
lock: install
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --upgrade --output-file $(LOCK)
	uv pip compile --group pyproject.toml:docs --universal --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --upgrade --constraint $(LOCK) --output-file envs/docs.txt
	$(BIN)/python envs/update.py

bench: install
	for script in pictures masks edits judges training_input training_step prompts demo kills scheduler scale; do python benchmarks/$$script.py || exit 1; done

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache
