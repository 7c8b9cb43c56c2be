"""The command that starts a service: words, placeholders, and commands that cannot be followed."""

from pathlib import Path

import pytest

from lab.check.command import relay, split, uses_folder
from lab.check.container import Container, is_compose, runs_container
from lab.check.start import Start
from lab.core.errors import LabError


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (r'"C:\Program Files\py.exe" app.py', [r"C:\Program Files\py.exe", "app.py"]),
        (r"C:\py.exe -m app", [r"C:\py.exe", "-m", "app"]),
        (r'run --name="a b" ""', ["run", "--name=a b", ""]),
    ],
)
def test_words_on_windows(command, words):
    assert split(command, windows=True) == words


@pytest.mark.parametrize("windows", [True, False])
def test_quote_without_an_end_is_said(windows):
    with pytest.raises(LabError, match="quot"):
        split('run "a', windows=windows)


def test_program_path_with_blanks(tmp_path):
    program = tmp_path / "my programs" / "run"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert Start(f"'{program}' {{port}}").words(5) == [str(program), "5"]


def test_command_without_a_port_is_said_at_once():
    with pytest.raises(LabError, match=r"neither --start nor --env has \{port\}"):
        Start("python app.py").words(0)
    assert Start("python3 app.py", {"PORT": "{port}"}).words(7)[1:] == ["app.py"]


def test_folder_of_its_own_stands_where_it_is_asked_for(tmp_path):
    start = Start("python3 {dir}/x {port}", {"HOME": "{dir}", "URL": "http://localhost:{port}"})
    assert start.words(7, tmp_path)[1:] == [f"{tmp_path}/x", "7"]
    env = start.environment(7, tmp_path)
    assert (env["HOME"], env["URL"]) == (str(tmp_path), "http://localhost:7")
    assert uses_folder(start.command, {}) and uses_folder("run", start.env)
    assert not uses_folder("run {port}", {})


@pytest.mark.parametrize(
    ("command", "is_relay"),
    [
        ("ssh -N -L {port}:localhost:80 host", True),
        ("ssh -NL {port}:localhost:80 host", True),
        ("/usr/bin/kubectl -n shop port-forward svc/shop {port}:80", True),
        ("docker exec shop serve {port}", True),
        ("docker run -p {port}:80 shop", False),
        ("python ssh.py {port}", False),
        ("kubectl-like port-forward", False),
        ("", False),
    ],
)
def test_programs_that_lead_elsewhere(command, is_relay):
    assert bool(relay(command.split())) is is_relay


@pytest.mark.parametrize("command", ["docker compose up", "docker-compose up", "podman-compose up"])
def test_composed_containers_are_known(command):
    assert is_compose(command.split()) and not runs_container(command.split())


def fake_docker(folder: Path, remove: str) -> str:
    """Make a client that has a container's id, and removes it in some way."""
    path = folder / "docker"
    path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{remove}\n')
    path.chmod(0o755)
    return str(path)


def test_container_is_ended_by_the_id_its_client_was_given(tmp_path):
    docker = fake_docker(tmp_path, "exit 0")
    container = Container([docker, "run", "-p", "1:1", "shop"], tmp_path / "id")
    assert container.words == [
        *(docker, "run", "--cidfile", str(tmp_path / "id")),
        *("-p", "1:1", "shop"),
    ]
    container.end(client_lives=False)  # there is none yet
    assert not (tmp_path / "asked").exists()
    (tmp_path / "id").write_text("abc123\n")
    container.end(client_lives=True)
    assert (tmp_path / "asked").read_text() == "rm -f abc123\n"


def test_container_that_is_gone_is_as_well(tmp_path):
    docker = fake_docker(tmp_path, 'echo "Error: No such container: abc" >&2; exit 1')
    (tmp_path / "id").write_text("abc")
    Container([docker, "run", "shop"], tmp_path / "id").end(client_lives=False)


def test_container_that_cannot_be_ended_is_said(tmp_path):
    docker = fake_docker(tmp_path, 'echo "permission denied" >&2; exit 1')
    (tmp_path / "id").write_text("abc")
    with pytest.raises(LabError, match=r"may still run, .*rm -f abc failed: permission denied"):
        Container([docker, "run", "shop"], tmp_path / "id").end(client_lives=False)


def test_id_file_of_the_user_s_own_is_refused(tmp_path):
    with pytest.raises(LabError, match="leave out --cidfile"):
        Container(["docker", "run", "--cidfile=x", "shop"], tmp_path / "id")
