#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# Runs some of CPython's own suites and writes how each of their cases ended, one line each:
#
#	suite.py RESULTS SUITE[,SUITE...] [CASE...]
#
# CASEs are shell patterns; one that begins with "-" takes out what the others let in. What the
# suites print themselves goes where it likes. A case that takes ten minutes is a hang: the program
# says where it hangs, and ends.
import faulthandler
import fnmatch
import sys
import time
import unittest

from test import support
from test.support import os_helper, threading_helper

HANG = 600


class Result(unittest.TextTestResult):
    """How each case ended: the worst of what it and its subtests had to say."""

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(HANG, exit=True)
        self.end = None
        self.start = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.write(test, self.end or "ok", time.monotonic() - self.start)

    def write(self, test, end, took=0):
        self.results.write(f"{test.id().removeprefix('test.')} {end}\t{took:.2f}\n")

    def settle(self, test, end):
        """A class or module whose preparation fails stands for all of its cases."""
        if isinstance(test, unittest.suite._ErrorHolder):
            self.write(test, end)
        else:
            self.end = end

    def addSubTest(self, test, subtest, outcome):
        super().addSubTest(test, subtest, outcome)
        if outcome:
            self.end = "failed"

    def addError(self, test, error):
        super().addError(test, error)
        self.settle(test, "failed")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.settle(test, "failed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.end is None or isinstance(test, unittest.suite._ErrorHolder):
            self.settle(test, "skipped")

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.end = "failed, as expected"

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.end = "ok, unexpectedly"


def some_of(tests, wanted, unwanted):
    """The cases that were asked for, classes and modules left together."""
    chosen = unittest.TestSuite()
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            chosen.addTest(some_of(test, wanted, unwanted))
            continue
        name = test.id().removeprefix("test.")
        if any(fnmatch.fnmatch(name, p) for p in wanted) and \
                not any(fnmatch.fnmatch(name, p) for p in unwanted):
            chosen.addTest(test)
    return chosen


def main(path, suites, cases):
    wanted = [c for c in cases if c[0] != "-"] or ["*"]
    unwanted = [c[1:] for c in cases if c[0] == "-"]
    support.verbose = True
    support.use_resources = []
    with open(path, "w", buffering=1) as results, os_helper.temp_cwd():
        Result.results = results
        threads = threading_helper.threading_setup()
        tests = unittest.TestSuite()
        for suite in suites:
            try:
                tests.addTest(unittest.defaultTestLoader.loadTestsFromName("test." + suite))
            except unittest.SkipTest:
                results.write(f"{suite} skipped\t0\n")
        runner = unittest.TextTestRunner(resultclass=Result, verbosity=2)
        runner.run(some_of(tests, wanted, unwanted))
        threading_helper.threading_cleanup(*threads)
        support.reap_children()
        results.write("all\t0\n")


# Not in the processes that the suites start, which may read this file again.
if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), sys.argv[3:])
