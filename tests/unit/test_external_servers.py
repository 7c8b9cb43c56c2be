"""Servers the lab did not start: which addresses and commands it takes, and which it refuses."""

import json
import socket
import threading
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from lab.core.errors import LabError
from lab.processes.ports import free_ports
from lab.stack import deployment
from lab.stack.deployment import ExternalServerSpec, find
from lab.stack.external_server import ExternalServer

NUMBERS = count()


class Answering:
    """Something that listens on a port of 127.0.0.1, and what it says when it is asked."""

    def __init__(self, **says):
        self.says = {
            "app": "stateful",
            "replica": "A",
            "instance": f"life-{next(NUMBERS)}",
            "pid": 1,
            "requests_served": 1,
            "carts_remembered": 0,
        } | says
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = server.body()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def body(self):
        return json.dumps(
            {name: each() if callable(each) else each for name, each in self.says.items()}
        ).encode()

    def close(self):
        self._server.shutdown()
        self._thread.join(60)
        self._server.server_close()


@pytest.fixture
def answering():
    """Make what `Answering` makes, and end it afterwards."""
    with ExitStack() as made:
        yield lambda **says: made.enter_context(closing(Answering(**says)))


def test_each_is_asked_which_desk_it_is_and_keeps_its_own_name(answering):
    servers = [
        answering(app="stateless", replica="paris-1"),
        answering(replica="B"),
        answering(app="stateless", replica="B"),
    ]
    found = find([each.url for each in servers], {})
    assert [each.name for each in found["stateless"]] == ["paris-1", "B"]
    assert [each.url for each in found["stateful"]] == [servers[1].url]
    assert found["stateful"][0].ip == "127.0.0.1"


def test_desk_without_servers_is_not_there(answering):
    assert list(find([answering().url + "/"], {})) == ["stateful"]


def test_name_is_looked_up_once_and_shown_as_it_was_given(answering):
    port = answering().url.rpartition(":")[2]
    (server,) = find([f"http://LOCALHOST:{port}"], {})["stateful"]
    assert (server.label, server.ip) == (f"localhost:{port}", "127.0.0.1")


def test_address_of_ipv6_keeps_its_brackets():
    place = ExternalServerSpec("::1", "::1", 5001, "stateful", "A")
    assert (place.url, ExternalServer(place).address) == ("http://[::1]:5001", "[::1]:5001")
    with pytest.raises(LabError, match=r"http://\[::1\]:1 does not answer"):
        find(["http://[::1]:1"], {})


HOSTILE = [
    "",
    "desk",
    "127.0.0.1:5001",
    "ftp://127.0.0.1:5001",
    "https://127.0.0.1:5001",
    "http://127.0.0.1",
    "http://:5001",
    "http://127.0.0.1:0",
    "http://127.0.0.1:70000",
    "http://127.0.0.1:-1",
    "http://127.0.0.1:five",
    "http://127.0.0.1:5001/api",
    "http://127.0.0.1:5001?x=1",
    "http://127.0.0.1:5001#x",
    "http://127.0.0.1:5001 ",
    "http://127.0. 0.1:5001",
    "http://127.0.0.1:5001\n",
    "http://127.0.0.1:5001;}",
    "http://a;return:5001",
    "http://-oProxyCommand=x:5001",
    "http://$(id):5001",
    "http://{port}:5001",
    "http://[::1:5001",
    "http://[x]:5001",
    "http://bücher:5001",
    "http://127.0.0.1:٥٠٠١",
    "http://\0:5001",
    "http://" + "a" * 10_000 + ":5001",
    "http://" + "a" * 280 + ":5001",
]


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: ascii(url)[:40])
def test_text_that_is_no_address_is_refused_and_shown_shortly(url):
    with pytest.raises(LabError, match="http://HOST:PORT") as caught:
        find([url], {})
    assert len(str(caught.value)) < 250 and str(caught.value).isprintable()


def test_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(LabError, match="user name in it") as caught:
        find(["http://john:s3cret@127.0.0.1:5001"], {})
    assert "s3cret" not in str(caught.value)


def test_server_that_does_not_answer_is_named():
    (port,) = free_ports(1)
    with pytest.raises(LabError, match=rf"http://127.0.0.1:{port} does not answer"):
        find([f"http://127.0.0.1:{port}"], {})


def test_unknown_host_is_named():
    with pytest.raises(LabError, match=r"the host 'desk\.invalid' is unknown here"):
        find(["http://desk.invalid:5001"], {})


@pytest.mark.parametrize(
    "says",
    [
        {"app": "shop"},
        {"replica": ""},
        {"replica": "A; } server {"},
        {"replica": "../x"},
        {"replica": "-rf"},
        {"replica": "x" * 33},
        {"instance": ""},
    ],
    ids=str,
)
def test_address_that_answers_and_is_no_desk_is_refused(answering, says):
    with pytest.raises(LabError, match="is not a desk of the shop"):
        find([answering(**says).url], {})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"[" * 5000, b"\xff"], ids=lambda b: ascii(b)[:9]
)
def test_answer_that_is_no_object_is_refused(answering, body):
    server = answering()
    server.body = lambda: body
    with pytest.raises(LabError, match="does not answer GET /api/server as a desk does"):
        find([server.url], {})


@pytest.mark.parametrize(
    "says",
    [
        *({"app": None}, {"app": ["stateful"]}, {"replica": 7}, {"instance": None}),
        *({"pid": "1"}, {"pid": True}, {"carts_remembered": 1.5}),
    ],
    ids=str,
)
def test_answer_with_a_field_of_another_type_is_refused(answering, says):
    with pytest.raises(LabError, match="does not answer GET /api/server as a desk does"):
        find([answering(**says).url], {})


def test_port_that_accepts_and_says_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(
        deployment,
        "server_info",
        lambda port, host, ask=deployment.server_info: ask(port, timeout_s=0.1, host=host),
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(LabError, match="does not answer"):
            find([url], {})


def test_balancer_in_between_is_noticed(answering):
    server = answering(instance=lambda: f"life-{next(NUMBERS)}")
    with pytest.raises(LabError, match="more than one server"):
        find([server.url], {})


def test_server_named_twice_is_refused(answering):
    url = answering().url
    with pytest.raises(LabError, match="are the same server: name it once"):
        find([url, url], {})
    with pytest.raises(LabError, match="are the same server"):
        find([url, url.replace("127.0.0.1", "localhost")], {})


def test_servers_of_one_name_are_refused(answering):
    with pytest.raises(LabError, match=r"both call themselves 'solo'.*REPLICA"):
        find([answering(replica="solo").url for _ in range(2)], {})


def test_servers_of_a_desk_beyond_26_are_refused(answering):
    with pytest.raises(LabError, match="53 servers: the lab takes at most 52"):
        find(["http://127.0.0.1:1"] * 53, {})
    with pytest.raises(LabError, match="27 stateful servers: the lab takes at most 26"):
        find([answering(replica=f"r{n}").url for n in range(27)], {})


# --- commands


def placed(answering, servers, **commands):
    urls = [answering(replica=name).url for name in "ABC"[:servers]]
    return find(urls, commands)["stateful"]


def test_command_for_all_servers_says_which_is_meant(answering):
    first, second = placed(answering, 2, kill=["ssh {host} 'kill {port} {name}' {{.State}} $HOME"])
    assert first.command("kill") == [
        *("ssh", "127.0.0.1", f"kill {first.port} A", "{{.State}}", "$HOME")
    ]
    assert second.command("kill")[2] == f"kill {second.port} B"


def test_command_for_each_goes_in_order(answering):
    first, second = placed(answering, 2, kill=["end 1", "end 2"], restart=["up {name}"])
    assert (first.command("kill"), second.command("kill")) == (["end", "1"], ["end", "2"])
    assert second.command("restart") == ["up", "B"]


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        (["end {name}", "end {name}"], r"2 --kill-command for 3 servers: give one for each"),
        (["end A"], r"has to say which is meant: write \{host\}, \{port\}, \{name\}"),
        (["end '{name}"], "No closing quotation"),
        (["", "a", "b"], "is empty or not a command"),
        (["   ", "a", "b"], "is empty or not a command"),
        (["end\0 {name}"], "is empty or not a command"),
    ],
)
def test_commands_that_do_not_fit_are_refused_before_they_are_called(commands, words):
    with pytest.raises(LabError, match=words):
        find(["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"], {"kill": commands})


def test_fault_without_a_command_names_the_option(answering):
    (server,) = placed(answering, 1)
    with pytest.raises(LabError, match=r"say how to kill a server with --kill-command"):
        server.command("kill")


def test_upstream_shows_no_command_of_its_own():
    secret = ExternalServerSpec("h", "1.2.3.4", 1, commands={"kill": ("x", "s3cret")})
    assert "s3cret" not in repr(secret) + str(secret)
