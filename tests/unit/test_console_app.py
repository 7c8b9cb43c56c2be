"""The console's HTTP service without servers: who may call what, and how it says no."""

import hmac
import json
from types import SimpleNamespace

import msgspec
import pytest
from msgspec import UNSET

from lab.console.admission import Crowded
from lab.console.app import create_app
from lab.console.customer_session import Credentials
from lab.console.feed import Feed
from lab.console.guard import MOST_TICKETS, SECURITY_HEADERS, Guard, Tickets
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.offline import recording
from lab.console.offline.one_file import NewestRecording
from lab.console.orders import BadOrder, checked_name
from lab.console.page_customer import Introduction
from lab.console.services import LiveConsole, Services
from lab.console.stack_state import ServerState, StackState
from lab.core.errors import LabError

from .test_feed import parsed, taken
from .test_offline import made

ORIGIN = "http://127.0.0.1:8000"
SECRET = "s" * 32
TERMINAL = {"X-Lab-Secret": SECRET}
PAGE = {"X-Lab-Console": "1"}
OPEN_TO_ALL = {
    ("GET", "/"),
    ("GET", "/docs/"),
    ("GET", "/docs/<name>"),
    ("GET", "/lab/chapters"),
    ("GET", "/lab/code"),
    ("GET", "/lab/code.css"),
    ("GET", "/lab/colours.css"),
    ("GET", "/lab/runs"),
    ("GET", "/lab/runs/<name>"),
    ("GET", "/lab/runs/<name>/<index>"),
    ("GET", "/lab/sequence.css"),
    ("GET", "/lab/sequence/<desk>"),
    ("GET", "/lab/static/<file>"),
    ("GET", "/lab/static/words.js"),
    ("GET", "/lab/whoami"),
    ("GET", "/recorded"),
    ("GET", "/speaker"),
    ("POST", "/lab/act"),
    ("POST", "/lab/customer"),
    ("POST", "/lab/enter"),
}
ORDERS = {
    "/lab/kill": {"server": "B"},
    "/lab/restart": {"server": "stateful/B"},
    "/lab/pause": {"server": "B"},
    "/lab/resume": {"server": "B"},
    "/lab/drain": {"server": "B"},
    "/lab/add": {"desk": "stateful"},
    "/lab/store": {"do": "pause"},
    "/lab/settings": {"affinity": "cookie", "cache": "naive"},
    "/lab/stage": {"servers": 2, "store": "redis"},
    "/lab/step": {
        "script": "the-crash/0",
        "step": 0,
        "customer": "key",
        "settings": {"store": "redis"},
    },
    "/lab/run": {"experiment": "caching"},
    "/lab/crowd": {"shoppers": 20},
    "/lab/lesson": {"chapter": "the-crash", "state": "asking"},
    "/lab/ticket": {},
}

STEP = ORDERS["/lab/step"]


def new_folder(path):
    path.mkdir()
    return path


class FakeStage:
    """Remembers its orders."""

    def __init__(self):
        self.orders = []
        self.trouble = None

    def __getattr__(self, order):
        def obey(*arguments, **settings):
            if self.trouble:
                raise self.trouble
            self.orders.append((order, *arguments, settings))
            return {} if order in ("change", "reset") else []

        return obey

    def status(self, ask=False):
        up = {"stateful": [ServerState("A", "up")], "stateless": [ServerState("B", "up")]}
        return StackState("", up)


class FakeCustomers:
    """One customer, who does whatever is asked."""

    def __init__(self):
        self.trouble = None

    def enter(self, name, client):
        return self._customer(checked_name(name))

    def find(self, key, client):
        return self._customer("John") if key == "key" else None

    def act(self, customer, body, client):
        if self.trouble:
            raise self.trouble
        return {"ops": {"stateful": "c1-stateful-1"}, "credentials": {}}

    def _customer(self, name):
        known = {"stateful": Credentials("an id", None)}
        return SimpleNamespace(
            credentials=lambda: known,
            introduce=lambda *, again=False: Introduction(
                "key", "c1", name, "123", known if again else UNSET
            ),
        )


@pytest.fixture(scope="module")
def lesson():
    return plan.load()


@pytest.fixture
def lab(tmp_path, lesson):
    """A console whose servers are pretended; `web` is a client that names the right Host."""
    started = []
    experiment_run = SimpleNamespace(
        start=lambda name, **how: started.append((name, how)) or "a-run",
        start_crowd=lambda shoppers: started.append(("crowd", shoppers)) or "a-crowd",
    )
    live = LiveConsole(FakeStage(), Feed(), FakeCustomers(), experiment_run)
    guard = Guard(ORIGIN, SECRET)
    app = create_app(Services(guard, KeptRuns(tmp_path), lesson, live))
    return SimpleNamespace(
        app=app, web=app.test_client(), guard=guard, live=live, started=started, runs=tmp_path
    )


@pytest.fixture
def played(tmp_path, lesson):
    """The page alone, as in `lab play`."""
    services = Services(Guard(ORIGIN), KeptRuns(tmp_path), lesson)
    return create_app(services).test_client()


def call(web, method, path, body=None, headers=None, **how):
    """Send a request as our own page would; `headers` of value None are left out."""
    given = {"Host": "127.0.0.1:8000", **PAGE, **(headers or {})}
    if body is not None:
        how |= {"data": json.dumps(body), "content_type": "application/json"}
    sent = {name: value for name, value in given.items() if value is not None}
    return web.open(path, method=method, headers=sent, **{"buffered": True, **how})


def post(web, path, body, headers=None, **how):
    return call(web, "POST", path, body, headers, **how)


def routes(app):
    return {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods} - {
        ("HEAD", rule.rule) for rule in app.url_map.iter_rules()
    }


# --- who may call what


def test_every_route_but_those_named_here_is_the_instructors(lab):
    closed = routes(lab.app) - OPEN_TO_ALL
    assert closed == {("POST", path) for path in ORDERS} | {("GET", "/lab/status")}
    for method, path in sorted(closed):
        for headers in ({}, {"X-Lab-Secret": ""}, {"X-Lab-Secret": "é"}, {"Cookie": "x=y"}):
            answer = call(lab.web, method, path, ORDERS.get(path), headers)
            assert answer.status_code == 403, (path, headers)
            assert "lab open" in answer.json["detail"]
    assert not lab.live.playground.orders
    assert not lab.started


def test_terminals_secret_opens_every_one(lab):
    for path, body in ORDERS.items():
        answer = post(lab.web, path, body, {**TERMINAL, "X-Lab-Console": None})
        assert answer.status_code == 200, (path, answer.json)
    assert call(lab.web, "GET", "/lab/status", headers=TERMINAL).status_code == 200
    stage = plan.load().scripts()["the-crash/0"][0]
    first = {name: value for name, value in stage.items() if name not in ("do", "say")}
    assert lab.live.playground.orders == [
        ("inject", "kill", "B", {}),
        ("inject", "restart", "stateful/B", {}),
        ("inject", "pause", "B", {}),
        ("inject", "resume", "B", {}),
        ("inject", "drain", "B", {}),
        ("add", "stateful", {}),
        ("inject", "pause", "store", {}),
        ("change", {"affinity": "cookie", "cache": "naive"}),
        ("reset", {"servers": 2, "store": "redis"}),
        ("reset", {**first, "store": "redis", "script": "the-crash/0"}),
    ]
    assert lab.started == [("caching", {}), ("crowd", 20)]


def test_ticket_is_changed_once_for_a_cookie_and_a_key_and_both_together_open_every_one(lab):
    ticket = lab.guard.tickets.issue()
    assert len(ticket) >= 22  # 128 bits
    entered = post(lab.web, "/lab/enter", {"ticket": ticket})
    assert entered.json == {"key": lab.guard.key} and len(lab.guard.key) >= 43
    cookie = entered.headers["Set-Cookie"]
    pair, *flags = cookie.split("; ")
    name, _, value = pair.partition("=")
    assert set(flags) == {"HttpOnly", "Path=/lab", "SameSite=Strict"}
    assert "8000" in name
    assert len(value) >= 43 and SECRET not in value and ticket not in value
    assert post(lab.web, "/lab/enter", {"ticket": ticket}).status_code == 403

    signed = f"page {lab.guard.life}".encode()
    proof = hmac.digest(entered.json["key"].encode(), signed, "sha256").hex()
    proved, forged = {"X-Lab-Proof": proof}, {"X-Lab-Proof": "0" * 64}
    other = lab.app.test_client()
    for web in (lab.web, other):
        assert call(web, "GET", "/lab/whoami").json["instructor"] is (web is lab.web)
        # The cookie alone is what a page at another port of this address can get, too.
        for headers in ({}, forged, proved):
            opens = web is lab.web and headers is proved
            for path, body in ORDERS.items():
                assert (post(web, path, body, headers).status_code == 200) is opens, path


@pytest.mark.parametrize("ticket", ["", "x", "x" * 22, "é", SECRET])
def test_text_that_is_no_ticket_is_refused(lab, ticket):
    lab.guard.tickets.issue()
    answer = post(lab.web, "/lab/enter", {"ticket": ticket})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_ticket_is_worth_nothing_after_twenty_newer_ones():
    tickets = Tickets()
    issued = [tickets.issue() for _ in range(MOST_TICKETS + 1)]
    assert [tickets.take(each) for each in issued] == [False] + [True] * MOST_TICKETS
    assert not any(tickets.take(each) for each in issued)


def test_cookie_of_one_lab_is_worth_nothing_at_another():
    one, other = Guard("http://127.0.0.1:8000", "a"), Guard("http://127.0.0.1:8001", "b")
    assert one.cookie_name != other.cookie_name
    assert one.cookie_value != other.cookie_value


def test_empty_secret_opens_nothing(played):
    assert not call(played, "GET", "/lab/whoami", headers={"X-Lab-Secret": ""}).json["instructor"]


# --- whose requests are taken


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8001",
        "127.0.0.1:8000.evil.example",
        "[::1]:8000",
        "",
    ],
)
def test_foreign_host_is_refused_even_with_the_secret(lab, host):
    for method, path in sorted(routes(lab.app)):
        answer = call(lab.web, method, path, ORDERS.get(path, {}), {**TERMINAL, "Host": host})
        assert answer.status_code == 403, (host, path)


def test_localhost_is_the_same_machine_and_80_needs_no_number(lab):
    for host in ("127.0.0.1:8000", "localhost:8000"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert (
            post(lab.web, "/lab/kill", {"server": "B"}, {**TERMINAL, **headers}).status_code == 200
        )
    assert Guard("http://127.0.0.1:80")._hosts == {"127.0.0.1", "localhost"}


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001"),
        *("http://127.0.0.1:8000.evil.example", "", "127.0.0.1:8000", "file://"),
    ],
)
def test_foreign_origin_is_refused_even_with_the_secret(lab, origin):
    headers = {**TERMINAL, "Origin": origin}
    assert post(lab.web, "/lab/kill", {"server": "B"}, headers).status_code == 403
    assert call(lab.web, "GET", "/lab/events", headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_foreign_sites_may_link_to_the_page_and_do_nothing_else(lab, site):
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert call(lab.web, "GET", "/", headers=link).status_code == 200
    for changed in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors"}):
        assert call(lab.web, "GET", "/", headers={**link, **changed}).status_code == 403
    for method, path in sorted(routes(lab.app) - {("GET", "/")}):
        answer = call(lab.web, method, path, ORDERS.get(path), {**TERMINAL, **link})
        assert answer.status_code == 403, path


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_form_content_types_are_refused(lab, kind):
    for path in (*ORDERS, "/lab/enter", "/lab/act", "/lab/customer"):
        how = {"data": '{"server": "B"}', "content_type": kind}
        assert call(lab.web, "POST", path, headers={**PAGE, **TERMINAL}, **how).status_code == 415
        how["content_type"] = "application/json"
        answer = call(lab.web, "POST", path, headers={"X-Lab-Console": None}, **how)
        assert answer.status_code == 403, path
        assert "X-Lab-Console" in answer.json["detail"]


# --- what is said, and how


def answers(lab):
    """One answer of each kind there is, by status."""
    yield 200, call(lab.web, "GET", "/")
    yield 200, call(lab.web, "GET", "/lab/static/main.js")
    yield 200, call(lab.web, "GET", "/lab/chapters")
    yield 403, call(lab.web, "GET", "/", headers={"Host": "evil"})
    yield 404, call(lab.web, "GET", "/lab/nothing")
    yield 404, post(lab.web, "/lab/act", {"customer": "nobody", "do": "view"})
    yield 405, call(lab.web, "DELETE", "/lab/kill", {})
    yield 405, call(lab.web, "OPTIONS", "/lab/kill", {})
    yield 413, post(lab.web, "/lab/kill", {"server": "A" * 20_000}, TERMINAL)
    yield 415, call(lab.web, "POST", "/lab/kill")
    yield 422, post(lab.web, "/lab/kill", {"server": 1}, TERMINAL)
    lab.live.playground.trouble = LabError("B is dead already: restart it first")
    yield 409, post(lab.web, "/lab/kill", {"server": "B"}, TERMINAL)
    lab.live.playground.trouble = RuntimeError("secret of the code")
    yield 500, post(lab.web, "/lab/kill", {"server": "B"}, TERMINAL)


def test_every_answer_has_the_headers_and_every_error_says_what_to_do(lab, caplog):
    for status, answer in answers(lab):
        assert answer.status_code == status
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value, (status, name)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
        if status >= 400:
            assert answer.mimetype == "application/problem+json"
            assert answer.json["status"] == status
            assert answer.json["title"] and answer.json["detail"]
            assert "secret of the code" not in answer.text
        if status == 405:
            assert answer.headers["Allow"] == "POST"
    assert "secret of the code" in caplog.text  # the terminal shows it


def test_policy_is_the_strict_one():
    assert SECURITY_HEADERS["Content-Security-Policy"] == (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert SECURITY_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_HEADERS["Referrer-Policy"] == "no-referrer"


def test_unknown_server_is_404_and_one_that_cannot_409(lab):
    lab.live.playground.trouble = LabError("no, because")
    for target, status in (("A", 409), ("stateful/A", 409), ("B", 409), ("stateful/B", 404)):
        answer = post(lab.web, "/lab/kill", {"server": target}, TERMINAL)
        assert (answer.status_code, answer.json["detail"]) == (status, "no, because"), target
    for target in ("", "/", "Z", "A/B/C", "../A", "nowhere/A"):
        assert post(lab.web, "/lab/kill", {"server": target}, TERMINAL).status_code == 404


BAD_JSON = [
    (b"", 400),
    (b"{", 400),
    (b'{"server": "A", "server": "B"}', 400),
    (b'{"server": NaN}', 400),
    (b'{"server": "\xff"}', 400),
    (b'{"server": "\\ud800"}', 400),
    (b"[" * 5000, 400),
    (b'["B"]', 422),
    (b'"B"', 422),
    (b"null", 422),
    (b"{}", 422),
    (b'{"server": null}', 422),
    (b'{"server": ["B"]}', 422),
    (b'{"server": true}', 422),
    (b'{"server": "B", "signal": 9}', 422),
    (b'{"server": "' + b"B" * 101 + b'"}', 422),
]


@pytest.mark.parametrize(("data", "status"), BAD_JSON, ids=lambda given: str(given)[:30])
def test_order_that_is_not_exactly_one_is_refused(lab, data, status):
    how = {"data": data, "content_type": "application/json"}
    answer = call(lab.web, "POST", "/lab/kill", headers=TERMINAL, **how)
    assert answer.status_code == status, answer.text
    assert answer.json["detail"]
    assert not lab.live.playground.orders


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/lab/add", {"desk": "both"}),
        ("/lab/store", {"do": "flush"}),
        ("/lab/store", {}),
        ("/lab/settings", {"store": "redis://127.0.0.1:6379"}),
        ("/lab/settings", {"servers": 2}),
        ("/lab/settings", {"affinity": True}),
        ("/lab/stage", {"servers": 0}),
        ("/lab/stage", {"servers": 9}),
        ("/lab/stage", {"servers": True}),
        ("/lab/stage", {"servers": 2.0}),
        ("/lab/step", {**STEP, "script": "the-crash/99"}),
        ("/lab/step", {**STEP, "script": "../the-crash/0"}),
        ("/lab/step", {**STEP, "step": 99}),
        ("/lab/step", {**STEP, "step": -1}),
        ("/lab/step", {**STEP, "step": True}),
        ("/lab/step", {**STEP, "settings": {"store": "redis://evil"}}),
        ("/lab/step", {**STEP, "settings": {"servers": 99}}),
        ("/lab/step", {**STEP, "settings": {"do": "kill"}}),
        ("/lab/step", {**STEP, "settings": []}),
        ("/lab/step", {**STEP, "do": "kill"}),
        ("/lab/run", {"experiment": 1}),
        ("/lab/crowd", {}),
        ("/lab/crowd", {"shoppers": 9}),
        ("/lab/crowd", {"shoppers": 201}),
        ("/lab/crowd", {"shoppers": True}),
        ("/lab/crowd", {"shoppers": "20"}),
        ("/lab/run", {"experiment": "caching", "predicted": -1}),
        ("/lab/run", {"experiment": "caching", "confidence": "very"}),
        ("/lab/ticket", {"more": 1}),
        ("/lab/enter", {"ticket": 1}),
        ("/lab/enter", {}),
        ("/lab/enter", {"ticket": "x", "proof": "x"}),
        ("/lab/customer", {}),
        ("/lab/customer", {"name": "John", "id": "key"}),
        ("/lab/customer", {"name": 1}),
        ("/lab/customer", {"name": ""}),
        ("/lab/customer", {"name": "a\u202eb"}),
        ("/lab/customer", {"name": "x" * 25}),
    ],
)
def test_value_that_is_not_allowed_is_422(lab, path, body):
    answer = post(lab.web, path, body, TERMINAL)
    assert answer.status_code == 422, answer.text
    assert not lab.live.playground.orders
    assert not lab.started


@pytest.mark.parametrize("name", ["./mine.py", "/etc/passwd", "lab.experiments.caching", "", "up"])
def test_web_runs_bundled_experiments_only(lab, name):
    assert post(lab.web, "/lab/run", {"experiment": name}, TERMINAL).status_code == 404
    assert not lab.started


def test_crowd_of_so_many_is_started(lab):
    assert post(lab.web, "/lab/crowd", {"shoppers": 20}, TERMINAL).json == {"run": "a-crowd"}
    assert lab.started == [("crowd", 20)]


def test_prediction_goes_with_the_run(lab):
    body = {"experiment": "caching", "predicted": 1, "confidence": "certain"}
    assert post(lab.web, "/lab/run", body, TERMINAL).json == {"run": "a-run"}
    assert lab.started == [("caching", {"predicted": 1, "confidence": "certain"})]


# --- customers and the line


def test_customer_comes_in_comes_back_and_acts(lab):
    came = post(lab.web, "/lab/customer", {"name": "<b>John</b>"}).json
    assert came == {"id": "key", "who": "c1", "name": "<b>John</b>", "user_id": "123"}
    again = post(lab.web, "/lab/customer", {"id": "key"}).json
    assert again == came | {
        "name": "John",
        "credentials": {"stateful": {"cookie": "an id", "token": None}},
    }
    assert post(lab.web, "/lab/customer", {"id": "none"}).status_code == 404
    order = {"customer": "key", "do": "view"}
    assert post(lab.web, "/lab/act", order).json["ops"] == {"stateful": "c1-stateful-1"}
    for stranger in ("none", None, 1, ["key"]):
        assert post(lab.web, "/lab/act", {**order, "customer": stranger}).status_code == 404
    lab.live.customers.trouble = BadOrder("do must be one of …")
    answer = post(lab.web, "/lab/act", order)
    assert (answer.status_code, answer.json["detail"]) == (422, "do must be one of …")


def test_browser_gets_an_id_once_and_a_forged_one_is_none(lab):
    first = call(lab.web, "GET", "/lab/whoami")
    pair, *flags = first.headers["Set-Cookie"].split("; ")
    assert set(flags) == {"HttpOnly", "Path=/lab", "SameSite=Strict"}
    assert "Set-Cookie" not in call(lab.web, "GET", "/lab/whoami").headers  # it has one
    name, _, value = pair.partition("=")
    for forged in (value[:-1] + "x", "a" * 22 + "." + "0" * 64, value.partition(".")[0], "é", ""):
        again = call(
            lab.app.test_client(), "GET", "/lab/whoami", headers={"Cookie": f"{name}={forged}"}
        )
        assert "Set-Cookie" in again.headers, forged


# --- the page and its files


def test_page_says_without_scripts_what_to_do(lab):
    answer = call(lab.web, "GET", "/?step=4&servers=3")
    assert answer.headers["Cache-Control"] == "no-store"
    for chapter in plan.load().chapters:
        for command in chapter.commands:
            assert command in answer.text
    assert call(lab.web, "GET", "/lab/chapters").json == msgspec.to_builtins(plan.load())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/lab/static/main.js", "text/javascript"),
        ("/lab/static/base.css", "text/css"),
        ("/lab/static/desk.svg", "image/svg+xml"),
        ("/lab/code.css", "text/css"),
        ("/lab/sequence.css", "text/css"),
    ],
)
def test_files_are_asked_about_again_and_not_sent_again(lab, path, kind):
    answer = call(lab.web, "GET", path)
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["Cache-Control"] == "no-cache"
    again = call(lab.web, "GET", path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["X-Content-Type-Options"] == "nosniff"


OUTSIDE = [
    "..",
    "../app.py",
    "..%2fapp.py",
    "%2e%2e/guard.py",
    "..\\app.py",
    "%00.js",
    "/etc/passwd",
]


def test_handbook_is_served_with_and_without_servers(lab, played):
    for web in (lab.web, played):
        index = call(web, "GET", "/docs/")
        assert index.status_code == 200
        assert index.mimetype == "text/html"
        assert 'href="/docs/first-script"' in index.text
        assert index.headers["Content-Security-Policy"].startswith("default-src 'self'")
        page = call(web, "GET", "/docs/first-script")
        again = {"If-None-Match": page.headers["ETag"]}
        assert call(web, "GET", "/docs/first-script", headers=again).status_code == 304
        assert call(web, "GET", "/docs/handbook.css").mimetype == "text/css"
        assert call(web, "GET", "/docs/architecture.svg").mimetype == "image/svg+xml"


@pytest.mark.parametrize("name", [*OUTSIDE, "handbook.py", "web.py", "__init__.py", "crowd/x", "x"])
def test_handbook_serves_its_pages_and_pictures_only(lab, name):
    assert call(lab.web, "GET", f"/docs/{name}").status_code == 404


def test_no_path_is_answered_with_a_redirect(lab):
    """Nor is one with a slash more or less: a redirect repeats the Host that a client has named."""
    assert call(lab.web, "GET", "/docs").text == call(lab.web, "GET", "/docs/").text
    rules = [str(rule).replace("<", "").replace(">", "") for rule in lab.app.url_map.iter_rules()]
    for path in {*rules, "/docs//", "/docs//x", "/lab//runs", "/lab", "/lab/"}:
        for asked in {path, f"/{path.strip('/')}/", f"/{path.strip('/')}"} - {"//"}:
            for method in ("GET", "POST"):
                answer = call(lab.web, method, asked)
                assert not 300 <= answer.status_code < 400, (method, asked)
                if answer.status_code >= 400:
                    assert answer.mimetype == "application/problem+json", (method, asked)


@pytest.mark.parametrize("name", [*OUTSIDE, "../../README.md", "..%2f..%2freport%2fschema.json"])
def test_static_files_outside_the_folder_are_not_read(lab, name):
    (lab.runs / "result.json").write_text("{}")
    for path in (f"/lab/static/{name}", f"/lab/runs/{name}", f"/lab/runs/{name}/0"):
        assert call(lab.web, "GET", path).status_code == 404, path
    for index in ("-1", "x", "9" * 5000, "٣"):
        assert call(lab.web, "GET", f"/lab/runs/latest/{index}").status_code == 404


def test_code_that_serves(lab):
    published = call(lab.web, "GET", "/lab/code?method=GET&path=/api/cart").json
    assert published.keys() == {"stateful", "stateless"}
    for query in ("", "?method=GET", "?method=BREW&path=/api/cart", "?method=GET&path=/etc/passwd"):
        assert call(lab.web, "GET", f"/lab/code{query}").status_code == 404


def test_pages_follow_the_instructor_also_those_that_come_later(lab):
    act = {"chapter": "the-crash", "state": "running", "act": 1, "step": 2, "of": 7}
    act |= {"scene": "watch", "who": "c3", "second": "c4", "third": "", "since": 41}
    assert post(lab.web, "/lab/lesson", act, TERMINAL).json == {"id": 1}
    lab.live.feed.begin()  # the act's first step: the history before it is gone
    ((_, _, snapshot),) = parsed(taken(lab.live.feed.reader()))
    assert {"kind": "lesson", **act} == snapshot["lesson"]
    assert [event["kind"] for event in snapshot["events"]] == ["stage"]


def test_stages_of_learners_hear_of_it_too(lab, tmp_path):
    heard = []
    services = Services(
        lab.guard,
        KeptRuns(tmp_path),
        plan.load(),
        lab.live,
        on_lesson=lambda event, browser: heard.append((event.chapter, event.state, browser)),
    )
    place = {"chapter": "caching", "state": "over"}
    assert post(create_app(services).test_client(), "/lab/lesson", place, TERMINAL).json == {
        "id": 1
    }
    assert heard == [("caching", "over", "")]


def test_recorded_lesson_is_of_no_origin_and_says_how_it_is_made(lab, tmp_path):
    recorded = NewestRecording(tmp_path)
    web = create_app(Services(Guard(ORIGIN), KeptRuns(tmp_path), plan.load(), recorded=recorded))
    missing = call(web.test_client(), "GET", "/recorded")
    assert missing.status_code == 404 and "`lab record`" in missing.json["detail"]
    assert call(lab.web, "GET", "/recorded").status_code == 404  # served nowhere
    recording.keep(made(), new_folder(tmp_path / "20270101-000000-walkthrough"))
    assert recorded.is_at_hand()
    page = call(web.test_client(), "GET", "/recorded?step=3")
    assert page.status_code == 200 and 'id="recording"' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ") and "allow-same-origin" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "wrong",
    [
        {"chapter": "../x"},
        {"chapter": None},
        {"state": "lost"},
        {"act": -1},
        {"act": True},
        {"step": 1.5},
        {"since": 10**13},
        {"who": "<b>"},
        {"who": "c1\n"},
        {"who": 1},
        {"second": "John"},
        {"scene": "end"},
        {"text": "anything"},
    ],
)
def test_place_in_the_lesson_is_checked(lab, wrong):
    body = {"chapter": "the-crash", "state": "asking"} | wrong
    answer = post(lab.web, "/lab/lesson", body, TERMINAL)
    assert answer.status_code == 422 and answer.json["detail"]
    assert lab.live.feed.history() == []


def test_drawing_of_a_desk(lab):
    assert call(lab.web, "GET", "/lab/sequence/stateful").mimetype == "text/html"
    assert call(lab.web, "GET", "/lab/sequence/other").status_code == 404


def test_page_of_a_recorded_lesson_gets_its_data_from_the_recording(lab, tmp_path):
    services = Services(Guard(ORIGIN), KeptRuns(tmp_path), plan.load(), played="H4sI+/a=")
    web = create_app(services).test_client()
    assert 'id="recording">H4sI+/a=</script>' in call(web, "GET", "/").text
    source, recorded = (call(web, "GET", f"/lab/static/{n}.js") for n in ("source", "recorded"))
    assert 'from "./recorded.js"' in source.text and "EventSource" not in source.text
    assert "DecompressionStream" in recorded.text
    assert source.mimetype == recorded.mimetype == "text/javascript"
    assert call(web, "GET", "/lab/static/played.js").status_code == 404
    # A page of live servers has none of it.
    assert 'id="recording"' not in call(lab.web, "GET", "/").text
    assert "EventSource" in call(lab.web, "GET", "/lab/static/source.js").text
    assert call(lab.web, "GET", "/lab/static/recorded.js").status_code == 404


def test_live_routes_without_servers_say_so(played):
    assert call(played, "GET", "/lab/whoami").json == {
        "instructor": False,
        "live": False,
        "own_stages": False,
        "epoch": "",
        "life": "",
    }
    bodies = {**ORDERS, "/lab/act": {"do": "view"}, "/lab/customer": {"name": "John"}}
    asked = [("POST", path, body) for path, body in bodies.items()]
    for path in ("/lab/sequence/stateful", "/lab/status"):
        asked.append(("GET", path, None))
    for method, path, body in asked:
        answer = call(played, method, path, body)
        assert answer.status_code == 409, path
        assert "lab up" in answer.json["detail"]
    for path in ("/", "/lab/chapters", "/lab/runs", "/lab/code.css", "/lab/static/main.js"):
        assert call(played, "GET", path).status_code == 200


@pytest.mark.parametrize("status", [429, 503])
def test_newcomer_without_a_place_is_refused_with_when_to_come_again(lab, monkeypatch, status):
    def crowded(name, client):
        raise Crowded("too many", status, 7)

    monkeypatch.setattr(lab.live.customers, "enter", crowded)
    answer = post(lab.web, "/lab/customer", {"name": "John"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert answer.json == {"title": "Too many customers", "status": status, "detail": "too many"}
