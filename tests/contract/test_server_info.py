"""`GET /api/server` answers from what the process really holds."""

import os

from .conftest import Desk


def info(desk: Desk) -> dict:
    return desk.visitor().request("GET", "/api/server").json


def test_server_info_names_the_process(desk: Desk) -> None:
    answer = desk.visitor().request("GET", "/api/server")
    info = answer.json
    assert list(info) == [
        "app",
        "replica",
        "pid",
        "instance",
        "requests_served",
        "carts_remembered",
    ]
    assert info["app"] == ("stateful" if desk.is_stateful else "stateless")
    assert info["pid"] == os.getpid()
    assert info["replica"] == answer.headers["X-Served-By"]
    assert info["instance"] == answer.headers["X-Instance"]


def test_server_info_counts_carts_of_process_memory_only(desk: Desk) -> None:
    customers = [desk.customer(str(number)) for number in range(3)]
    for customer in customers:
        customer.add()
    assert info(desk)["carts_remembered"] == (3 if desk.keeps == "memory" else 0)
    customers[0].logout()
    assert info(desk)["carts_remembered"] == (2 if desk.keeps == "memory" else 0)


def test_refused_visitor_leaves_nothing_behind(desk: Desk) -> None:
    desk.visitor().view()
    desk.visitor().request("POST", "/api/login", json={})
    assert info(desk)["carts_remembered"] == 0


def test_requests_are_counted_refusals_too(desk: Desk) -> None:
    assert info(desk)["requests_served"] == 1
    desk.visitor().view()
    desk.visitor().request("GET", "/nowhere")
    assert info(desk)["requests_served"] == 4
