"""The likely cause that is named, and where none is: by the evidence alone."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lab.experiments
from lab.check import causes as module
from lab.check.causes import FRAMEWORKS, causes, in_words, known_causes
from lab.check.clues import is_sealed
from lab.check.conversation import Call, Conversation, Ref, plain
from lab.check.differences import Difference, Relation
from lab.check.document import document
from lab.check.judge import Finding, Level, Report, Reproducer
from lab.check.play_name import ELSEWHERE, FRESH, SEPARATE, TURNS, USED
from lab.core.http import Answer, Headers


def packed(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


SEALED = f"{packed({'user': 'ada'})}.aXMgdGhl.c2VhbA-of-it"
OPAQUE = "0f3c9d2b7a414c0e8f6a5b1d2c3e4f50"
JWT = f"{packed({'alg': 'HS256'})}.{packed({'sub': 'ada', 'exp': 1})}.c2lnbmF0dXJl"


def asked(method, path, *pieces, headers=()):
    return Call(method, (*plain(path), *pieces), headers)


def bearer(value, call=0):
    return (("Authorization", ("Bearer ", Ref(call, "json:/token", value))),)


def given_cookie(name, value):
    return Answer(200, Headers([("Set-Cookie", f"{name}={value}; Path=/")]))


def status(before, after):
    return (Difference("status", str(before), str(after)),)


def report(calls, answers, *findings, level=Level.PROCESS, **shortest):
    """Return a report of a conversation; the findings are (index, before, differences, …)."""
    talk = Conversation(tuple(calls), "talk.py", tuple(answers))
    found = [
        Finding(index, talk.calls[index].title, Level.SELF_CONTAINED, status=answer.status)
        for index, answer in enumerate(answers)
    ]
    for each in findings:
        found[each.index] = replace(each, title=talk.calls[each.index].title)
    last = findings[0]
    needs = last.needs or ()
    shown = Reproducer((*needs, last.index), False, last.differences, 3, 3, **shortest)
    return Report(level, "because", talk, found, shown)


def finding(index, differences, *, before=200, play=FRESH, needs=(0,), level=Level.PROCESS):
    return Finding(index, "", level, play, differences, needs, status=before)


def first(made):
    found = causes(made)
    return found[0].name if found else None


LOGIN, LOOK = asked("POST", "/login"), asked("GET", "/me")
OK = Answer(200)


@pytest.mark.parametrize(
    ("value", "after", "cause"),
    [
        (SEALED, 401, "secret-at-start"),
        (OPAQUE, 401, "session-map"),
        (OPAQUE, 302, "session-map"),
        (f"s%3A{OPAQUE}.c2VhbA", 401, "session-map"),  # express-session: a signed id
        (f"{packed({'sid': OPAQUE})}.c2VhbA", 401, "session-map"),
        ("gAAAAA" + "b" * 60, 403, "secret-at-start"),
        (SEALED, 500, None),
        (SEALED, 200, None),
    ],
)
def test_refused_cookie_is_sealed_with_another_key_or_a_key_into_a_memory(value, after, cause):
    made = report(
        [LOGIN, LOOK], [given_cookie("session", value), OK], finding(1, status(200, after))
    )
    assert first(made) == cause


def test_refused_bearer_token_has_the_same_cause():
    for value, cause in ((JWT, "secret-at-start"), (OPAQUE, "session-map")):
        look = asked("GET", "/me", headers=bearer(value))
        made = report([LOGIN, look], [OK, OK], finding(1, status(200, 401)))
        assert first(made) == cause


def test_sealed_token_that_another_call_brings_with_success_is_no_matter_of_the_key():
    calls = [LOGIN, asked("GET", "/me", headers=bearer(SEALED))]
    calls.append(asked("GET", "/cart", headers=bearer(SEALED)))
    made = report(calls, [OK, OK, OK], finding(2, status(200, 401)))
    assert first(made) is None
    made = report(calls[:2], [OK, OK], finding(1, status(200, 401)))
    assert first(made) == "secret-at-start"


def test_id_that_is_not_found_any_more_was_in_a_map():
    calls = [asked("POST", "/jobs"), asked("GET", "/jobs/", Ref(0, "json:/id", "4711"))]
    made = report(calls, [Answer(201), OK], finding(1, status(200, 404)))
    assert first(made) == "map-in-memory"
    assert causes(made)[0].evidence == [
        "GET /jobs/4711: 200 became 404: the id in the path was given by call 1, and no other "
        "process knows it"
    ]


def test_id_of_the_clients_own_is_not_found_since_a_write_is_forgotten():
    calls = [asked("PUT", "/notes/a"), asked("GET", "/notes/a")]
    made = report(calls, [Answer(201), OK], finding(1, status(200, 404)))
    assert first(made) == "map-in-memory"
    looks = [asked("GET", "/a"), asked("GET", "/b")]
    assert first(report(looks, [OK, OK], finding(1, status(200, 404)))) is None


def test_word_of_the_clients_own_that_an_answer_repeats_is_not_what_was_given():
    made_by = replace(asked("PUT", "/notes/a"), body=plain('{"url": "http://x/"}'))
    again = replace(asked("PATCH", "/notes/a"), body=(Ref(0, "json:/url", "http://x/"),))
    made = report([made_by, again], [OK, OK], finding(1, status(200, 404)))
    assert causes(made)[0].evidence == ["PATCH /notes/a: 200 became 404: call 1 is forgotten"]


def test_session_id_in_a_header_is_a_session_also_where_it_is_not_found():
    header = (("Mcp-Session-Id", (Ref(0, "header:mcp-session-id", OPAQUE),)),)
    calls = [asked("POST", "/mcp"), asked("POST", "/mcp", headers=header)]
    made = report(calls, [OK, OK], finding(1, status(200, 404)))
    assert first(made) == "session-map"


def test_state_of_a_login_is_a_one_time_value():
    back = asked("GET", "/back?state=", Ref(0, "query:location:state", OPAQUE))
    made = report([asked("GET", "/login"), back], [Answer(302), OK], finding(1, status(200, 400)))
    assert first(made) == "one-time-value"


def test_answer_to_a_challenge_is_a_one_time_value():
    digest = asked("GET", "/me", headers=(("Authorization", plain('Digest nonce="a"')),))
    made = report([LOOK, digest], [Answer(401), OK], finding(1, status(200, 401)))
    assert first(made) == "one-time-value"


@pytest.mark.parametrize(("before", "after"), [(429, 200), (423, 401)])
def test_limit_that_is_forgotten_is_a_limiter(before, after):
    made = report([LOOK] * 2, [OK, Answer(before)], finding(1, status(before, after)))
    assert first(made) == "limiter"


def test_credential_that_is_accepted_again_was_on_a_list():
    calls = [
        LOGIN,
        asked("POST", "/logout", headers=bearer(SEALED)),
        asked("GET", "/me", headers=bearer(SEALED)),
    ]
    shown = finding(2, status(401, 200), needs=(0, 1))
    assert first(report(calls, [OK, OK, Answer(401)], shown)) == "denylist"
    nobody = [LOGIN, asked("POST", "/logout"), LOOK]
    assert first(report(nobody, [OK, OK, Answer(401)], shown)) is None


def test_relation_that_does_not_hold_is_a_remembered_answer():
    pay = asked("POST", "/pay", headers=(("Idempotency-Key", plain("k")),))
    differs = (Relation(1, "/id", 0, "/id").difference(),)
    made = report([pay, pay], [OK, OK], finding(1, differs))
    assert first(made) == "remembered-answer"
    assert "the call has the header Idempotency-Key" in causes(made)[0].evidence[0]


def test_younger_process_that_refuses_has_a_limit_of_its_own_time():
    calls = [LOGIN, asked("GET", "/me", headers=bearer(JWT))]
    shown = finding(1, status(200, 401))
    assert first(report(calls, [OK, OK], shown, young=True)) == "start-time"


def test_living_process_that_does_not_notice_has_a_cache():
    differs = (Difference("/title", "'tea'", "'milk'"),)
    shown = finding(1, differs, play=TURNS)
    assert first(report([LOOK] * 2, [OK, OK], shown)) == "process-cache"


def test_state_that_other_clients_left_is_named_where_only_they_make_the_difference():
    shown = finding(1, (Difference("/visits", "1", "2"),), play=USED, needs=None)
    made = report([LOOK] * 2, [OK, OK], shown)
    made.reproducer = None  # no script shows it
    assert first(made) == "earlier-clients"


def test_body_that_lacks_what_was_written_is_data_in_memory():
    differs = (Difference("/cart/-", "1 item", "0 items"),)
    calls = [LOGIN, asked("POST", "/cart"), asked("GET", "/cart")]
    shown = finding(2, differs, needs=(1,))
    assert first(report(calls, [given_cookie("s", SEALED), OK, OK], shown)) == "map-in-memory"
    assert first(report([LOOK] * 2, [OK, OK], finding(1, differs))) is None  # a read changed it?


def test_workers_that_answer_in_either_order_are_the_same_cause():
    for before, after in ((200, 401), (401, 200)):
        shown = finding(1, status(before, after), before=before, play=SEPARATE, needs=None)
        answers = [given_cookie("session", OPAQUE), Answer(before)]
        assert first(report([LOGIN, LOOK], answers, shown)) == "session-map"


def test_state_on_the_disk_is_a_file_and_a_sealed_credential_a_key_in_one():
    shown = finding(1, status(200, 401), play=ELSEWHERE, level=Level.DISK)
    for value, cause in ((SEALED, "key-file"), (OPAQUE, "local-disk")):
        answers = [given_cookie("session", value), OK]
        made = report([LOGIN, LOOK], answers, shown, level=Level.DISK)
        assert first(made) == cause


@pytest.mark.parametrize(
    "level", [Level.SELF_CONTAINED, Level.ALIKE, Level.BACKING_SERVICE, Level.UNKNOWN]
)
def test_no_cause_is_named_for_another_verdict(level):
    shown = replace(finding(1, status(200, 401)), level=level)
    made = report([LOGIN, LOOK], [given_cookie("s", SEALED), OK], shown, level=level)
    assert causes(made) == []


def test_no_cause_is_named_for_what_was_seen_once():
    made = report([LOGIN, LOOK], [given_cookie("s", SEALED), OK], finding(1, status(200, 401)))
    once = replace(made.findings[1], needs=None)
    made.findings[1], made.reproducer = once, None
    assert causes(made) == [] and causes(Report(Level.PROCESS, "because")) == []


def test_findings_of_one_cause_are_named_together():
    answers = [given_cookie("session", SEALED), OK, OK]
    shown = [finding(index, status(200, 401)) for index in (1, 2)]
    (made,) = causes(report([LOGIN, LOOK, asked("GET", "/cart")], answers, *shown))
    assert made.calls == [2, 3] and len(made.evidence) == 2


def test_document_has_the_cause_as_data_and_no_credential():
    made = report(
        [LOGIN, LOOK], [given_cookie("session", OPAQUE), OK], finding(1, status(200, 401))
    )
    found = document(made).causes[0]
    assert found.name == "session-map" and {*found.remedies} == {*FRAMEWORKS}
    assert OPAQUE not in str(found)
    sealed = report([LOGIN, LOOK], [given_cookie("s", SEALED), OK], finding(1, status(200, 401)))
    assert 'secret_key=os.environ["SECRET_KEY"]' in str(document(sealed).causes[0].remedies)


def test_text_has_evidence_remedies_and_what_they_cost():
    made = report(
        [LOGIN, LOOK], [given_cookie("session", OPAQUE), OK], finding(1, status(200, 401))
    )
    text = in_words(causes(made))
    assert text.startswith("Likely cause: sessions in the memory of a process")
    for wanted in ("GET /me: 200 became 401: the cookie session", "Express: session(", "lab run "):
        assert wanted in text
    assert in_words([]) == ""


def test_every_cause_has_a_line_for_each_framework_and_experiments_that_exist():
    folder = Path(lab.experiments.__file__).parent
    there = {path.stem.replace("_", "-") for path in folder.glob("*.py")}
    for name, entry in known_causes().items():
        assert tuple(entry.remedies) == FRAMEWORKS, name
        assert {*entry.experiments} <= there and entry.experiments, name
        for line in (*entry.remedies.values(), entry.costs, entry.title, entry.why):
            assert "\n" not in line and len(line) <= 100, line


def test_every_cause_that_a_rule_names_is_known():
    source = Path(module.__file__).read_text()
    named = {*re.findall(r'(?:return|named =) "([a-z-]+)", ', source)}
    assert named == {*known_causes()}


@given(st.text(max_size=60) | st.from_regex(r"[\w=.:!-]{0,80}", fullmatch=True))
def test_value_of_any_kind_is_sealed_or_not(value):
    assert is_sealed(value) in (True, False)


@pytest.mark.parametrize(
    "value",
    [OPAQUE, "", "a.b.c", "4711", packed({"alg": "none"}) + ".x.y", "x78" * 50, "eyJ" + "A" * 5000],
)
def test_value_that_says_nothing_is_not_sealed(value):
    assert not is_sealed(value)


def test_packed_value_of_itsdangerous_is_sealed():
    import zlib

    text = base64.urlsafe_b64encode(zlib.compress(json.dumps({"user": "ada"}).encode())).decode()
    assert is_sealed(f".{text.rstrip('=')}.aXMgdGhl.c2Vh")
    bomb = base64.urlsafe_b64encode(zlib.compress(b'{"' + b"a" * 10_000_000)).decode()
    assert not is_sealed(f".{bomb}.x.y")
