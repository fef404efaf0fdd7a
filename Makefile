# What a person does with a checkout. Everything missing is installed first; see tools/bootstrap.

SHELL := /bin/bash
TEST := build/test
# Most tests wait for processes of theirs: two of them leave two cores idle for half of the time.
PROCESSES := 3
# A file at a time, in their order: those of few tests, which take longest, are not left for the end.
FILES := --dist loadfile --no-loadscope-reorder

.PHONY: help demo test lint bench docs pictures package clean

help:
	@echo 'make demo            every service in one process, with guests to look at; Ctrl-C ends it'
	@echo 'make test            all tests; ARGS="-k name" is handed to pytest'
	@echo 'make lint            style, types and the walls between the rooms'
	@echo 'make bench           figures of the data plane beside its peers; QUICK=1 takes 3 minutes'
	@echo 'make docs            the documentation, in build/html'
	@echo 'make pictures        the guide'"'"'s pictures anew, of the running system'
	@echo 'make package         a wheel and an sdist, in dist'
	@echo 'make clean           forget this checkout'"'"'s environments; the cache stays'

demo:
	@tools/demo

test: $(TEST)
	@tools/pages
	@tools/keystone >/dev/null
	@tools/bootstrap docs
	@$(TEST)/bin/python -m pytest -n $(PROCESSES) $(FILES) $(ARGS)

lint: $(TEST)
	@$(TEST)/dependencies/bin/ruff check .
	@$(TEST)/dependencies/bin/mypy
	@$(TEST)/dependencies/bin/lint-imports
	@tools/check-words

bench: $(TEST) build/loadgen
	@tools/pages
	@$(TEST)/bin/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

LOADGEN := $(wildcard benchmarks/loadgen/*.c)
build/loadgen: $(LOADGEN) benchmarks/loadgen/loadgen.h
	@tools/peers generator
	@gcc -O2 -Wall -Wextra -std=c11 -D_GNU_SOURCE -o $@ $(LOADGEN) -lssl -lcrypto

docs:
	@tools/bootstrap docs
	@tools/docs

pictures: $(TEST)
	@tools/pages
	@$(TEST)/bin/python -m pytest -q tests/e2e/pictures.py

package: $(TEST)
	@tools/pages
	@tools/samples
	@rm -rf dist
	@$(TEST)/bin/python -m build

# Not a file's rule: tools/bootstrap itself knows what is up to date.
.PHONY: $(TEST)
$(TEST):
	@tools/bootstrap test

clean:
	rm -rf build consoles/web/vendor consoles.egg-info node_modules \
		doc/source/reference etc/consoles/*.sample dist
