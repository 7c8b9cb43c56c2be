"""The node that runs the page's modules for tests: each script on its own, no failure unnoticed."""

import pytest
from page_modules import address, needs_node, printed

pytestmark = needs_node


def test_script_sees_nothing_of_the_script_before():
    assert printed("globalThis.left = 1; console.log('left' in globalThis)") is True
    assert printed("console.log('left' in globalThis)") is False


def test_module_is_loaded_anew_for_each_script():
    count = f"""
        const {{ emptyScene }} = await import({address("scene")});
        emptyScene.calls = (emptyScene.calls ?? 0) + 1;
        console.log(emptyScene.calls);
    """
    assert [printed(count), printed(count)] == [1, 1]


@pytest.mark.parametrize(
    "script",
    [
        "throw new Error('on purpose')",
        "const const = 'on purpose'",
        "Promise.reject(new Error('on purpose')); console.log(1)",
        "await Promise.reject('on purpose')",
        "await import('file:///on purpose.js')",
    ],
)
def test_script_that_fails_fails_the_test(script):
    with pytest.raises(AssertionError, match=r"on purpose|SyntaxError"):
        printed(script)
    assert printed("console.log(1)") == 1
