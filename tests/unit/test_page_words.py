"""words.js: the page's scripts get faults, signs and settings from the code that has them."""

import json
import re
from pathlib import Path

from page_modules import address, needs_node, printed, served_modules

from lab.console import room
from lab.console.routes_public import STATIC
from lab.console.stack_state import STATE_SIGNS
from lab.console.words import phone_script, words
from lab.core.faults import FaultKind
from lab.core.http import UNANSWERED
from lab.evidence.cart_tracker import Fate
from lab.evidence.result import Verdict
from lab.report.wording import FATE_SIGNS

MODULES = served_modules()


def test_every_kind_of_fault_and_every_verdict_has_its_words():
    assert set(words()["FAULTS"]) == set(FaultKind)
    assert set(words()["VERDICT_SIGNS"]) == set(Verdict)
    assert set(words()["FATE_SIGNS"]) == {*Fate, "unshown"}


def test_status_503_is_an_answer_on_the_page_as_in_the_lab():
    assert words()["UNANSWERED"] == [0, *sorted(UNANSWERED)]
    assert 503 not in words()["UNANSWERED"]


def test_no_script_of_the_page_lists_kinds_of_fault_by_itself():
    for module in MODULES.glob("*.js"):
        text = module.read_text(encoding="utf-8")
        found = [kind for kind in ("restart", "pause", "resume", "drain") if f'"{kind}"' in text]
        assert module.name == "words.js" or len(found) < 2, (module.name, found)


def test_no_script_of_the_page_or_of_the_room_has_a_table_of_signs_by_itself():
    for module in (*STATIC.glob("*.js"), *Path(room.__file__).parent.glob("static/*.js")):
        table = re.findall(r"""\w["']?: "[✓✕≠●○‖↓…•~?!]\"""", module.read_text("utf-8"))
        assert len(table) < 2, (module.name, table)


def test_script_of_a_phone_begins_with_the_signs_of_states_and_fates():
    for name, signs in (("STATE_SIGNS", STATE_SIGNS), ("FATE_SIGNS", FATE_SIGNS)):
        found = re.search(rf"^const {name} = (.*);$", phone_script(), re.MULTILINE)
        assert json.loads(found[1]) == signs


@needs_node
def test_script_reads_what_the_server_says():
    script = f"""
        const words = await import({address("words")});
        const names = await import({address("names")});
        const states = ["up", "paused", "dead", "draining", undefined];
        const orders = states.map((state) => names.ordersAt(state));
        console.log(JSON.stringify([words, orders, names.ordersAt("paused", words.STORE_FAULTS)]));
    """
    served, orders, of_store = printed(script)
    assert served == json.loads(json.dumps(words()))
    assert orders == [
        ["kill", "restart", "pause", "drain"],
        ["kill", "restart", "resume", "drain"],
        ["restart", "drain"],
        ["kill"],
        [],
    ]
    assert of_store == ["kill", "restart", "resume"]
