# Everything runs from .venv, which `make install` makes with python3 and its venv module.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := build/demo

.PHONY: install demo test test-all lint clean

install: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq --editable '.[dev]'
	touch $(STAMP)

demo: install
	$(BIN)/tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4 --out $(DEMO)
	$(BIN)/tilewright cosim cim-tile --out $(DEMO)
	$(BIN)/tilewright generate cim-tile --system edge-int4 --out $(DEMO)
	$(BIN)/tilewright report $(DEMO)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: install lint
	$(BIN)/python -m pytest -n 2

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
