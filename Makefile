# Two commands: `make run` starts everything, `make manage CMD="…"` runs a manage.py command against it.
# `make` lists the rest. docs/decisions/embedded-services.md says how and why.

.DEFAULT_GOAL := help
.PHONY: help run manage test coverage check format bench browser torture fuzz mutate client lock clean setup setup-dev

PYTHON ?= python3
VENV_PYTHON = .venv/bin/python
INSTALL = @$(PYTHON) -I circletel/embedded/install.py
UV_COMPILE = $(VENV_PYTHON) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate

# Compiled once and kept: without it every start compiles our code again, and pytest its plugins.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
unexport MAKEFLAGS
# Checks look at code and settings, not at services: nothing listens on port 1.
CHECK_SETTINGS = DJANGO_SECRET_KEY=only-for-checks DATABASE_URL=postgres://nobody@127.0.0.1:1/none \
	REDIS_URL=redis://127.0.0.1:1/0

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

run: setup ## Start everything and stay up until Ctrl-C; ONCE=1 stops after the table, exit 0 when in step
	@exec $(VENV_PYTHON) -m circletel.embedded run --stop-with-parent $(if $(filter-out 0,$(ONCE)),--once)

manage: setup ## Run CMD="…" with manage.py, against what `make run` started or services of its own
	@exec $(VENV_PYTHON) -m circletel.embedded manage

# As typed: neither make nor the shell take the quotes out of it.
manage: export CIRCLETEL_COMMAND = $(value CMD)

test: setup-dev ## Run the tests on real PostgreSQL and Valkey; ARGS="-k price" and so on
	@exec $(VENV_PYTHON) -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist worksteal)

coverage: setup-dev ## Run the tests and see which branches of the product they take; below 95 % fails
	@exec $(VENV_PYTHON) -m pytest -n 2 --dist worksteal --cov --cov-report=term $(ARGS)

check: setup-dev ## Format, lint, types, import contracts and cycles, migrations, settings, known vulnerabilities
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m mypy .
	$(CHECK_SETTINGS) $(VENV_PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(CHECK_SETTINGS) $(VENV_PYTHON) manage.py check
	@.ci/audit
	$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	PYTHONPATH=. $(VENV_PYTHON) .ci/import_cycles.py
	@if [ -f docker-compose.yml ]; then \
		echo 'check-jsonschema docker-compose.yml'; \
		$(VENV_PYTHON) -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml; fi

format: setup-dev ## Put the code into shape: ruff format and what ruff can repair
	$(VENV_PYTHON) -m ruff check --fix --exit-zero .
	$(VENV_PYTHON) -m ruff format .

bench: setup-dev ## Run the benchmarks; ARGS="name …" chooses
	@exec $(VENV_PYTHON) -m bench $(ARGS)

torture: setup-dev ## Half an hour of mixed traffic and faults, judged; ARGS="--minutes 3 --seed 1"
	@$(if $(ARGS),,$(VENV_PYTHON) -m pytest -m torture)
	@exec $(VENV_PYTHON) -m torture $(ARGS)

browser: setup-dev ## Run the browser tests, after installing chromium where that is allowed
	@if ! command -v chromium >/dev/null; then \
		if [ "$$(id -u)" = 0 ]; then sudo=; \
		elif sudo -n true 2>/dev/null; then sudo=sudo; \
		else echo 'Chromium is missing. Install it: apt-get install chromium (as root)' >&2; exit 1; fi; \
		echo 'Installing chromium'; \
		$$sudo apt-get -qq update && $$sudo apt-get -qq install -y --no-install-recommends chromium >/dev/null; fi
	@exec $(VENV_PYTHON) -m pytest -m browser $(ARGS)

fuzz: setup-dev ## More than 100,000 bad inputs, and every operation of REST asked much more than `make test` does
	$(VENV_PYTHON) -m pytest tests/fuzz --hypothesis-profile=fuzz -q $(ARGS)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-50} $(VENV_PYTHON) -m pytest -m fuzz $(ARGS)
	$(VENV_PYTHON) -m pytest -m exhaustive $(ARGS)

mutate: setup-dev ## Alter the code of consequence thing by thing: which test notices? ARGS="--minutes 10 'pricing.rule*'"
	@exec $(VENV_PYTHON) -m tests.mutation $(ARGS)

client: setup ## Make TypeScript types of every window in build/client, and compile them; needs node
	@command -v npm >/dev/null || { echo 'node is missing. Install it: apt-get install nodejs npm (as root)' >&2; exit 1; }
	@$(CHECK_SETTINGS) $(VENV_PYTHON) -W ignore manage.py openapi --folder build/client
	@cd build/client && npm install --silent --no-audit --no-fund --no-save openapi-typescript@7 typescript@5
	@cd build/client && for one in *.json; do \
		case $$one in package*) continue;; esac; node_modules/.bin/openapi-typescript $$one -o $${one%.json}.ts || exit 1; done
	@cd build/client && node_modules/.bin/tsc --noEmit --strict *.ts && echo 'build/client: every client compiles'

lock: setup ## Resolve requirements/*.txt again from pyproject.toml
	echo uv | $(UV_COMPILE) - -o requirements/uv.txt
	$(UV_COMPILE) pyproject.toml --group embedded -o requirements/run.txt
	$(UV_COMPILE) pyproject.toml --group embedded --group test --group check --group browser \
		-c requirements/run.txt -o requirements/dev.txt

clean: ## Remove .venv, caches and the embedded data; refuses while something runs
	@$(PYTHON) -m circletel.embedded idle
	@rm -rf mutants .venv .run .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage htmlcov \
		test-results staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	$(INSTALL) run

setup-dev:
	$(INSTALL) dev
