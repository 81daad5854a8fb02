# Every target makes its own virtual environment when it is missing; Python 3.11 or newer and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := demo-out

.PHONY: help demo test check bench clean

help:
	@echo "make demo   learn from fifty series, with transfer where it helps, and compare with scratch (some minutes)"
	@echo "make test   run the tests"
	@echo "make check  lint, type check, and tests with warnings as errors"
	@echo "make bench  speed against other libraries; with HEADSTART_ARCHIVE (the UCR archive) and"
	@echo "            HEADSTART_REFERENCE (a folder of published results) also agreement with the published"

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed
	mkdir -p $(OUT)
	$(BIN)/headstart fit PickupGestureWiimoteZ --out $(OUT)/model --picture $(OUT)/result.png
	$(BIN)/headstart predict $(OUT)/model PickupGestureWiimoteZ --out $(OUT)/predictions.csv

test: $(VENV)/installed
	$(BIN)/pytest -q

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -W error

bench: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/grid_overhead.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/threads.py
	$(BIN)/python benchmarks/cohorts.py
	$(BIN)/python benchmarks/dtw.py
	$(BIN)/python benchmarks/barycenter.py
ifneq ($(and $(HEADSTART_ARCHIVE),$(HEADSTART_REFERENCE)),)
	$(BIN)/python benchmarks/similarity_matrix.py
	$(BIN)/python benchmarks/neighbours.py --reference $(HEADSTART_REFERENCE)/fawaz2018_transfer.csv
	$(BIN)/python benchmarks/published_transfer.py --reference $(HEADSTART_REFERENCE)/fawaz2018_transfer.csv
	$(BIN)/python benchmarks/published_grid.py --results results/grid_ucr.csv.gz \
		--reference $(HEADSTART_REFERENCE)/fawaz2018_transfer.csv
	$(BIN)/python benchmarks/grid_simulation.py --results results/grid_ucr.csv.gz results/grid_times.csv.gz --shared-machine
	$(BIN)/python benchmarks/rankers.py --reference $(HEADSTART_REFERENCE)/fawaz2018_transfer.csv
	$(BIN)/python benchmarks/signatures.py
	$(BIN)/python benchmarks/published_relatives.py --reference $(HEADSTART_REFERENCE)/fawaz2018_transfer.csv
	$(BIN)/python benchmarks/published_fcn.py --reference $(HEADSTART_REFERENCE)/official_split_accuracy.csv
endif

clean:
	rm -rf $(VENV) $(OUT)
