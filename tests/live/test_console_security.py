"""A real `lab up`, and everybody who should not be able to do anything to it."""

import hmac
import http.client
import json
import os
import re
import signal
from contextlib import ExitStack
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from conftest import LabHere, wait_for

from lab.console.listening import THREADS
from lab.console.places import MOST_OF_STRANGERS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and modes of POSIX")

INSTRUCTORS = {
    "/lab/kill": {"server": "A"},
    "/lab/restart": {"server": "A"},
    "/lab/pause": {"server": "A"},
    "/lab/resume": {"server": "A"},
    "/lab/drain": {"server": "A"},
    "/lab/add": {"desk": "stateful"},
    "/lab/store": {"do": "kill"},
    "/lab/settings": {"retry": "on"},
    "/lab/stage": {"servers": 2},
    "/lab/step": {"script": "the-crash/0", "step": 0, "customer": "x"},
    "/lab/run": {"experiment": "crash"},
    "/lab/crowd": {"shoppers": 20},
    "/lab/lesson": {"chapter": "the-crash", "state": "asking"},
    "/lab/ticket": {},
}
EVERYBODYS = {
    "/lab/enter": {"ticket": "x"},
    "/lab/customer": {"name": "Mallory"},
    "/lab/act": {"customer": "x", "do": "view"},
}
PAGE = {"X-Lab-Console": "1"}
PRIVATE = ("up.json", "instructor.json")  # 0600


class Answer:
    """Status, headers and text of an answer."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.text = answer.read().decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.text)


class Web:
    """Speaks to the running lab byte by byte: no client library mends a path or a header."""

    def __init__(self, up):
        self._port = urlsplit(up.origin).port
        self.cookie = ""
        self._proof: dict[str, str] = {}

    def open(self, method, path, data=None, headers=None):
        """Send it; return the connection and its answer, not yet read."""
        sent = {"Cookie": self.cookie, **self._proof, **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request(method, path, data, {name: sent[name] for name in sent if sent[name]})
        return connection, connection.getresponse()

    def __call__(self, method, path, data=None, headers=None):
        connection, answer = self.open(method, path, data, headers)
        try:
            return Answer(answer)
        finally:
            connection.close()

    def post(self, path, body, headers=PAGE):
        return self("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})

    def enter(self, ticket):
        """Come in as the page does; keep the cookie, and prove each order by the key."""
        answer = self.post("/lab/enter", {"ticket": ticket})
        self.cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        if answer.status == 200:
            signed = f"page {self('GET', '/lab/whoami').json['life']}".encode()
            proof = hmac.digest(answer.json["key"].encode(), signed, "sha256").hex()
            self._proof = {"X-Lab-Proof": proof}
        return answer


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One lab for the whole module; what is refused leaves its servers as they were."""
    here = LabHere(tmp_path_factory.mktemp("up"))
    here.process = here.start("up", "--port", "0", "--no-open", "--servers", "1")
    out = here.process.out_path
    found = wait_for(lambda: re.search(r"(http://\S+)/#ticket=(\S+)[\s\S]+Ctrl-C", out.read_text()))
    here.origin, here.ticket = found.groups()
    here.secret = json.loads((here.runs / "up.json").read_text())["secret"]
    before = lives(here)
    yield here
    after = lives(here)
    here.process.send_signal(signal.SIGINT)
    here.finish(here.process)
    here.assert_nothing_left()
    assert after == before


@pytest.fixture
def web(up):
    return Web(up)


@pytest.fixture(scope="module")
def instructor(up):
    """A browser that has come in with a ticket."""
    web = Web(up)
    assert web.enter(ticket_of(up)).status == 200
    return web


def ticket_of(up):
    answer = Web(up).post("/lab/ticket", {}, {"X-Lab-Secret": up.secret})
    return answer.json["ticket"]


def lives(up):
    """The life of every server, by desk and name, and the settings."""
    status = Web(up)("GET", "/lab/status", headers={"X-Lab-Secret": up.secret}).json
    servers = {
        (desk, each["name"]): (each["instance"], each["state"])
        for desk, listed in status["desks"].items()
        for each in listed
    }
    return servers, status["settings"]


# --- who is refused


def test_rebound_name_reads_and_does_nothing(up, web):
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example"):
        headers = {"Host": host, "X-Lab-Secret": up.secret, **PAGE}
        for path in ("/", "/lab/whoami", "/lab/events", "/lab/status", "/lab/static/main.js"):
            assert web("GET", path, headers=headers).status == 403, (host, path)
        for path, body in (INSTRUCTORS | EVERYBODYS).items():
            assert web.post(path, body, headers).status == 403, (host, path)


def test_foreign_origin_does_nothing_even_in_the_instructors_browser(up, instructor):
    for origin in (
        "http://evil.example",
        "null",
        up.origin.replace("http", "https"),
        f"{up.origin}0",
    ):
        for path, body in (INSTRUCTORS | EVERYBODYS).items():
            answer = instructor.post(path, body, {**PAGE, "Origin": origin})
            assert answer.status == 403, (origin, path)
    for site in ("cross-site", "same-site"):  # a page of another port is of the same site
        headers = {**PAGE, "Sec-Fetch-Site": site}
        for path, body in INSTRUCTORS.items():
            assert instructor.post(path, body, headers).status == 403, (site, path)


def test_instructors_routes_without_secret_or_cookie_are_403(up, web):
    for credentials in ({}, {"X-Lab-Secret": "x" * 32}, {"Cookie": "lab_instructor=x"}):
        for path, body in INSTRUCTORS.items():
            answer = web.post(path, body, {**PAGE, **credentials})
            assert answer.status == 403, path
            assert "lab open" in answer.json["detail"]
        assert web("GET", "/lab/status", headers=credentials).status == 403


FORMS = [
    ("text/plain", '{"server":"A","x":"="}'),
    ("application/x-www-form-urlencoded", "server=A"),
    ("multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="server"'),
    ("", '{"server":"A"}'),
]


@pytest.mark.parametrize(("kind", "data"), FORMS, ids=[kind for kind, _ in FORMS])
def test_form_of_another_page_does_nothing_even_with_the_cookie(up, instructor, kind, data):
    for path in INSTRUCTORS | EVERYBODYS:
        for headers in ({}, PAGE, {"X-Lab-Secret": up.secret}):
            answer = instructor("POST", path, data, {"Content-Type": kind, **headers})
            assert answer.status in (403, 415), (path, headers)


def test_cookie_without_the_pages_own_header_does_nothing(instructor):
    for path, body in (INSTRUCTORS | EVERYBODYS).items():
        for header in ({}, {"X-Lab-Console": "0"}):
            assert instructor.post(path, body, header).status == 403, path


# --- who comes in


def test_ticket_works_once_and_the_cookie_is_no_scripts_and_no_other_pages(up, web):
    answer = web.enter(up.ticket)
    assert (answer.status, list(answer.json)) == (200, ["key"])
    pair, *flags = answer.headers["Set-Cookie"].split("; ")
    assert set(flags) == {"HttpOnly", "Path=/lab", "SameSite=Strict"}
    assert str(urlsplit(up.origin).port) in pair.partition("=")[0]
    assert up.secret not in pair and up.ticket not in pair and answer.json["key"] not in pair
    assert web("GET", "/lab/status").status == 200
    again = Web(up)
    assert again.enter(up.ticket).status == 403
    assert again("GET", "/lab/status").status == 403
    # A page at another port of this address is sent the cookie, and nothing else.
    neighbour = Web(up)
    neighbour.cookie = web.cookie
    assert neighbour.post("/lab/kill", {"desk": "stateful", "server": "A"}).status == 403


def test_secrets_of_the_page_are_not_written_down(up, instructor):
    answer = instructor("GET", "/lab/status")
    assert answer.status == 200
    credentials = [up.secret, up.ticket, ticket_of(up), instructor.cookie.partition("=")[2]]
    assert all(len(each) >= 22 for each in credentials)
    files = [path for path in up.runs.rglob("*") if path.is_file() and path.name not in PRIVATE]
    assert "nginx.log" in {path.name for path in files}
    texts = {str(path): path.read_bytes().decode("utf-8", "replace") for path in files}
    texts |= {str(each): " ".join(each.cmdline()) for each in up.processes()}
    texts["the terminal's errors"] = up.process.err_path.read_text()
    texts["status"] = answer.text
    for where, text in texts.items():
        assert not [each for each in credentials if each in text], where


# --- what is answered


def test_every_answer_has_the_policy_and_none_opens_itself_to_other_origins(up, web, instructor):
    evil = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for status, method, path, headers in (
        (200, "GET", "/", {}),
        (200, "GET", "/lab/static/main.js", {}),
        (200, "GET", "/lab/code.css", {}),
        (200, "GET", "/lab/chapters", {}),
        (200, "GET", "/lab/runs", {}),
        (200, "HEAD", "/lab/events", {}),
        (403, "GET", "/lab/whoami", evil),
        (403, "OPTIONS", "/lab/kill", evil),
        (403, "POST", "/lab/kill", {}),
        (404, "GET", "/nothing", {}),
        (405, "GET", "/lab/kill", {}),
    ):
        answer = web(method, path, headers=headers)
        assert answer.status == status, path
        (policy,) = answer.headers.get_all("Content-Security-Policy")
        for rule in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"):
            assert rule in policy.split("; "), path
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        if status >= 400 and method != "HEAD":
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json["detail"]
    assert web("GET", "/").headers["Cache-Control"] == "no-store"


def test_nginxs_own_refusal_has_the_policy_too(up):
    connection = http.client.HTTPConnection(urlsplit(up.origin).netloc, timeout=30)
    connection.putrequest("POST", "/lab/kill")
    connection.putheader("Content-Length", str(2**30))  # announced, and not even sent
    connection.endheaders()
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 413
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_strangers_streams_are_limited_and_take_no_place_of_a_page(up, web):
    with ExitStack() as open_ones:
        for number in range(MOST_OF_STRANGERS):
            _, answer = web.open("GET", "/lab/events")
            open_ones.callback(answer.close)  # it holds the socket
            assert answer.status == 200
            assert answer.headers["X-Accel-Buffering"] is None  # nginx obeys it, and keeps it
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert b"retry:" in answer.readline(), number
        refused = web("GET", "/lab/events")
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "default-src 'self'" in refused.headers["Content-Security-Policy"]
        page = Web(up)
        page.cookie = page("GET", "/lab/whoami").headers["Set-Cookie"].partition(";")[0]
        _, answer = page.open("GET", "/lab/events")
        open_ones.callback(answer.close)
        assert answer.status == 200

    def free_again():
        _, answer = web.open("GET", "/lab/events")
        answer.close()
        return answer.status == 200

    wait_for(free_again)


def read_until(stream, words):
    """Read lines up to one with `words`; fail where the stream ends."""
    line = b""
    while words not in line:
        line = stream.readline()
        assert line, f"the stream ended before {words!r}"


def test_pages_watch_in_greater_number_than_there_are_threads(up):
    with ExitStack() as open_ones:
        streams = []
        for _ in range(THREADS + 20):
            page = Web(up)
            page.cookie = page("GET", "/lab/whoami").headers["Set-Cookie"].partition(";")[0]
            _, answer = page.open("GET", "/lab/events")
            open_ones.callback(answer.close)
            streams.append(answer)
        assert {answer.status for answer in streams} == {200}
        for answer in streams:
            read_until(answer, b"snapshot")  # from now on it gets every event
        assert Web(up)("GET", "/stateful/api/cart/items/seen-by-all").status in (401, 404, 405)
        for answer in streams:
            read_until(answer, b"seen-by-all")


@pytest.mark.parametrize("name", ["<img src=x>", '"><script>alert(1)</script>'[:24], "a&b", "O'N"])
def test_name_with_markup_is_text(web, name):
    answer = web.post("/lab/customer", {"name": name})
    assert (answer.status, answer.json["name"]) == (200, name)
    assert answer.headers["Content-Type"] == "application/json"
    acted = web.post("/lab/act", {"customer": answer.json["id"], "do": "login"})
    assert acted.status == 200, acted.text
    drawing = web("GET", "/lab/sequence/stateful").text
    assert "<svg" in drawing
    for page in (drawing, web("GET", "/").text):
        assert "<img" not in page
        assert "<script>" not in page


@pytest.mark.parametrize(
    "name",
    ["", " ", "x" * 25, "a\x00b", "a\nb", "\u202eevil", "a\u2066b", "\u200b", "\ud800", 7, None],
)
def test_name_that_hides_or_turns_text_is_refused(web, name):
    answer = web.post("/lab/customer", {"name": name})
    assert answer.status in (400, 422)
    assert answer.json["detail"]


@pytest.mark.parametrize(
    "name",
    ["..", "../..", "..%2f..%2fup.json", "%2e%2e%2fup.json", "up.json", "..%5cup.json", "%00", "~"],
)
def test_no_path_leads_out(up, web, name):
    for path in (f"/lab/runs/{name}", f"/lab/runs/{name}/0", f"/lab/static/{name}"):
        for credentials in ({}, {"X-Lab-Secret": up.secret}):
            answer = web("GET", path, headers=credentials)
            assert answer.status in (400, 404), path
            assert up.secret not in answer.text


BODIES = [
    ("too long", 413, '{"server": "' + "A" * 20_000 + '"}'),
    ("cut off", 400, '{"server": '),
    ("no JSON", 400, "server=A"),
    ("twice the same key", 400, '{"server": "Z", "server": "A"}'),
    ("no number", 400, '{"server": NaN}'),
    ("deep", 400, "[" * 10_000),
    ("a list", 422, '["A"]'),
    ("more", 422, '{"server": "A", "signal": 9}'),
    ("nothing", 400, ""),
]


@pytest.mark.parametrize(
    ("status", "data"), [each[1:] for each in BODIES], ids=[b[0] for b in BODIES]
)
def test_body_that_is_no_order_is_refused(instructor, status, data):
    headers = {"Content-Type": "application/json", **PAGE}
    for path in ("/lab/kill", "/lab/act"):
        answer = instructor("POST", path, data, headers)
        if path == "/lab/kill":
            assert answer.status == status, answer.text
        assert 400 <= answer.status < 500
        assert "Traceback" not in answer.text


def test_unknown_methods_do_nothing(instructor):
    headers = {"Content-Type": "application/json", **PAGE}
    for path in INSTRUCTORS:
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = instructor(method, path, '{"server": "A"}', headers)
            assert (answer.status, answer.headers["Allow"]) == (405, "POST"), (method, path)
    assert instructor("TRACE", "/lab/kill").status in (403, 405)


def test_instructors_browser_is_known_after_a_restart_and_a_strangers_is_not(lab_here):
    cookies, key = {}, ""
    for life in ("first", "second"):
        process = lab_here.start("up", "--port", "0", "--no-open", "--servers", "1")
        printed = wait_for(
            lambda process=process: re.search(
                r"(http://\S+)/#ticket=(\S+)[\s\S]+Ctrl-C", process.out_path.read_text()
            )
        )
        web = Web(SimpleNamespace(origin=printed[1]))
        if life == "first":
            key = web.enter(printed[2]).json["key"]
            cookies["instructor"] = web.cookie.partition("=")[2]
            stranger = Web(SimpleNamespace(origin=printed[1]))("GET", "/lab/whoami")
            cookies["stranger"] = stranger.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        # Whoever had the port between the two has heard the cookie.
        for who, status in (("instructor", 200 if life == "first" else 403), ("stranger", 403)):
            web.cookie = f"lab_instructor_{urlsplit(printed[1]).port}={cookies[who]}"
            assert web("GET", "/lab/status").status == status, (life, who)
        named = f"page {web('GET', '/lab/whoami').json['life']}"
        for signs, status in (("x" * 43, 403), (key, 204)):
            proof = hmac.digest(signs.encode(), named.encode(), "sha256").hex()
            answer = web.post("/lab/enter", {"proof": proof})
            assert answer.status == status, (life, signs)
        web.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert web("GET", "/lab/status").status == 200, life
        process.send_signal(signal.SIGINT)
        assert lab_here.finish(process).status == 0


def test_learner_has_a_stage_of_its_own_and_no_other_rights(lab_here):
    process = lab_here.start("up", "--port", "0", "--no-open", "--servers", "1", "--learners", "1")
    printed = wait_for(
        lambda: re.search(r"(http://\S+)/#[\s\S]+Ctrl-C", process.out_path.read_text())
    )
    learner, other = (Web(SimpleNamespace(origin=printed[1])) for _ in range(2))
    for web in (learner, other):
        web.cookie = web("GET", "/lab/whoami").headers["Set-Cookie"].partition(";")[0]
    wait_for(lambda: learner.post("/lab/own", {}).json["state"] == "ready")
    waiting = other.post("/lab/own", {}).json
    assert (waiting["state"], waiting["ahead"], waiting["most"]) == ("waiting", 0, 1)
    status = learner("GET", "/lab/own/lab/status").json
    assert [len(servers) for servers in status["desks"].values()] == [2, 2]
    assert status["origin"] != printed[1]
    # The whole crash, on the own stage, with its own events.
    _, stream = learner.open("GET", "/lab/own/lab/events")
    assert stream.status == 200
    key = learner.post("/lab/own/lab/customer", {"name": "Mia"}).json["id"]
    step = {"script": "the-crash/0", "step": 1, "customer": key}  # John logs in
    done = learner.post("/lab/own/lab/step", step)
    assert done.status == 200 and len(done.json["ops"]) == 2
    assert learner.post("/lab/own/lab/kill", {"server": "A"}).status == 200
    seen = b""
    while b'"fault":"kill"' not in seen:
        seen += stream.readline()
    assert b'"op":"c1-stateful-1"' in seen
    stream.close()
    assert learner.post("/lab/own/lab/stage", {"servers": 5}).status == 409
    # Everything else stays closed: the room's stage, tickets, experiments, others' stages.
    for path, body in INSTRUCTORS.items():
        assert learner.post(path, body).status == 403, path
    for path in ("/lab/own/lab/ticket", "/lab/own/lab/run", "/lab/own/lab/lesson"):
        assert learner.post(path, {}).status == 404, path
    for web in (other, Web(SimpleNamespace(origin=printed[1]))):
        assert web.post("/lab/own/lab/kill", {"server": "B"}).status == 409
        assert web("GET", "/lab/own/lab/events").status == 409
    assert learner.post("/lab/own/leave", {}).status == 204
    wait_for(lambda: other.post("/lab/own", {}).json["state"] == "ready")
    assert not list(lab_here.runs.glob("*-up/own-1"))
    process.send_signal(signal.SIGINT)
    assert lab_here.finish(process).status == 0
    lab_here.assert_nothing_left()
