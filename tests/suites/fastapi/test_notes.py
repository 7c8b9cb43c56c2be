import httpx
import pytest


@pytest.fixture
def http(lab_url):
    with httpx.Client(base_url=lab_url, trust_env=False) as client:
        yield client


@pytest.fixture
def token(http):
    answer = http.post("/token", json={"name": "Ada"})
    assert answer.status_code == 201
    return answer.json()["token"]


@pytest.mark.parametrize("number", range(8))
def test_health(http, number):
    assert http.get("/health").json() == {"ok": True}


@pytest.mark.parametrize("name", ["", "nonsense", "Bearer", "Bearer x.y"])
def test_wrong_token_is_refused(http, name):
    assert http.get("/me", headers={"Authorization": name}).status_code == 401


@pytest.mark.parametrize("times", range(1, 6))
def test_token_is_good_for_several_requests(http, token, times):
    for _ in range(times):
        answer = http.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.json() == {"name": "Ada"}


@pytest.mark.parametrize("body", [{}, {"name": 7}, {"name": None}])
def test_wrong_body_is_refused(http, body):
    assert http.post("/token", json=body).status_code == 422
