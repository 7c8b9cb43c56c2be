import os

import pytest
import requests

URL = os.environ["SHOP_URL"]


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def ada(http):
    assert http.post(f"{URL}/login", json={"name": "Ada"}).json() == {"hello": "Ada"}
    return http


@pytest.mark.parametrize("product", ["pen", "ink", "paper"])
def test_product_has_a_price(http, product):
    assert http.get(f"{URL}/products").json()[product] > 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_cart_needs_a_login(http, method):
    answer = http.request(method, f"{URL}/cart", json={"item": "pen"})
    assert answer.status_code == 401


@pytest.mark.parametrize("count", range(1, 6))
def test_cart_is_kept(ada, count):
    assert ada.get(f"{URL}/products").ok
    for _ in range(count):
        assert ada.post(f"{URL}/cart", json={"item": "pen"}).status_code == 201
    assert ada.get(f"{URL}/cart").json() == {"cart": ["pen"] * count}


@pytest.mark.parametrize("item", ["", "gold", "Pen"])
def test_unknown_product_is_refused(ada, item):
    assert ada.post(f"{URL}/cart", json={"item": item}).status_code == 404
    assert ada.get(f"{URL}/cart").json() == {"cart": []}


@pytest.mark.parametrize("item", ["pen", "ink"])
def test_carts_of_two_customers_are_apart(ada, item):
    with requests.Session() as bob:
        bob.trust_env = False
        bob.post(f"{URL}/login", json={"name": "Bob"})
        ada.post(f"{URL}/cart", json={"item": item})
        assert bob.get(f"{URL}/cart").json() == {"cart": []}
        assert ada.get(f"{URL}/cart").json() == {"cart": [item]}
