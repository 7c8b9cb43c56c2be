"""A script is run again in every play, and its errors name its own lines."""

import pytest

from lab.check.conversation import recorded
from lab.check.sources.script import ScriptSource
from lab.check.sources.script_error import ScriptError
from lab.check.trace import Trace
from lab.core.errors import LabError
from lab.core.http import Answer, Headers


class Service:
    """Answers each call with the next number, and keeps what it was sent."""

    def __init__(self):
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        number = len(self.calls)
        headers = Headers([("Location", f"/made/{number}"), ("Set-Cookie", f"sid=s{number}")])
        return Answer(302, headers, b'{"token": "token-number-%d"}' % number)


def source(tmp_path, *lines):
    path = tmp_path / "talk.py"
    path.write_text("def script(http):\n" + "".join(f"    {line}\n" for line in lines))
    return ScriptSource(path)


def test_each_run_computes_from_what_it_is_given(tmp_path):
    talk = source(
        tmp_path,
        "import hashlib",
        'token = http.post("/login", json={"user": "ada"}).json()["token"]',
        'http.get("/me", headers={"X-Sum": hashlib.sha256(token.encode()).hexdigest()})',
    )
    service = Service()
    conversation = talk.record(service)
    conversation.script(service)
    sums = [dict(call.headers)["X-Sum"] for call in service.calls if call.method == "GET"]
    assert len(sums) == 2 and sums[0] != sums[1]


def test_whole_url_that_an_answer_gave_is_its_path(tmp_path):
    class Uploads(Service):
        def __call__(self, call):
            super().__call__(call)
            port = 5000 + len(self.calls)
            return Answer(201, Headers([("Location", f"http://127.0.0.1:{port}/files/1?a=b")]))

    lines = (
        'http.put(http.post("/files").headers["Location"])',
        "http.get('http://elsewhere/files')",
    )
    service = Uploads()
    source(tmp_path, lines[0]).record(service)
    assert recorded(service.calls[1].path) == "/files/1?a=b"
    with pytest.raises(LabError, match="give the path alone"):
        source(tmp_path, *lines).record(Uploads())


def test_watcher_of_a_script_speaks_like_requests(tmp_path):
    talk = source(
        tmp_path,
        'a = http.post("/a?x=1", params={"q": ["1 2", "3"]}, data={"n": "ü"}, auth=("u", "p"))',
        'assert a.headers["LOCATION"] == a.headers["location"] == "/made/1"',
        "assert a.status_code == a.status == 302 and a.content == a.text.encode()",
        'assert http.cookies["sid"] == "s1" and a.cookies["sid"] == "s1"',
        'http.put("/b", data=b"\\xff\\x00", headers={"Content-Type": "x/y"}, timeout=3)',
        'http.post("/c", files={"f": ("n.txt", b"hello")})',
        'http.get("/d", allow_redirects=True)',
    )
    service = Service()
    talk.record(service)
    first, second, third, *rest = service.calls
    assert recorded(first.path) == "/a?x=1&q=1+2&q=3" and recorded(first.body) == "n=%C3%BC"
    assert dict(first.headers)["Authorization"] == ("Basic dTpw",)
    assert recorded(second.body) == "\udcff\0" and len(second.headers) == 1
    assert "multipart/form-data" in dict(third.headers)["Content-Type"][0]
    assert "hello" in recorded(third.body)
    # Each answer redirects: it stops somewhere.
    assert len(rest) == 11 and recorded(rest[1].path) == "/made/4"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('assert http.get("/a").status_code == 200, "no"', 'talk.py:2: assert http.get("/a")'),
        ("assert False", "talk.py:2: assert False"),
    ],
)
def test_assertion_that_fails_is_reported_with_its_line(tmp_path, line, said):
    with pytest.raises(ScriptError) as caught:
        source(tmp_path, line).record(Service())
    assert caught.value.assertion and said in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('http.get("/a").json()["none"]', "talk.py:2: KeyError: 'none'"),
        ("pass", "sent no request"),
        ('http.get("http://elsewhere/")', "give the path alone"),
        ('http.get("//elsewhere/")', "give the path alone"),
        ("raise SystemExit(0)", "SystemExit"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_error_of_another_kind_is_a_wrong_script(tmp_path, line, said):
    with pytest.raises(LabError, match=None) as caught:
        source(tmp_path, line).record(Service())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"), [("x = 1", "no function"), ("def (", "cannot be read"), ("1/0", "Zero")]
)
def test_file_without_a_script_is_refused(tmp_path, text, said):
    (tmp_path / "talk.py").write_text(text)
    with pytest.raises(LabError, match=said):
        ScriptSource(tmp_path / "talk.py").record(Service())


def test_module_is_loaded_anew_for_each_run(tmp_path):
    path = tmp_path / "talk.py"
    path.write_text(
        "seen = []\ndef script(http):\n    seen.append(1)\n    http.get(f'/{len(seen)}')\n"
    )
    service = Service()
    conversation = ScriptSource(path).record(service)
    conversation.script(service)
    assert [recorded(call.path) for call in service.calls] == ["/1", "/1"]


def test_trace_takes_over_single_answers():
    whole, part = Trace(), Trace()
    service = Service()
    for _ in range(3):
        part.calls.append(None)
        part.answers.append(service(None))
    part.sent = {2}
    whole.take(2, part)
    whole.take(1, part)  # was not sent
    assert [*whole.answered] == [2] and whole.answers[2] is part.answers[2]
