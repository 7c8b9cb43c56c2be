import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as started:
        yield started


@pytest.fixture
def http(playwright, lab_url):
    context = playwright.request.new_context(base_url=lab_url)
    yield context
    context.dispose()


@pytest.fixture
def visitor(http):
    assert http.post("/visits").status == 201
    return http


@pytest.mark.parametrize("number", range(6))
def test_root(http, number):
    assert http.get("/").json() == {"ok": True}


@pytest.mark.parametrize("path", ["/count", "/count?x=1"])
def test_count_needs_a_visit(http, path):
    assert http.get(path).status == 401
    assert http.post(path).status == 401


@pytest.mark.parametrize("times", range(1, 6))
def test_visitor_is_counted(visitor, times):
    for number in range(times):
        assert visitor.post("/count").json() == {"count": number + 1}
    assert visitor.get("/count").json() == {"count": times}
