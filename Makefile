# Two commands for a newcomer: `make demo` and `make test`. Both need only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA := $(or $(MOUE_FER2013),fer2013.csv)
OUT ?= runs/seed

.PHONY: demo test test-all check docs format train bench results page wheel browser lock clean

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("moue needs Python 3.11 or newer") if sys.version_info < (3, 11) else 0'
	@echo 'Making $(VENV): pip downloads about 160 packages, 1.1 GB in all (TensorFlow is the largest), and needs 3.5 GB of disk.'
	@echo 'It takes a few minutes, most of them for the download. Later runs download nothing.'
	$(PYTHON) -m venv $(VENV)
	@echo 'A newer pip shows its progress while it installs:'
	$(BIN)/python -m pip install --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements/dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --editable .
	touch $(READY)

demo: $(READY)  ## Data to report in a few minutes; real data if MOUE_FER2013 names fer2013.csv
	$(BIN)/python scripts/demo.py

test: $(READY)  ## All tests but the slow ones; those on real data run if MOUE_FER2013 names fer2013.csv
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m 'not slow'

test-all: $(READY)  ## Also the slow tests, which train, export or run notebooks
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(READY)  ## Linters, types, import contracts, the site of the documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs: $(READY)  ## The site of the documents, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(READY)  ## The starting point on real data: make train MOUE_FER2013=path/to/fer2013.csv
	$(BIN)/moue train "$(DATA)" --recipe seed_cnn --out "$(OUT)"
	$(BIN)/moue evaluate "$(OUT)" "$(DATA)"
	$(BIN)/moue report "$(OUT)"

bench: $(READY)  ## Speeds of reading, training and predicting
	$(BIN)/python benchmarks/read_csv.py "$(DATA)"
	$(BIN)/python benchmarks/train_throughput.py
	$(BIN)/python benchmarks/predict_overhead.py

results: $(READY)  ## Score the shipped models again (MOUE_FER2013, MOUE_FERPLUS); rewrite cards and README table
	$(BIN)/python scripts/results.py

page: $(READY)  ## The page for the browser, in src/moue/page/static/; needs Node 20.19 or newer
	$(BIN)/python scripts/page_material.py
	cd web && npm ci --no-audit --no-fund && npm run build

wheel: page  ## The wheel and the source archive, in dist/, both with the page
	$(BIN)/python scripts/build_wheel.py

browser: page  ## The page's tests in Chromium; also on the photos of MOUE_PHOTOS and with the YuNet of MOUE_MODELS
	$(BIN)/python scripts/page_parity.py web/build/parity
	$(BIN)/python scripts/page_videos.py web/build/films
	PYTHONPATH=tests $(BIN)/python -m helpers.page_own web/build/parity web/build/own
	PYTHONPATH=tests $(BIN)/python -m helpers.page_yunet web/build/parity web/build/yunet
	cd web && npm test

lock:  ## Rewrite requirements/dev.txt from the newest versions that pyproject.toml allows
	sh scripts/lock.sh

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
