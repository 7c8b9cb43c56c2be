"""The page's arrivals.js: what is drawn of the events that have come, and when."""

import pytest
from page_modules import address, needs_node, printed

pytestmark = needs_node

PRELUDE = f"""
    const {{ settled, hear, turn, arrive, hurry }} = await import({address("arrivals")});
    const {{ emptyScene }} = await import({address("scene")});
    const {{ cartsOf }} = await import({address("carts")});
    const totals = (kept) => ({{ stateful: {{ kept }}, stateless: {{ kept: 0 }} }});
    const stack = (count) => ({{
      desks: {{ stateful: [{{ name: "A", state: "up", instance: "a1", carts_remembered: count }}],
               stateless: [] }},
      settings: {{ stateful: {{ store: "memory" }}, stateless: {{ store: "token" }} }},
      store: null }});
    let number = 0;
    const event = (kind, fields) => (
      {{ kind, id: ++number, at: number, score: totals(0), ...fields }});
    const asked = (op, more = {{}}) => event("request", {{ desk: "stateful", op, who: "c1",
      method: "POST", path: "/api/cart/items", status: 201, tried: [{{ server: "A" }}], ...more }});
    const cart = {{ lines: [{{ sku: "pen", name: "Pen", quantity: 1 }}] }};
    const answered = (op, more = {{}}) => event("exchange", {{ desk: "stateful", op, who: "c1",
      customer: "John", method: "POST", path: "/api/cart/items", status: 201, served_by: "A",
      instance: "a1", request: {{ headers: {{}} }},
      response: {{ headers: {{ "Set-Cookie": "desk_session=abcdefgh" }}, body: {{ cart }} }},
      ...more }});
    const begin = settled({{ ...emptyScene(), stack: stack(0), score: totals(0) }});
    const drawn = ({{ stage }}, desk = "stateful") => {{
      const [john] = [...cartsOf(stage, desk).values()];
      return {{ cart: Boolean(john?.owed), credential: Boolean(john?.credential),
        last: Boolean(stage.last[desk]),
        answers: stage.requests.length, kept: stage.score.stateful.kept,
        count: stage.stack.desks.stateful[0]?.carts_remembered }};
    }};
    const follow = (...steps) => steps.reduce((now, step) => step(now), begin);
    const comes = (event) => (now) => hear(now, event);
    const at = (how, key) => (now) => how(now, key);
"""
NOTHING = {"cart": False, "credential": False, "last": False, "answers": 0, "kept": 0, "count": 0}
ALL = {"cart": True, "credential": True, "last": True, "answers": 1, "kept": 1, "count": 0}


def run(code):
    """Return what the JavaScript expression gives, with the prelude's names."""
    script = f"{PRELUDE}\nconsole.log(JSON.stringify({code}));"
    return printed(script)


BOUGHT = 'comes(asked("x")), comes(answered("x", {score: totals(1)}))'


def test_no_arrival_shows_while_the_request_is_on_its_way_out():
    counted = 'comes(event("stack", {stack: stack(1)}))'
    assert run(f"drawn(follow({BOUGHT}, {counted}))") == NOTHING


def test_cart_and_count_show_at_the_turn_and_the_answer_at_the_end():
    out = f'{BOUGHT}, comes(event("stack", {{stack: stack(1)}})), at(turn, "x")'
    assert run(f"drawn(follow({out}))") == {**NOTHING, "cart": True, "count": 1}
    assert run(f'drawn(follow({out}, at(arrive, "x")))') == {**ALL, "count": 1}


def test_token_is_in_the_hand_only_when_the_answer_is_back():
    desk = 'desk: "stateless"'
    out = f'comes(asked("x", {{{desk}}})), comes(answered("x", {{{desk}}})), at(turn, "x")'
    assert run(f'drawn(follow({out}), "stateless").cart') is False
    assert run(f'drawn(follow({out}, at(arrive, "x")), "stateless").cart') is True


@pytest.mark.parametrize(
    "steps",
    [
        ("answer", "request", "turn", "arrive"),
        ("request", "turn", "arrive", "answer"),
        ("request", "turn", "answer", "arrive"),
        ("request", "answer", "arrive"),
    ],
    ids=["exchange first", "exchange last", "exchange on the way back", "no turn"],
)
def test_order_of_log_and_exchange_does_not_matter(steps):
    how = {
        "request": 'comes(asked("x", {score: totals(1)}))',
        "answer": 'comes(answered("x", {score: totals(1)}))',
        "turn": 'at(turn, "x")',
        "arrive": 'at(arrive, "x")',
    }
    assert run(f"drawn(follow({', '.join(how[step] for step in steps)}))") == ALL


def test_score_waits_for_an_earlier_request_of_the_desk():
    """The totals of a later event count the earlier request, whose answer is not back yet."""
    two = f'{BOUGHT}, comes(asked("y")), comes(answered("y", {{score: totals(2)}}))'
    assert run(f'drawn(follow({two}, at(arrive, "y"))).kept') == 0
    assert run(f'drawn(follow({two}, at(arrive, "y"), at(arrive, "x"))).kept') == 2


def test_fault_lets_its_desk_arrive_first_and_no_other():
    kill = 'comes(event("fault", {desk: DESK, fault: "kill", target: "A", confirmed: true}))'
    here = run(f"drawn(follow({BOUGHT}, {kill.replace('DESK', chr(34) + 'stateful' + chr(34))}))")
    assert (here["answers"], here["last"]) == (1, True)
    there = run(f"drawn(follow({BOUGHT}, {kill.replace('DESK', chr(34) + 'stateless' + chr(34))}))")
    assert there == NOTHING
    both = run(f"drawn(follow({BOUGHT}, {kill.replace('DESK', chr(34) * 2)}))")
    assert (both["answers"], both["last"]) == (1, True)


def test_fault_that_walks_shows_what_it_ends_when_it_is_out():
    killed = """(now) => hear(now, event("fault", {id: 99, desk: "stateful", fault: "kill",
        stack: {...stack(0), desks: {stateful: [{name: "A", state: "dead"}]}}}), true)"""
    state = "(({stage}) => stage.stack.desks.stateful[0].state)"
    assert run(f"{state}(follow({killed}))") == "up"
    assert run(f"{state}(follow({killed}, at(arrive, 99)))") == "dead"
    # Whatever happens next at the desk, it is out.
    again = 'comes(event("setting", {id: 100, desk: "stateful"}))'
    assert run(f"{state}(follow({killed}, {again}))") == "dead"


def test_new_stage_leaves_nothing_on_its_way():
    anew = 'comes(event("stage", {stack: stack(0)}))'
    assert run(f"follow({BOUGHT}, {anew}).travelling.size") == 0


def test_answer_of_a_cache_shows_nothing_at_a_server():
    cached = 'comes(asked("x", {tried: []})), comes(answered("x")), at(turn, "x")'
    assert run(f"drawn(follow({cached}))") == NOTHING


@pytest.mark.parametrize("how", ["turn", "arrive"])
def test_unknown_request_changes_nothing(how):
    assert run(f"drawn(follow({BOUGHT}, at({how}, 'nobody')))") == NOTHING
