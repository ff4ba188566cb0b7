"""How run-tests counts: what cmocka says, programs that break off, pytest's report."""

import importlib.machinery
import importlib.util
import pathlib
import sys

import pytest

PATH = pathlib.Path(__file__).resolve().parents[2] / "tools/run-tests"


@pytest.fixture(scope="module")
def runner():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("run_tests", str(PATH))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("output, ok, counted", [
    ("[  PASSED  ] 3 test(s).\n", True, (3, 0)),
    ("[  PASSED  ] 3 test(s).\n[  PASSED  ] 2 test(s).\n", True, (5, 0)),
    ("[  PASSED  ] 3 test(s).\n[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] a\n", False,
     (3, 2)),
    ("[  PASSED  ] 12 corpus files\n", True, (1, 0)),
    ("", True, (1, 0)),
    ("AddressSanitizer: heap-buffer-overflow\n", False, (0, 1)),
    ("[  PASSED  ] 3 test(s).\nLeakSanitizer: detected memory leaks\n", False, (3, 1)),
])
def test_program(runner, output, ok, counted):
    assert runner.count_program(output, ok) == counted


def test_ctest_report(runner, tmp_path):
    report = tmp_path / "ctest.xml"
    report.write_text('<testsuite><testcase name="a" status="run"><system-out>[  PASSED  ] 4 test(s).'
                      '</system-out></testcase><testcase name="b" status="fail"/>'
                      '<testcase name="c" status="notrun"/></testsuite>')
    assert runner.count_ctest(report) == (4, 2)


def test_pytest_report(runner, tmp_path):
    report = tmp_path / "pytest.xml"
    report.write_text('<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/>'
                      '</testcase><testcase name="c"><error/></testcase><testcase name="d"><skipped/>'
                      "</testcase></testsuite></testsuites>")
    assert runner.count_pytest(report) == (1, 2)


def test_runner_that_dies_counts_as_failed(runner, tmp_path):
    assert runner.run_counted("x", ["false"], tmp_path / "none.xml", runner.count_pytest) == (0, 1)
