# `make dev` and `make test` do all set-up themselves. What they need and install: scripts/versions.

# Node 22 from npm before the machine's own.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.NOTPARALLEL:
.PHONY: help setup setup-tests tracker release-tracker size build dev test test-style test-rules test-simulation \
	test-tracker test-api setup-fuzz fuzz fuzz-parsers setup-bench bench bench-tracker simulate crash-test restore-drill \
	upgrade-fixture command deploy clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile | expand -t 24

setup: ## install what building and serving need
	@scripts/setup

setup-tests: ## and what the tests need
	@scripts/setup tests

setup-bench: ## and what the benchmarks need
	@scripts/setup bench

tracker: setup ## the tracker's files and the API's document, which the Worker's crate carries: it does not compile without them
	@scripts/with-wasm scripts/build-tracker
	@node scripts/build-openapi.mjs

release-tracker: tracker ## keep the tracker's present files served for good (NAME=…)
	@test -n "$(NAME)" || { echo 'error: make release-tracker NAME=2026-11-21'; exit 1; }
	@mkdir tracker/releases/$(NAME)
	@cp tracker/dist/tracker.*.js tracker/dist/core.*.js tracker/dist/fallback.*.js tracker/releases/$(NAME)/

size: tracker ## what the tracker weighs, against its budgets (PEERS=1: beside others; WRITE=1: both into docs/)
	@echo '==> size: the tracker against its budgets'
	@node scripts/size.mjs $(if $(PEERS),--peers) $(if $(WRITE),--write)

build: tracker ## the tracker, then the Worker
	@scripts/with-wasm scripts/build-worker

dev: build ## serve on 127.0.0.1 with a demo program (PORT=8787, STATE_DIR=.dev)
	@exec node scripts/dev.mjs

test: test-style size test-rules test-simulation test-tracker test-api ## everything below

test-style: setup-tests tracker ## formatting and lints
	@echo '==> style: rustfmt and clippy'
	@cargo fmt --check
	@cargo clippy --quiet --workspace --all-targets -- -D warnings

test-rules: setup-tests tracker ## native tests: rules, command line
	@echo '==> rules: native tests, and the arithmetic of the worked cases'
	@node scripts/recompute-worked-cases.mjs
	@cargo test --quiet --workspace --exclude simulation
	@cargo test --quiet --manifest-path fuzz/Cargo.toml

# So many seeds, from the first one on.
SEEDS ?= 10000

test-simulation: setup-tests ## shard and ledger in a world that fails, by seed; and that every breakage is found
	@echo '==> simulation: breakages that must be found, then $(SEEDS) seeds'
	@cargo test --quiet --profile simulation --package simulation
	@cargo run --quiet --profile simulation --package simulation -- --seeds $(SEEDS)

simulate: setup ## seeds alone (SEEDS=10000); one with its whole trace: SEED=…
	@cargo run --quiet --profile simulation --package simulation -- $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

test-tracker: setup-tests ## the tracker's crate in Chromium
	@echo '==> tracker: tests in Chromium'
	@cd tracker && ../scripts/with-wasm cargo test --package tracker --target wasm32-unknown-unknown

command: setup ## the command line, for its tests
	@cargo build --quiet --package clickledger

test-api: setup-tests build command ## against workerd, D1, Durable Objects and Chromium
	@echo '==> api: tests against the real runtime'
	@node --disable-warning=ExperimentalWarning --test --test-reporter=spec --test-concurrency=2 'tests/**/*.test.mjs'

crash-test: setup-tests build ## the runtime killed 100 times under load: nothing acknowledged lost or counted twice
	@echo '==> crash: 100 kills under load'
	@KILLS=$${KILLS:-100} node --disable-warning=ExperimentalWarning --test --test-reporter=spec tests/crash/crash.test.mjs

fuzz: setup-tests build ## every kind of call that the OpenAPI document allows or forbids (SEED=1, EXAMPLES=40 of each operation)
	@SEED=$(or $(SEED),1) EXAMPLES=$(or $(EXAMPLES),40) PHASES=examples,coverage,fuzzing,stateful \
		node --disable-warning=ExperimentalWarning --test --test-reporter=spec tests/fuzz/document.test.mjs

restore-drill: setup-tests build ## back to an earlier state of the database, step by step (CUSTOMERS=100)
	@echo '==> restore: exported, wiped, restored, and taken up again'
	@CUSTOMERS=$(or $(CUSTOMERS),100) node --disable-warning=ExperimentalWarning --test --test-reporter=spec \
		tests/restore/drill.test.mjs

upgrade-fixture: setup-tests build ## the state of this version, which the next one's upgrade test begins with: at each release
	@node --disable-warning=ExperimentalWarning tests/upgrade/make_fixture.mjs

# Nothing is asked in a dry run; ENV is then both unless it is said.
deploy: build command ## to Cloudflare (ENV=production or staging); DRY_RUN=1: list everything, ask no account (URL=…)
	@node scripts/deploy/main.mjs $(if $(DRY_RUN),--dry-run) $(ENV)

setup-fuzz: ## and what fuzzing of parsers needs
	@scripts/setup fuzz

fuzz-parsers: setup-fuzz ## the parsers of outside bytes under libFuzzer, each for TIME=60 seconds (TARGET=…: one of them)
	@scripts/fuzz-parsers $(or $(TIME),60) $(TARGET)

bench: setup-bench build ## speed and rows written, beside a bare Worker (SECONDS=3, ROUNDS=3, WRITE=1: into docs/)
	@scripts/with-wasm scripts/build-worker bench/reference
	@node bench/run.mjs --seconds $(or $(SECONDS),3) --rounds $(or $(ROUNDS),3) $(if $(WRITE),--write)

bench-tracker: setup-tests build ## the tracker's time on the main thread, from the browser's own trace (LOADS=20, WRITE=1)
	@node bench/tracker.mjs --loads $(or $(LOADS),20) $(if $(WRITE),--write)

clean: ## what was built here; the tools in the user's cache and the state of make dev stay
	@rm -rf target node_modules bench/peers/node_modules worker/build bench/reference/build tracker/dist fuzz/target fuzz/corpus \
		docs/openapi/openapi.json
