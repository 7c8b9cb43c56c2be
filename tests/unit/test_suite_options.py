"""The options of the pytest plugin: refused with what to write, before anything starts."""

import sys
import tomllib
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.check.suite import plugin
from lab.check.suite.service import SuiteOptions

GIVEN = {
    "lab_check": f"{sys.executable} {{port}}",
    "lab_env": [],
    "lab_url_env": [],
    "lab_port": 0,
    "lab_processes": 3,
    "lab_ready": None,
    "lab_wait": "20s",
    "lab_reset": None,
}


def options(**given):
    parameters = SimpleNamespace(dir=Path("/somewhere"))
    config = SimpleNamespace(
        known_args_namespace=Namespace(**GIVEN | given), invocation_params=parameters
    )
    return SuiteOptions.of(config)


def test_options_say_how_the_service_is_started():
    found = options(lab_env=["PORT={port}", "A=b=c"], lab_url_env=["BASE_URL"], lab_ready="/up")
    assert found.start.env == {"PORT": "{port}", "A": "b=c"}
    assert (found.start.cwd, found.start.ready) == (Path("/somewhere"), "/up")
    assert found.variables == ("LAB_URL", "BASE_URL")


@pytest.mark.parametrize(("text", "wait_s"), [("500ms", 0.5), ("60", 60), ("5min", 300)])
def test_wait_is_written_as_every_duration(text, wait_s):
    assert options(lab_wait=text).start.ready_s == wait_s


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lab_check": "flask run"}, "neither --lab-check nor --lab-env has {port}"),
        ({"lab_check": "no-such-program {port}"}, "--lab-check .*no such program"),
        ({"lab_check": ""}, "--lab-check"),
        ({"lab_check": "'{port}"}, "--lab-check"),
        ({"lab_env": ["PORT"]}, "write NAME=VALUE"),
        ({"lab_env": ["1=2"]}, "write NAME=VALUE"),
        ({"lab_url_env": ["a b"]}, "name of a variable"),
        ({"lab_processes": 1}, "give 2 to 16"),
        ({"lab_processes": 17}, "give 2 to 16"),
        ({"lab_port": 70000}, "give a port"),
        ({"lab_port": -1}, "give a port"),
        ({"lab_ready": "up"}, "begin it with /"),
        ({"lab_wait": "soon"}, "--lab-wait 'soon': give a duration"),
        ({"lab_wait": "0"}, "--lab-wait '0': give at least 1ms"),
    ],
)
def test_wrong_options_are_refused(given, said):
    with pytest.raises(pytest.UsageError, match=said):
        options(**given)


def test_plugin_is_an_entry_point_of_the_package():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    (name,) = project["project"]["entry-points"]["pytest11"].values()
    assert import_module(name) is plugin
