"""The page's crowd.js: a bar for each server, the longest for the most requests."""

import json
import shutil
import subprocess

import pytest
from page_modules import served_modules

NODE = shutil.which("node")
MODULE = served_modules() / "crowd.js"
pytestmark = pytest.mark.skipif(NODE is None, reason="no node here to run the page's modules with")
BROWSER = "globalThis.HTMLElement = class {}; globalThis.document = { querySelector: () => null };"


def bars_of(servers):
    script = f"""
        {BROWSER}
        const {{ barsOf }} = await import({json.dumps(MODULE.as_uri())});
        console.log(JSON.stringify(barsOf({json.dumps(servers)})));
    """
    command = [NODE, "--input-type=module", "--eval", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
