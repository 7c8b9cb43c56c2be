"""The page's crowd.js: a bar for each server, the longest for the most requests."""

import json

from page_modules import address, needs_node, printed

pytestmark = needs_node
BROWSER = "globalThis.HTMLElement = class {}; globalThis.document = { querySelector: () => null };"


def bars_of(servers):
    script = f"""
        {BROWSER}
        const {{ barsOf }} = await import({address("crowd")});
        console.log(JSON.stringify(barsOf({json.dumps(servers)})));
    """
    return printed(script)


def test_each_server_has_a_bar_and_who_got_no_answer_comes_last():
    stateful, stateless = bars_of(
        {"stateful": {"": 7, "C": 20, "A": 40, "B": 10}, "stateless": {"A": 1}}
    )
    assert stateful["desk"] == "stateful"
    assert [each["name"] for each in stateful["bars"]] == ["A", "B", "C", "no answer"]
    assert [each["number"] for each in stateful["bars"]] == [40, 10, 20, 7]
    assert {each["most"] for each in stateful["bars"] + stateless["bars"]} == {40}


def test_crowd_without_an_answer_yet_has_no_bars():
    assert bars_of({}) == []
    assert bars_of({"stateful": {}}) == [{"desk": "stateful", "bars": []}]
