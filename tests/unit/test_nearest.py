"""A name that does not exist is answered with the nearest that does."""

import copy

import pytest

from lab.core.nearest import nearest, no_argument, no_attribute
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.other_words import ARGUMENTS, FIELDS, LAB, VERBS
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.experiments.script_api import Lab


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("add_item", "add"), ("addItem", "add"), ("Add", "add"), ("ad", "add")),
        *(("viewcart", "view_cart"), ("veiw_cart", "view_cart"), ("qty", "quantity")),
        *(("statuscode", "status_code"), ("buy", "add"), ("timeout", "timeout_s")),
        *(("", None), ("zzz", None), ("x" * 10_000, None), ("çå∂", None), ("_", None)),
    ],
)
def test_nearest_is_what_a_person_would_guess(name, meant):
    known = ("add", "view_cart", "quantity", "status_code", "timeout_s", "checkout")
    assert nearest(name, known, {"buy": "add"}) == meant


def test_nearest_of_nothing_is_nothing():
    assert nearest("add", ()) is None


def exchange():
    return Exchange("1", "John", "GET", "/", None, 0.0, 1.0, 200, OpStatus.OK, {}, b"", {}, b"{}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("add_item", "did you mean .add?"), ("get_cart", "did you mean .view_cart?")),
        *(("pay", "did you mean .checkout?"), ("kill", "did you mean lab.kill?")),
        *(("delete", "did you mean .remove?"), ("post", 'did you mean .request("POST", …)?')),
    ],
)
def test_shopper_answers_a_verb_that_does_not_exist(name, said):
    shopper = Shopper(lambda server: "http://nowhere", Record("x"))
    with pytest.raises(AttributeError) as caught:
        getattr(shopper, name)
    assert str(caught.value) == f"a shopper has no .{name}: {said}"
    (known,) = caught.value.__notes__
    assert "add, another_tab, change, checkout" in known


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("statuscode", "did you mean .status_code?"), ("code", "did you mean .status?")),
        *(("cart", 'did you mean .body["cart"]?'), ("server", "did you mean .served_by?")),
    ],
)
def test_answer_answers_a_field_that_does_not_exist(name, said):
    with pytest.raises(AttributeError) as caught:
        getattr(exchange(), name)
    assert str(caught.value) == f"an answer has no .{name}: {said}"


def test_answer_is_no_dict_and_says_where_one_is():
    with pytest.raises(TypeError, match=r"its JSON is \.body, as in answer\.body\['cart'\]"):
        exchange()["cart"]


def test_answer_can_still_be_copied_compared_and_printed():
    assert copy.copy(exchange()) == copy.deepcopy(exchange()) == exchange()
    assert str(exchange()) == "GET / -> 200"
    assert not hasattr(exchange(), "__len__")
    assert getattr(exchange(), "nothing", None) is None


def test_no_argument_names_the_verb_and_what_it_takes():
    error = no_argument("add", "qty", ("sku", "quantity"))
    assert str(error) == "add() takes no qty=: did you mean quantity=?"
    assert error.__notes__ == ["It takes sku, quantity"]
    assert str(no_argument("add", "zzz", ("sku",))) == "add() takes no zzz="


def test_no_attribute_leaves_pythons_own_questions_alone():
    assert str(no_attribute(object(), "it", "__deepcopy__")) == "__deepcopy__"


@pytest.mark.parametrize(
    ("words", "of"),
    [(VERBS, Shopper), (LAB, Lab), (FIELDS, Exchange)],
    ids=["verb", "lab", "field"],
)
def test_every_other_word_means_something_that_exists(words, of):
    has = {*dir(of), *getattr(of, "__dataclass_fields__", ()), "user_id", "random", "customers"}
    for word, meant in words.items():
        name = meant.partition("[")[0].partition("(")[0]
        assert name in has or meant == "time.sleep", (word, meant)
        assert word not in has - {"random", "customers"}, f"{word} exists itself"
    assert set(ARGUMENTS.values()) <= {"quantity", "sku", "server", "tries", "json", "timeout_s"}
