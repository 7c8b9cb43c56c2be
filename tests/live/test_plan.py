"""`lab plan` for real: every row measured with small n, a plan from it, and Ctrl-C."""

import json
import signal

import pytest
from conftest import wait_for

from lab.capacity import constants as kept
from lab.experiments.matrix import MATRIX
from lab.stack.programs import find_store

MEASURING_DEADLINE_S = 200  # 15 servers and a thousand requests, perhaps on a busy machine

pytestmark = pytest.mark.skipif(not find_store(), reason="needs a session store")


@pytest.fixture(scope="module")
def planned(shared_lab):
    """What one run measured and planned; the folder keeps the constants."""
    process = shared_lab.start("plan", "--measure", "--quick", "--users", "50M", "--json")
    ended = shared_lab.finish(process, MEASURING_DEADLINE_S)
    assert ended.status == 0, ended
    assert "measuring" in ended.err
    return json.loads(ended.out)


def measured(shared_lab):
    constants = kept.load(kept.newest(shared_lab.runs))
    return constants, {row.name: row for row in constants.rows}


def test_every_row_of_the_matrix_has_machines_or_a_reason(planned):
    needs = {each["row"]: each for each in planned["needs"]}
    assert list(needs) == [variant.name for variant in MATRIX]
    for each in needs.values():
        assert (each["machines"] is None) == (each["impossible"] is not None)
    assert needs["memory"]["impossible"]  # a second server does not know the cart
    assert all(each["machines"] > 2 for name, each in needs.items() if name != "memory")


def test_constants_are_of_what_was_measured(planned, shared_lab):
    constants, rows = measured(shared_lab)
    assert constants.measured.run == planned["constants"]["measured"]["run"]
    least, most = constants.lines
    # More lines: more bytes in the token, in a file and in an answer, whatever the desk.
    token, file, memory = rows["token"], rows["file"], rows["memory"]
    for row, what, of in (
        (token, "request_bytes", "read"),
        (token, "request_bytes", "write"),
        (file, "in_files", "session"),
        (memory, "answer_bytes", "read"),
    ):
        assert row.value(what, of, most) > row.value(what, of, least), (row.name, what)
    assert memory.value("request_bytes", "read", most) == memory.value(
        "request_bytes", "read", least
    )
    # Where a cart is, and nowhere else.
    where = {
        name: {
            what
            for what in ("in_process", "in_files", "in_store")
            if any(each.value for each in row.of(what, "session"))
        }
        for name, row in rows.items()
    }
    assert where == {
        "memory": {"in_process"},
        "memory-affinity": {"in_process"},
        "file": {"in_files"},
        "redis": {"in_store"},
        "token": set(),
        "token-denylist": set(),
        "token-revision": set(),
    }
    assert rows["token-revision"].value("in_store", "write", most) > 0
    assert rows["token-denylist"].value("in_store", "logout") > 0


def test_work_is_where_it_was_done(planned, shared_lab):
    _, rows = measured(shared_lab)
    for name, row in rows.items():
        for kind in ("login", "read", "write", "logout"):
            assert row.of("desk_cpu", kind)[0].value > 0
            assert row.of("balancer_cpu", kind)[0].value > 0
        operations = {kind: row.of("store_operations", kind)[0].value for kind in ("read", "write")}
        cost = row.of("store_cpu", "write")[0].value
        assert (operations["write"] > 0) == (cost > 0) == (name in STORED), (name, operations)
    assert rows["redis"].of("store_operations", "read")[0].value == 1
    assert rows["token-revision"].of("store_operations", "read")[0].value == 0


# --- what others have measured

REDIS_KEY_BYTES = 56
"""Of a key with an empty value: https://redis.io/commands/memory-usage (Redis 7.2)."""
NGINX_REQUESTS_PER_CORE = 74_091
"""Of 1 kB over HTTP, one core, without a proxy: "Testing the Performance of NGINX and NGINX Plus
Web Servers", https://www.nginx.com/blog/testing-the-performance-of-nginx-and-nginx-plus-web-servers
"""
COOKIE_BYTES = 4093
"""Of a session in Flask's own cookie, at most: Response.max_cookie_size, which Werkzeug's
documentation takes from RFC 6265, section 6.1."""


def test_session_in_the_store_is_a_redis_key_with_its_name_and_value(planned, shared_lab):
    _, rows = measured(shared_lab)
    kept_bytes = rows["redis"].value("in_store", "session")
    name, value = 60, 103  # a prefix and an id of 43 characters; MessagePack of an empty cart
    # An entry in the table of what expires, and what the allocator rounds up to.
    assert name + value < kept_bytes < 2.5 * (REDIS_KEY_BYTES + name + value)


def test_nginx_does_less_than_its_makers_measured_without_a_proxy(planned, shared_lab):
    _, rows = measured(shared_lab)
    for row in rows.values():
        per_core = 1e6 / row.value("balancer_cpu", "read", 1)
        # Here each request is two, with JSON of all of it in a log: but not fifty times slower.
        assert NGINX_REQUESTS_PER_CORE / 50 < per_core < NGINX_REQUESTS_PER_CORE, row.name


def test_session_of_some_lines_is_one_that_flask_would_put_into_its_cookie(planned, shared_lab):
    constants, rows = measured(shared_lab)
    _, most = constants.lines
    sent = {name: rows[name].value("request_bytes", "read", most) for name in ("token", "memory")}
    # What the credential of the stateless desk adds to a request.
    assert 0 < sent["token"] - sent["memory"] < COOKIE_BYTES
    assert rows["file"].value("in_files", "session", most) < COOKIE_BYTES


STORED = ("redis", "token-denylist", "token-revision")


def test_next_plan_uses_what_was_measured(planned, shared_lab):
    before = len(list(shared_lab.runs.glob("*-constants")))
    ended = shared_lab("plan", "--users", "2M", "--chart", "mine.svg")
    assert ended.status == 0, ended
    assert not ended.err  # nothing was measured again
    assert len(list(shared_lab.runs.glob("*-constants"))) == before
    constants, rows = measured(shared_lab)
    assert constants.measured.run in ended.out and "2 M users" in ended.out
    for name in rows:
        assert name in ended.out
    svg = (shared_lab.folder / "mine.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg") and "<script" not in svg


def test_plan_leaves_a_report_that_can_be_shown_again(planned, shared_lab):
    ended = shared_lab("report", "plan")
    assert ended.status == 0, ended
    assert "What each row needs at the peak" in ended.out
    page = (shared_lab.runs / "latest" / "report.html").read_text(encoding="utf-8")
    assert planned["constants"]["measured"]["run"] in page
    assert "<svg" in page and "<script" not in page


def test_ctrl_c_while_measuring_leaves_nothing(lab_here):
    process = lab_here.start("plan")
    wait_for(lambda: "each row in turn" in process.err_path.read_text())
    process.send_signal(signal.SIGINT)
    ended = lab_here.finish(process)
    assert ended.status == 130, ended
    lab_here.assert_nothing_left()
    assert kept.newest(lab_here.runs) is None
    assert not (lab_here.runs / "latest").exists()  # it is not a run for `lab report`
