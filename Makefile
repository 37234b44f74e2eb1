# Needs only make and Python 3.11 or newer. `make run`, then http://localhost:8000/
PY := .venv/bin/python
LOCALES := pt_BR es
# Images for containers often set it, and then each of the tests' processes compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check test-fast test-postgresql test-next test-services test-browser walk fuzz pictures audit bench bench-peers messages lock clean distclean runtime dev

run: runtime  ## The portal with demo accounts; make run PORT=8001
	@exec $(PY) -m messaging.embedded

test: dev  ## What CI runs
	@$(MAKE) --no-print-directory --keep-going check test-fast test-postgresql test-next test-services test-browser

check: export DJANGO_SETTINGS_MODULE = tests.settings
check: dev  ## Style, types, templates, migrations and their rules, production settings, imports, translations
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .
	@find templates -name '*.html' -exec .venv/bin/djade --check {} +
	@$(PY) -m mypy --no-error-summary
	@report=$$(.venv/bin/lint-imports --no-cache --no-logo) || { echo "$$report"; exit 1; }
	@$(PY) manage.py check --fail-level WARNING
	@$(PY) manage.py makemigrations --check --dry-run
	@scripts/check-production
	@$(PY) -m pytest -q --no-header tests/test_imports.py tests/test_catalogues.py tests/test_migrations.py \
		-k "imports or catalogue or translat or obsolete or migration"

test-fast: dev  ## Without servers and browser, on SQLite
	@$(PY) -m pytest -n 2 $(if $(CI),--cov --cov-report=term)

test-postgresql: dev  ## The same tests on PostgreSQL, where there is one; in CI always
	@$(PY) -m tests.postgresql -q -n 2

test-next: dev  ## The same tests on the newest Django and Python 3.13 or 3.12, where there is one
	@scripts/test-next

test-services: dev  ## With PostgreSQL, Redis and a worker process
	@$(PY) -m pytest tests/services -n 2

test-browser: dev  ## The journeys in Chromium, Firefox and WebKit
	@$(PY) -m pytest tests/browser

walk: dev  ## Every address by every method as everybody; ends with "0 surprises"
	@$(PY) -m tests.walk

fuzz: dev  ## Ten thousand hostile requests to every form; ends with "0 findings"
	@$(PY) -m tests.fuzz

pictures: dev  ## The pictures of the guide, the README and the docs
	@PICTURES=docs/pictures $(PY) -m pytest -q tests/browser -k "walk and pt-BR-1280 or drawn_well and pt-br or componentes or administrators_day"

audit:  ## Known holes in what production installs (needs PyPI's advisories)
	@scripts/audit

bench: dev  ## Check our figures on this machine
	@$(PY) -m benchmarks
	@$(PY) -m benchmarks.delivery
	@$(PY) -m benchmarks.crowd
	@$(PY) -m benchmarks.page_load
	@$(PY) -m benchmarks.lists --rounds 20

bench-peers: dev  ## Ours beside other people's second factors and the bare framework (installs them for a while)
	@$(PY) -m benchmarks.peers

messages: export DJANGO_SETTINGS_MODULE = tests.settings
messages: dev  ## Extract the translations (needs gettext's xgettext); every target compiles them
	@$(PY) manage.py makemessages $(LOCALES:%=--locale %) --add-location file --no-wrap \
		--ignore '.venv*' --ignore var --ignore tests --ignore benchmarks

UPGRADE :=
COMPILE = uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header $(UPGRADE)
lock:  ## Write requirements*.txt (needs uv); make lock UPGRADE=--upgrade
	@$(COMPILE) pyproject.toml --output-file requirements.txt
	@$(COMPILE) pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@! grep -nE '://|^--(index|find|extra)' requirements.txt requirements-dev.txt

clean:  ## Forget all demo data and what tools have kept; the environment stays
	@rm -rf var .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov

distclean: clean  ## Forget the environment, too
	@rm -rf .venv .venv-next

runtime:
	@scripts/bootstrap

dev:
	@scripts/bootstrap dev
