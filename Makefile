# The commands of this project. `make` alone lists them.
# Any Python from 3.9 on: make test PYTHON=/path/to/python3
# More Pythons for the matrix: make matrix PYTHONS=/folder/with/them

PYTHON = python3
BLEAK_OLDEST = 0.22.3
OUTPUT_NEEDS = paho-mqtt prometheus-client rich tomli matplotlib
TEST_NEEDS = pyserial==3.5 pytest pytest-timeout pytest-xdist hypothesis coverage nagiosplugin \
	setuptools $(OUTPUT_NEEDS) line-protocol-parser $(MAN_NEEDS)
LINT_NEEDS = ruff==0.17.6 mypy==2.4.1 types-pyserial types-setuptools bleak $(OUTPUT_NEEDS)
MAN_NEEDS = argparse-manpage==4.8 shtab==1.13.0
DIST_NEEDS = build twine check-wheel-contents
SEEDS = 1000
SAMPLES = 100000
BLUETOOTH = 10000

export PYTHONS

.PHONY: help demo system test coverage faults soak lint matrix bench man dist-check clean

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile

demo:  ## read an emulated pack; needs nothing but Python
	@$(PYTHON) daly-bms-cli.py -d demo: --all

system:  ## install what the tests need of the system (root or sudo, apt)
	@sh .ci/system $(PYTHON)

test:  ## run all tests
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@sh .ci/tests .venv/test

coverage:  ## measure that every branch of protocols/ and of the request loop is tested
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@.venv/test/bin/python -m coverage run -m pytest -k "not process and not monitoring and not bluetooth"
	@.venv/test/bin/python -m coverage report --include "dalybms/protocols/*,dalybms/link.py,dalybms/wire.py,dalybms/exchange.py,dalybms/listener.py,dalybms/pace.py,dalybms/budget.py" --fail-under 100

faults:  ## run the seeded fault tests in full (SEEDS=1000)
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@DALY_SEEDS=$(SEEDS) sh .ci/tests .venv/test --timeout 3600 -k fault

soak:  ## watch boards for years in fast time, with faults (SAMPLES=100000 BLUETOOTH=10000; half an hour)
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@.venv/test/bin/python tests/soak.py $(SAMPLES) $(BLUETOOTH)

lint:  ## check style, format and types
	@sh .ci/venv .venv/lint $(PYTHON) $(LINT_NEEDS)
	@.venv/lint/bin/ruff check .
	@.venv/lint/bin/ruff format --check --quiet .
	@.venv/lint/bin/mypy

matrix:  ## run all tests on every Python from 3.9 to 3.15 that is found
	@sh .ci/matrix $(PYTHON) $(BLEAK_OLDEST) $(TEST_NEEDS)

bench:  ## measure speed and cost beside dalybms 0.5.0 (BENCH_QUICK=1: a short run)
	@sh .ci/venv .bench/upstream $(PYTHON) pyserial==3.5 dalybms==0.5.0
	@sh .ci/venv .bench/ours $(PYTHON) pyserial==3.5
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@rm -rf build
	@.bench/ours/bin/python -m pip install -qq --disable-pip-version-check --force-reinstall --no-deps .
	@$(PYTHON) bench/bench.py

man:  ## make man page and completion anew from the parsers (Python 3.11)
	@sh .ci/venv .venv/test $(PYTHON) $(TEST_NEEDS) bleak
	@.venv/test/bin/python contrib/make_man.py

dist-check:  ## build the packages, check them and run what they install
	@sh .ci/venv .venv/dist $(PYTHON) $(DIST_NEEDS)
	@rm -rf build dist .venv/wheel
	@.venv/dist/bin/python -m build . > .venv/dist/build.log 2>&1 || { cat .venv/dist/build.log; exit 1; }
	@.venv/dist/bin/twine check --strict dist/*
	@.venv/dist/bin/check-wheel-contents dist/*.whl
	@sh .ci/venv .venv/wheel $(PYTHON) dist/*.whl
	@cd .venv && wheel/bin/daly-bms-cli -d demo: --all
	@cd .venv/wheel/share && ls man/man1/daly-bms-cli.1 bash-completion/completions/daly-bms-cli \
		zsh/site-functions/_daly-bms-cli fish/vendor_completions.d/daly-bms-cli.fish

clean:  ## remove everything that these commands made
	@rm -rf build dist .venv .matrix .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* *.egg-info
