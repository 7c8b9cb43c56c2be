"""A check of a service that does not start: nothing was cut short, and it does not say so."""

from pathlib import Path

import pytest

from lab.check.budget import Budget
from lab.check.checker import bounded
from lab.check.document import document
from lab.check.judge import Level, Report
from lab.check.launcher import DidNotStart
from lab.check.page import check_page
from lab.check.reasons import no_success
from lab.check.render import explain
from lab.check.start import Start
from lab.cli.check_report import show
from lab.core.http import Answer

WHY = "the service did not listen on port 5000 within 2 s: give it longer with --wait 60s"


def stopped_by(error, requests):
    """Return the report of a check that ends with this error after so many requests."""

    def run():
        raise error

    return bounded(run, Report(Level.UNKNOWN, "too early"), Budget(requests=requests))


def texts_of(report, capsys):
    """Return what the terminal shows, and the page."""
    show(report, Start("false {port}"), Path("run"))
    page = check_page(document(report, explain(report)))
    return capsys.readouterr().out, page


def test_service_that_did_not_start_was_not_cut_short(capsys):
    said, page = texts_of(stopped_by(DidNotStart(WHY), 0), capsys)
    assert WHY in said and "Cut short" not in said
    assert page.banners == ()
    assert "was run once" not in str(page.sections)
    assert "did not start, so nothing was asked. 0 requests" in str(page.sections)
    assert WHY not in str(page.sections)  # it stands above, once
    assert page.found[0][1] == WHY


@pytest.mark.parametrize("error", [DidNotStart(WHY), KeyboardInterrupt()], ids=repr)
def test_check_that_had_begun_was_cut_short(error, capsys):
    said, page = texts_of(stopped_by(error, 7), capsys)
    assert "Cut short" in said
    assert len(page.banners) == 1
    assert "7 requests" in str(page.sections)


def test_check_that_is_interrupted_before_its_first_request_was_cut_short(capsys):
    said, page = texts_of(stopped_by(KeyboardInterrupt(), 0), capsys)
    assert "Cut short" in said
    assert len(page.banners) == 1


@pytest.mark.parametrize(("count", "said"), [(1, "500 (1 time);"), (2, "500 (2 times);")])
def test_answers_without_a_success_are_counted(count, said):
    answers = [Answer(status=500) for _ in range(count)]
    assert said in no_success(answers, None, "the log")
