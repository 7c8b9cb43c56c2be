"""A restart knows the instructor again, from a file that nobody else can read or write."""

import hmac
import os

import msgspec
import pytest

from lab.console.guard import Guard
from lab.console.kept_rights import RIGHTS_FILE, KeptRights, keep_rights, kept_rights
from lab.core.run_folder import KEPT_S

ORIGIN = "http://127.0.0.1:8000"
SECRET = "s" * 43


@pytest.fixture
def kept(tmp_path):
    rights = KeptRights(SECRET)
    keep_rights(tmp_path, rights, 8123)
    return tmp_path


def when(root, after_s=0.0):
    return (root / RIGHTS_FILE).lstat().st_mtime + after_s


def test_rights_and_port_are_found_again(kept):
    assert kept_rights(kept, when(kept)) == KeptRights(SECRET, 8123)
    if os.name == "posix":
        assert (kept / RIGHTS_FILE).stat().st_mode & 0o777 == 0o600


def proof_of(guard, key):
    """What a browser with the key sends to this lab."""
    return hmac.digest(key.encode(), f"page {guard.life}".encode(), "sha256").hex()


def test_browser_with_the_key_is_the_instructors_in_each_lab_and_its_browsers_are_known(kept):
    before, after = (Guard(ORIGIN, "x", kept_rights(kept, when(kept)).secret) for _ in range(2))
    assert before.key == after.key == SECRET
    assert before.proves(proof_of(before, SECRET)) and after.proves(proof_of(after, SECRET))
    assert not after.proves(proof_of(after, "t" * 43))
    assert after.new_browser() != before.new_browser()
    request = type("Request", (), {"headers": {}, "cookies": {}, "method": "GET"})()
    request.cookies = {before.browser_cookie_name: before.new_browser()}
    assert after.watcher_of(request).id
    assert not Guard(ORIGIN, "x").watcher_of(request).id  # another folder's lab


def test_no_secret_that_a_browser_sent_to_the_lab_before_gives_rights_in_this_one(kept):
    """While no lab runs, another user's program may have the port, and be sent all of it."""
    before, after = (Guard(ORIGIN, "x", kept_rights(kept, when(kept)).secret) for _ in range(2))
    assert not after.proves(proof_of(before, SECRET))
    request = type("Request", (), {"headers": {}, "cookies": {}, "method": "GET"})()
    for sent in (before.cookie_value, proof_of(before, SECRET), before.life, SECRET):
        request.cookies = {after.cookie_name: sent}
        assert not after.is_instructor(request)
    request.cookies = {after.cookie_name: after.cookie_value}
    assert after.is_instructor(request)


def test_new_folder_has_new_rights_each_time(tmp_path):
    one, other = kept_rights(tmp_path), kept_rights(tmp_path)
    assert one != other and one.port == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("after_s", [KEPT_S + 1, -10])
def test_rights_end_after_a_day_and_do_not_come_from_the_future(kept, after_s):
    assert kept_rights(kept, when(kept, after_s)).secret != SECRET
    assert kept_rights(kept, when(kept, KEPT_S - 1)).secret == SECRET


def as_json(**fields):
    return msgspec.json.encode(fields)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"\xff", b"null", b"[" * 900, b" " * 2000),
        as_json(secret=""),
        as_json(secret="short", port=1),
        as_json(secret=7, port=1),
        as_json(secret="s" * 42 + "\n", port=1),
        as_json(secret=SECRET, port=70_000),
        as_json(secret=SECRET, port=-1),
        as_json(secret=SECRET, port="8000"),
    ],
)
def test_damaged_file_gives_no_rights(kept, data):
    (kept / RIGHTS_FILE).write_bytes(data)
    found = kept_rights(kept, when(kept))
    assert found.secret != SECRET and len(found.secret) == 43 and found.port == 0


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_file_of_others_gives_no_rights(kept, tmp_path):
    file = kept / RIGHTS_FILE
    for mode in (0o644, 0o660, 0o602):
        file.chmod(mode)
        assert kept_rights(kept, when(kept)).secret != SECRET
    file.chmod(0o600)
    elsewhere = tmp_path / "elsewhere.json"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert kept_rights(kept, when(kept)).secret != SECRET
    keep_rights(kept, KeptRights("t" * 43), 1)  # replaces the link, not what it leads to
    assert SECRET in elsewhere.read_text()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert kept_rights(kept, when(kept)).secret != SECRET  # and does not wait for a writer


def test_folder_that_cannot_be_written_is_no_error(tmp_path):
    keep_rights(tmp_path / "missing", KeptRights(SECRET), 1)
