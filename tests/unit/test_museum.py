"""The museum: what its labels say, what a piece needs, and a conversation with two servers."""

import json
import re
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.check.document import CheckDocument
from lab.check.judge import Level
from lab.cli.main import cli
from lab.core.errors import LabError
from lab.docs import handbook
from lab.museum import installed
from lab.museum.piece import PIECES, VISIT, find, pieces
from lab.museum.tour import Guide, ShownService, Tour
from lab.museum.two_servers import Turn, Turns, TurnServer, run_talk
from lab.report.catalog import kept_runs

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ALL = pytest.mark.parametrize("piece", pieces(), ids=lambda each: each.name)


def names(requirements):
    return {re.match(r"[\w.-]+", each)[0] for each in requirements}


def test_visit_names_every_piece_once():
    assert sorted(VISIT) == sorted(each.name for each in PIECES.iterdir())
    assert len(VISIT) >= 6


@ALL
def test_label_names_its_report_and_gives_it_in_whole_sentences(piece):
    label = piece.label
    repository, number = re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", label.report).groups()
    assert re.fullmatch(rf"https://github.com/{repository}/(issues|pull)/{number}", label.url)
    assert 2000 < label.year < 2100
    assert all(each.endswith((".", ").")) for each in (piece.story, label.cause, label.remedy))
    assert label.fault in (Level.PROCESS, Level.DISK)
    assert label.mended in (Level.SELF_CONTAINED, Level.BACKING_SERVICE)
    assert bool(label.packages) != bool(label.npm)


@ALL
def test_piece_is_a_few_dozen_lines_and_its_remedy_fewer(piece):
    for state in ("before", "after"):
        assert len(piece.service(state).read_text(encoding="utf-8").splitlines()) <= 70
    changed = [each for each in piece.difference.splitlines() if re.match(r"[+-](?![+-])", each)]
    assert 0 < len(changed) <= 36
    assert "def script(http)" in (piece.folder / "talk.py").read_text(encoding="utf-8")


def test_pieces_need_only_what_the_lab_and_its_extra_need():
    own, extra = names(PROJECT["dependencies"]), names(PROJECT["optional-dependencies"]["museum"])
    alone = [
        each.name for each in pieces() if each.label.packages and {*each.label.packages} <= own
    ]
    assert len(alone) >= 3
    for each in pieces():
        assert {*each.label.packages} <= own | extra


@pytest.mark.parametrize(("name", "near"), [("ctf", "ctfd"), ("FastMCP", "fastmcp")])
def test_unknown_piece_is_answered_with_the_nearest(name, near):
    with pytest.raises(LabError, match=f"did you mean {near}"):
        find(name)


@pytest.mark.parametrize("name", ["", "../ctfd", "ctfd/..", "\x00", "x" * 5000])
def test_hostile_name_is_no_piece(name):
    with pytest.raises(LabError, match="the museum has no"):
        find(name)


def test_missing_python_package_is_answered_with_the_extra(monkeypatch, tmp_path):
    def none(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installed.metadata, "version", none)
    assert installed.command_for_missing(find("docling"), tmp_path) == 'pip install ".[museum]"'


def node_packages(folder, **versions):
    for name, version in versions.items():
        place = folder / "node_modules" / name.replace("_", "-")
        place.mkdir(parents=True)
        (place / "package.json").write_text(version, encoding="utf-8")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("/bin/node", "npm install express@4 express-rate-limit@7"),
        (None, "install Node 18 or later"),
    ],
)
def test_missing_package_of_node_is_answered_with_npm(monkeypatch, tmp_path, node, said):
    monkeypatch.setattr(installed.shutil, "which", lambda name: node)
    node_packages(tmp_path, express='{"version": "4.1.0"}')  # one of two
    assert installed.command_for_missing(find("limiter"), tmp_path).startswith(said)


def test_packages_of_node_are_found_above_the_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(installed.shutil, "which", lambda name: "/bin/node")
    node_packages(tmp_path, express='{"version": "4.1.0"}', express_rate_limit='{"version": "7"}')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    limiter = find("limiter")
    assert installed.command_for_missing(limiter, below) == ""
    assert installed.versions(limiter, below) == ["express 4.1.0", "express-rate-limit 7"]
    assert installed.modules_of_node(limiter, below) == tmp_path / "node_modules"
    monkeypatch.setattr(installed.shutil, "which", lambda name: None)
    assert "install Node" in installed.command_for_missing(limiter, below)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "express"}', "\ud800"])
def test_damaged_package_of_node_is_a_missing_one(monkeypatch, tmp_path, text):
    monkeypatch.setattr(installed.shutil, "which", lambda name: "/bin/node")
    node_packages(tmp_path, express_rate_limit='{"version": "7"}')
    (tmp_path / "node_modules" / "express").mkdir()
    place = tmp_path / "node_modules" / "express" / "package.json"
    place.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "npm install" in installed.command_for_missing(find("limiter"), tmp_path)


class Greeter(BaseHTTPRequestHandler):
    """Answers with its own name, sets a cookie, and says which one came."""

    def do_GET(self):
        body = json.dumps({"i am": self.server.server_port, "cookie": self.headers["Cookie"]})
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Set-Cookie", "visit=1; Path=/")
        if self.path == "/away":
            self.send_header("Location", "https://elsewhere.example/?state=5")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def two():
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Greeter) for _ in range(2)]
    for each in servers:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield [
        TurnServer(name, number, f"http://127.0.0.1:{each.server_port}")
        for number, (name, each) in enumerate(zip("AB", servers, strict=True))
    ]
    for each in servers:
        each.shutdown()
        each.server_close()


def talk(tmp_path, text):
    path = tmp_path / "talk.py"
    path.write_text(f"def script(http):\n    {text}\n", encoding="utf-8")
    return path


def test_servers_are_asked_in_turn_by_one_client(tmp_path, two):
    said = run_talk(talk(tmp_path, "for _ in range(3): http.get('/')"), two)
    assert [each.server for each in said.steps] == ["A", "B", "A"]
    assert '"cookie": null' in said.steps[0].said and '"visit=1"' in said.steps[1].said
    assert said.stopped == "" and said.pids == [0, 1]


def test_client_follows_no_redirect_and_the_step_shows_where_it_leads(tmp_path, two):
    said = run_talk(talk(tmp_path, "http.get('/away')"), two)
    assert [(each.status, each.said) for each in said.steps] == [
        (302, "https://elsewhere.example/?state=5")
    ]


def test_client_that_misses_something_stops_and_says_what(tmp_path, two):
    said = run_talk(talk(tmp_path, "http.get('/').json()['token']; http.get('/never')"), two)
    assert said.stopped == "KeyError: 'token'"
    assert len(said.steps) == 1


def test_server_that_is_gone_ends_the_conversation(tmp_path):
    said = run_talk(talk(tmp_path, "http.get('/')"), [TurnServer("A", 1, "http://127.0.0.1:1")])
    assert said.stopped.startswith("ConnectionError") and said.steps == []


def test_list_names_every_piece_its_report_and_what_is_missing(monkeypatch):
    monkeypatch.setattr(installed, "versions", lambda piece, folder: [])
    shown = CliRunner().invoke(cli, ["museum"])
    assert shown.exit_code == 0
    for each in pieces():
        assert each.label.report in shown.output and each.label.title in shown.output
    listed = json.loads(CliRunner().invoke(cli, ["museum", "--json"]).output)
    assert [each["name"] for each in listed] == [*VISIT]
    assert {each["missing"].split()[0] for each in listed} <= {"pip", "npm", "install"}


def toured(found):
    def shown(level):
        proof = CheckDocument(verdict=found.get(level, level), because="…", calls=[])
        return ShownService(
            level, Turns([1, 2], [Turn("A", "GET /", 200, "{}")]), "lab check", proof
        )

    label = find("ctfd").label
    text = {name: getattr(label, name) for name in ("title", "report", "url", "year", "cause")}
    return Tour(
        name="ctfd",
        runs_on=["flask 3"],
        story="A story.",
        before=shown(label.fault),
        remedy=label.remedy,
        difference="+ one",
        after=shown(label.mended),
        seconds=1.0,
        **text,
    )


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({}, 0),
        ({Level.PROCESS: Level.SELF_CONTAINED}, 1),
        ({Level.SELF_CONTAINED: Level.PROCESS}, 1),
        ({Level.SELF_CONTAINED: Level.UNKNOWN}, 1),
    ],
)
def test_visit_ends_with_0_where_the_check_finds_what_the_label_says(
    monkeypatch, tmp_path, found, status
):
    monkeypatch.setattr(Guide, "lead", lambda self: toured(found))
    ended = CliRunner().invoke(
        cli, ["museum", "ctfd", "--out", str(tmp_path)], standalone_mode=False
    )
    assert ended.return_value == status
    assert ("expected here" in ended.output) == bool(status)
    assert json.loads((next(tmp_path.glob("*-museum-ctfd")) / "tour.json").read_text())


def test_visit_without_its_packages_says_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "versions", lambda piece, folder: [])
    with pytest.raises(LabError, match=re.escape('pip install ".[museum]"')):
        Guide(find("fastmcp"), tmp_path).lead()


@ALL
def test_handbook_lists_the_piece_with_its_report(piece):
    page = handbook.find("museum").markdown
    row = next(each for each in page.splitlines() if each.startswith(f"| `{piece.name}` |"))
    link = f"[{piece.label.report}]({piece.label.url}), {piece.label.year}"
    assert f"| {piece.label.title} | {link} |" in row
    assert not piece.on_node or f"npm install {' '.join(piece.label.npm)}\n" in page


def test_visit_is_listed_among_the_kept_runs(tmp_path):
    visited, stopped = tmp_path / "20261127-120000-museum-ctfd", tmp_path / "20261127-120001-museum"
    for each in (visited, stopped):
        each.mkdir()
    (visited / "tour.json").write_text("{}", encoding="utf-8")
    kinds = {each.folder.name: (each.kind, each.found) for each in kept_runs(tmp_path)}
    assert kinds[visited.name] == ("museum", "all that was shown is in tour.json")
    assert kinds[stopped.name][0] == "unfinished"
