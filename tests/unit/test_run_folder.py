"""Run folders: a new one each time, private, and found again under `latest`."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from lab.core import run_folder
from lab.core.errors import LabError
from lab.core.run_folder import entries_of, new_run_folder

NOW = datetime(2026, 5, 4, 13, 7, 9)


def test_run_folder_is_named_after_its_time_and_what_runs_and_is_private(tmp_path):
    folder = new_run_folder(tmp_path / "runs", "crash", now=NOW)
    assert folder == tmp_path / "runs" / "20260504-130709-crash"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_run_folders_of_one_second_get_numbers_until_there_are_too_many(tmp_path):
    names = [new_run_folder(tmp_path, "crash", now=NOW).name for _ in range(99)]
    assert names[1:3] == ["20260504-130709-crash-2", "20260504-130709-crash-3"]
    assert len(set(names)) == 99
    with pytest.raises(LabError, match="too many runs started in this second"):
        new_run_folder(tmp_path, "crash", now=NOW)


def test_latest_points_to_the_newest_run_that_may_be_found(tmp_path):
    new_run_folder(tmp_path, "first", now=NOW)
    second = new_run_folder(tmp_path, "second", now=NOW)
    new_run_folder(tmp_path, "constants", latest=False, now=NOW)
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_empty_folders_are_discarded_and_latest_is_what_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_made", [])
    kept = new_run_folder(tmp_path, "kept", now=NOW)
    (kept / "result.json").write_text("{}")
    empty = new_run_folder(tmp_path, "empty", now=NOW)
    (empty / "crash" / "logs").mkdir(parents=True)
    run_folder.discard_empty()
    assert not empty.exists()
    assert (tmp_path / "latest").resolve() == kept.resolve()
    assert run_folder.newest() == kept


def test_discarding_the_first_run_leaves_no_latest(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_made", [])
    new_run_folder(tmp_path, "empty", now=NOW)
    run_folder.discard_empty()
    assert list(tmp_path.iterdir()) == []


def test_discarding_leaves_a_latest_that_another_lab_has_moved(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_made", [])
    new_run_folder(tmp_path, "empty", now=NOW)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("theirs")
    run_folder.discard_empty()
    assert (tmp_path / "latest").resolve() == (tmp_path / "theirs").resolve()


def test_latest_that_is_a_folder_of_the_users_stays_theirs(tmp_path):
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "notes.txt").write_text("mine")
    folder = new_run_folder(tmp_path, "crash", now=NOW)
    assert (tmp_path / "latest" / "notes.txt").read_text() == "mine"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300, "nul\0", "a/b"])
def test_run_folder_that_cannot_be_made_is_refused_with_what_to_do(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="choose another --out"):
        new_run_folder(tmp_path / "file", name, now=NOW)


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("below", ["", "more/runs"])
def test_folder_that_is_a_link_to_nothing_is_said(tmp_path, below):
    link = tmp_path / "lab-runs"
    link.symlink_to("nowhere")
    with pytest.raises(LabError, match=r"lab-runs is a link to nowhere, which is not a folder"):
        new_run_folder(link / below, "crash")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: root.symlink_to("nowhere"), "lab-runs is a link to nowhere"),
        (
            lambda root: root.symlink_to(root.name),
            "which does not lead to a folder",
        ),
        (lambda root: root.write_text(""), "it is a file: move it away"),
        (lambda root: root.symlink_to(__file__), "which is not a folder: remove the link"),
        (lambda root: root.mkdir(mode=0o000), "permission denied"),
    ],
    ids=["to nothing", "to itself", "a file", "to a file", "no permission"],
)
def test_folder_of_runs_that_cannot_be_read_says_why(tmp_path, make, words):
    root = tmp_path / "lab-runs"
    make(root)
    if root.is_dir() and os.access(root, os.R_OK):
        pytest.skip("root reads everything")
    for below in (root, root / "more") if root.is_symlink() else (root,):
        with pytest.raises(LabError, match=words) as raised:
            entries_of(below)
        assert "choose another --out" in str(raised.value)


def test_folder_of_runs_that_is_not_there_yet_is_empty(tmp_path):
    assert entries_of(tmp_path / "none" / "yet") == []


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("mode", "is_refused"), [(0o777, True), (0o1777, True), (0o775, False)])
def test_folder_of_runs_that_every_user_may_write_is_refused(tmp_path, mode, is_refused):
    runs = tmp_path / "runs"
    runs.mkdir()
    runs.chmod(mode)
    if not is_refused:
        assert new_run_folder(runs, "crash").is_dir()
        return
    with pytest.raises(LabError, match=r"every user may write in .*a folder of your own"):
        new_run_folder(runs, "crash")
    assert list(runs.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("mode", "is_refused"), [(0o777, True), (0o1777, False)])
def test_folder_above_that_every_user_may_change_is_refused(tmp_path, mode, is_refused):
    above = tmp_path / "shared"
    above.mkdir()
    above.chmod(mode)  # with 1000, as /tmp: what is there belongs to who made it
    for runs in (above / "runs", above / "new" / "runs"):
        if is_refused:
            with pytest.raises(LabError, match="could put something else in its place"):
                new_run_folder(runs, "crash")
        else:
            assert new_run_folder(runs, "crash").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="owners of POSIX")
def test_folder_or_link_of_another_user_is_refused(tmp_path, monkeypatch):
    for name in ("theirs", "theirs/runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs" / "runs")
    is_root, mine = os.geteuid() == 0, os.geteuid()
    if is_root:
        for name in ("theirs", "theirs/runs", "link"):
            os.chown(tmp_path / name, 65534, 65534, follow_symlinks=False)
    else:
        monkeypatch.setattr(run_folder.os, "geteuid", lambda: mine + 1)
    for name in ("theirs/runs", "link"):
        with pytest.raises(LabError, match=r"is another user's, and could put"):
            new_run_folder(tmp_path / name, "crash")
    assert list((tmp_path / "theirs" / "runs").iterdir()) == []
    if is_root:  # as in a container: a folder of its own below one of another user's
        assert new_run_folder(tmp_path / "theirs" / "new", "crash").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_disk_without_rights_is_used_as_it_is(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    runs.mkdir()
    runs.chmod(0o777)
    mkdir = Path.mkdir

    def mkdir_of_a_usb_stick(self, mode=0o777, **how):
        mkdir(self, mode, **how)
        self.chmod(0o777)

    monkeypatch.setattr(Path, "mkdir", mkdir_of_a_usb_stick)
    assert new_run_folder(runs, "crash").is_dir()
