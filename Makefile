# Every task of this repository. Each sets up what it needs; `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Set, it makes every start of Python two to three times slower.
unexport PYTHONDONTWRITEBYTECODE

# Tests and hooks call the tools by their names.
TOOLS := PATH="$(CURDIR)/.venv/bin:$$PATH"
UV := '$(CURDIR)/.venv/bin/uv' pip
SYNC := VIRTUAL_ENV='$(CURDIR)/.venv' $(UV) sync --quiet --compile-bytecode requirements/uv.txt
COMPILE := $(UV) compile --quiet --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

# The ground's own environment: what declares it pins what the tests' tools need in another version.
# Its Node comes first on PATH, so none has to be installed.
GROUND := PYTHONPATH=infra '$(CURDIR)/.venv/infra/bin/python' -m ground $(if $(FILE),--file '$(FILE)')
INFRA := <<cookiecutter.project>>/requirements/infra.txt

# Tests at once: conftest.py says which of them follow one another.
BESIDE := 2

# A deployer that is killed, whatever its target: among others an apply of terraform.
KILLED := test_one_killed_at_any_instant_leaves_what_the_next_one_finishes

.PHONY: help demo test check bench torture fuzz ground ground-plan ground-project ground-backup ground-restore ground-destroy lock ci clean

demo: .venv/bake ## Bake a project into demo/ and close its loop: DEV, UAT, PROD, and PROD back; TARGET=docker or terraform
	@.venv/bin/python demo.py $(if $(TARGET),--target '$(TARGET)')

test: .venv/dev ## Run all tests: the hooks, the template's own code unbaked, and a baked repository
	@$(TOOLS) pytest -rs -n $(BESIDE) --dist loadfile

check: .venv/dev ## Format, lint, type-check, and look for secrets and large files
	@$(TOOLS) pre-commit run --all-files

bench: .venv/dev ## Measure speed and size, and print each figure beside its bound
	@$(TOOLS) python -m bench

torture: .venv/dev ## Kill releases, deployments, promotions and rollbacks 200 times, applies of terraform 50; SEED=n repeats a run
	@TORTURE=200 INSTANTS=50 $(if $(SEED),SEED='$(SEED)') $(TOOLS) pytest -rP tests/test_torture.py \
		tests/infra/test_ground_survives.py \
		'<<cookiecutter.project>>/tests/gitops/target/test_deployer.py::$(KILLED)'

fuzz: .venv/dev ## Ask a service 100,000 mutated requests, and crash it 20 times a way; SEED=n repeats a run
	@FUZZ=100000 CRASHES=20 $(if $(SEED),SEED='$(SEED)') $(TOOLS) pytest -rP \
		'<<cookiecutter.project>>/tests/serving/'test_fuzz.py \
		'<<cookiecutter.project>>/tests/serving/'test_wire.py \
		'<<cookiecutter.project>>/tests/serving/'test_crash.py

ground: .venv/infra/ready ## Set up the platform that projects share on an engine, or bring it up to date; FILE=<toml>
	@$(GROUND) up

ground-plan: .venv/infra/ready ## Show what `make ground` would change
	@$(GROUND) plan || [ $$? = 2 ]

ground-project: .venv/infra/ready ## Give the project NAME=<name> its bucket, users and database there
	@$(GROUND) project "$${NAME:?NAME=<name> says whose}"

ground-backup: .venv/infra/ready ## Copy all that it keeps into the new folder TO=<folder>
	@$(GROUND) backup "$${TO:?TO=<folder> says where}"

ground-restore: .venv/infra/ready ## Bring it back, FROM=<folder>, where no ground is
	@$(GROUND) restore "$${FROM:?FROM=<folder> says what}"

ground-destroy: .venv/infra/ready ## Remove it with all its data; asks first; FORCE=1 does not, and whatever projects store
	@$(GROUND) destroy $(if $(FORCE),--force)

lock: .venv/bake ## Renew the locked requirements, here and in the template
	@for folder in '<<cookiecutter.project>>/requirements' requirements; do \
		for name in "$$folder"/*.in; do \
			echo "$$name"; $(COMPILE) "$$name" -o "$${name%in}txt" || exit 1; \
		done; \
	done

ci: ## Install what a fresh machine lacks, then check, demo and test, as .ci/run does
	@.ci/run

clean: ## Remove the environment, the demo and all caches
	@rm -rf .venv demo .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

# Made anew from the locks: an interrupted set-up leaves no stamp, so the next one starts clean.
# Baking needs one tool; its users do not wait for the rest.
.venv/bake: requirements/uv.txt requirements/bake.txt
	@python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make: Python 3.11 or newer with venv is needed, and python3 is $$(python3 --version 2>&1): install python3 and python3-venv" >&2; exit 1; }
	@echo 'Setting up .venv'
	@python3 -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/uv.txt
	@$(SYNC) requirements/bake.txt
	@touch $@

.venv/infra/ready: .venv/bake $(INFRA)
	@echo 'Installing what declares infrastructure'
	@python3 -m venv --clear .venv/infra
	@VIRTUAL_ENV='$(CURDIR)/.venv/infra' $(UV) sync --quiet --compile-bytecode '$(INFRA)'
	@touch $@

.venv/dev: .venv/bake requirements/dev.txt
	@echo 'Installing the development tools'
	@$(SYNC) requirements/dev.txt
	@touch $@
