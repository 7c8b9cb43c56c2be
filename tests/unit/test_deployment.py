"""compose.yaml and kubernetes.yaml: each part finds the others, and no secret is in a file."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner
from containers import of_compose, of_kubernetes

from lab.cli.main import cli
from lab.cli.run import run
from lab.core.environment import current_environment
from lab.core.errors import LabError
from lab.stack.container_files import ContainerFiles
from lab.stack.server import desk_env
from lab.stack.shipped import COMPOSE

ROOT = Path(__file__).parents[2]
KEYS = {"STATELESS_SIGNING_KEYS": "k" * 32}
SETTINGS = [
    {},
    {"servers": 1, "store": "memory"},
    {"servers": 26, "affinity": "cookie", "retry": "on", "image": "registry:5000/desks:2"},
]


def both(**settings):
    wanted = ContainerFiles(**settings)
    return of_compose(wanted.compose(), KEYS), of_kubernetes(wanted.kubernetes(), KEYS)


@pytest.mark.parametrize("settings", SETTINGS, ids=["default", "smallest", "largest"])
def test_nginx_upstreams_are_the_containers_by_their_own_names(settings):
    for deployed in both(**settings):
        for desk in ("stateful", "stateless"):
            block = re.search(rf"upstream {desk} {{.*?\n    }}", deployed.nginx_conf, re.DOTALL)[0]
            named = re.findall(r"server (\S+) max_fails=.*  # (\S+)", block)
            servers = deployed.servers(desk)
            assert len(servers) == settings.get("servers", 3)
            assert named == [(f"{each.address}:8000", each.env["REPLICA"]) for each in servers]
            for address, name in named:
                own = f"location /{desk}/@{name}/ {{ proxy_pass http://{address}/; }}"
                assert own in deployed.nginx_conf


@pytest.mark.parametrize("settings", SETTINGS, ids=["default", "smallest", "largest"])
def test_container_environment_is_that_of_the_labs_own_servers(settings):
    store = "redis://valkey:6379/0" if settings.get("store") != "memory" else "memory"
    for deployed in both(**settings):
        for desk in ("stateful", "stateless"):
            environment = desk_env(
                desk, store if desk == "stateful" else "memory", f"two-desks:{desk}:", "k" * 32
            )
            for server in deployed.servers(desk):
                assert server.env == environment | {"REPLICA": server.env["REPLICA"]}
                assert server.argv[:3] == ["python", "-m", f"{desk}_app"]
                assert server.argv[3:] == ["--host", "0.0.0.0", "--port", "8000"]
                assert server.image == settings.get("image", ContainerFiles().image)
        assert ("valkey" in deployed.containers) == (store != "memory")


def test_settings_reach_nginx_conf():
    for deployed in both(affinity="cookie", retry="on"):
        assert deployed.nginx_conf.count("sticky cookie desk_affinity") == 2
        assert deployed.nginx_conf.count("proxy_next_upstream error timeout;") == 2
    for deployed in both():
        assert "sticky" not in deployed.nginx_conf
        assert deployed.nginx_conf.count("proxy_next_upstream off;") == 2


def test_document_names_the_options_it_was_made_with():
    text = ContainerFiles(servers=2, store="memory", image="desks:2").compose()
    assert "# Written by `lab deploy compose --servers 2 --store memory --image desks:2`" in text


def test_containers_are_reached_from_this_machine_only_and_none_runs_as_root():
    compose, kubernetes = both()
    published = {n: s["ports"] for n, s in compose.source["services"].items() if "ports" in s}
    assert published == {"nginx": ["127.0.0.1:8000:8000"]}
    for service in compose.source["services"].values():
        assert service["user"] == "10001:10001" and service["read_only"] is True
    kinds = {each["spec"].get("type", "ClusterIP") for each in _kind(kubernetes, "Service")}
    assert kinds == {"ClusterIP"}
    for each in _kind(kubernetes, "ContainerFiles") + _kind(kubernetes, "StatefulSet"):
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert each["spec"]["selector"]["matchLabels"].items() <= (
            each["spec"]["template"]["metadata"]["labels"].items()
        )


def test_keys_are_in_no_file_and_an_empty_one_starts_nothing():
    raw = yaml.safe_load(ContainerFiles().compose())
    for name, service in raw["services"].items():
        if name.startswith("stateless-"):
            # ":?", not "?": empty is refused like unset.
            assert service["environment"]["STATELESS_SIGNING_KEYS"].startswith(
                "${STATELESS_SIGNING_KEYS:?make a key"
            )
    assert not _kind(of_kubernetes(ContainerFiles().kubernetes(), KEYS), "Secret")


def test_every_image_is_pinned():
    for deployed in both():
        for container in deployed.containers.values():
            assert re.fullmatch(r"[a-z/-]+:\d+(\.\d+)+", container.image)
    assert re.findall(r"^FROM (\S+)$", _dockerfile(), re.MULTILINE) == ["python:3.13-slim"]


IMPORTED = """
import sys
from importlib.metadata import packages_distributions
for desk in ("stateful_app", "stateless_app"):
    __import__(desk + ".app")
import lab.shop.serve, lab.shop.redis.sessions, lab.shop.redis.store
owners = packages_distributions()
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted({owner.lower() for name in names for owner in owners.get(name, [])}), sep="\\n")
print("--")
print(*sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("lab.")}))
"""


def test_image_has_what_a_desk_imports_and_no_more_of_the_lab():
    command = [sys.executable, "-c", IMPORTED]
    env = current_environment() | {"STATELESS_SIGNING_KEYS": "k" * 32}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    distributions, _, rooms = done.stdout.partition("--\n")
    copied = dict(re.findall(r"^COPY (.+) (\S+)$", _dockerfile(), re.MULTILINE))
    assert copied == {
        "constraints.txt": "./",
        "lab/__init__.py": "lab/",
        "stateful_app": "stateful_app",
        "stateless_app": "stateless_app",
        **{room.replace(".", "/"): room.replace(".", "/") for room in rooms.split()},
    }
    (listed,) = re.findall(r"^RUN pip install .*\\\n +(.+)$", _dockerfile(), re.MULTILINE)
    named, found = set(listed.split()), set(distributions.split()) - {"two-desks", "setuptools"}
    assert named <= found <= _with_what_they_need(named)


def _with_what_they_need(names):
    """Return distributions with all that they bring along."""
    known, todo = set(), {*names}
    while todo:
        name = todo.pop()
        known.add(name)
        wanted = (re.match(r"[\w.-]+", each)[0].lower() for each in requires(name) or ())
        todo |= {each for each in wanted if each not in known and _is_here(each)}
    return known


def _is_here(name):
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def test_image_is_built_once():
    services = yaml.safe_load(ContainerFiles().compose())["services"]
    assert [name for name, each in services.items() if "build" in each] == ["stateful-a"]
    image = services["stateful-a"]["image"]
    desks = [
        each for name, each in services.items() if name.startswith(("stateful-", "stateless-"))
    ]
    assert {each["image"] for each in desks} == {image}


def test_spare_servers_start_by_name_only_and_have_addresses_of_their_own():
    compose, kubernetes = both()
    services = compose.source["services"]
    spare = [name for name, each in services.items() if each.get("profiles") == ["spare"]]
    assert spare == [f"{desk}-{letter}" for desk in ("stateful", "stateless") for letter in "def"]
    fixed = [
        each["networks"]["default"]["ipv4_address"]
        for each in services.values()
        if "networks" in each
    ]
    assert len(set(fixed)) == len(fixed) == 13
    assert not any(name in compose.nginx_conf for name in ("10.5.7.14", "stateful-3"))
    named = {each["metadata"]["name"] for each in _kind(kubernetes, "Service")}
    assert {"stateful-3", "stateless-5"} <= named and "stateful-6" not in named


def test_changed_nginx_conf_is_another_pod_template():
    def annotations(**settings):
        deployed = of_kubernetes(ContainerFiles(**settings).kubernetes(), KEYS)
        (pod,) = (
            each["spec"]["template"]["metadata"]
            for each in _kind(deployed, "Deployment")
            if each["metadata"]["name"] == "nginx"
        )
        return pod["annotations"]

    assert annotations() == annotations() != annotations(retry="on")
    assert annotations(store="memory") == annotations(), "nginx does not know the store"


def test_store_that_is_no_longer_wanted_is_said():
    for text, words in (
        (ContainerFiles(store="memory").compose(), "docker compose rm --stop --force valkey"),
        (ContainerFiles(store="memory").kubernetes(), "delete deployment,service valkey"),
    ):
        assert words in text
    assert "delete deployment,service" not in ContainerFiles().kubernetes()


def test_line_that_is_printed_is_what_lab_run_takes(tmp_path):
    done = CliRunner().invoke(
        cli, ["deploy", "compose", "--servers", "2", "--out", str(tmp_path / "two.yaml")]
    )
    file = shlex.quote(str(tmp_path / "two.yaml"))
    assert f"COMPOSE_FILE={file} lab run --all --on compose" in done.stderr
    line = done.stderr.partition("stands for:\n")[2]
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:4] == [f"COMPOSE_FILE={file}", "lab", "run", "crash"]
    given = dict(zip(words[4::2], words[5::2], strict=True))
    options = {name for each in run.params for name in each.opts}
    assert set(given) <= options
    addresses = [word for word in words if word.startswith("http://")]
    services = yaml.safe_load((tmp_path / "two.yaml").read_text("utf-8"))["services"]
    for desk in ("stateful", "stateless"):
        for letter in "ab":
            host = services[f"{desk}-{letter}"]["networks"]["default"]["ipv4_address"]
            assert addresses.pop(0) == f"http://{host}:8000"
    assert not addresses
    store = services["valkey"]["networks"]["default"]["ipv4_address"]
    assert given["--store"] == f"redis://{store}:6379/0"
    for fault, command in COMPOSE.server.items():
        assert given[f"--{fault}-command"] == command


@pytest.mark.parametrize("file", ["compose.yaml", "kubernetes.yaml"])
def test_files_in_the_repository_are_what_the_code_writes(file):
    wanted = ContainerFiles()
    text = wanted.compose() if file == "compose.yaml" else wanted.kubernetes()
    assert (ROOT / file).read_text(encoding="utf-8") == text, (
        f"write it anew: lab deploy {file.removesuffix('.yaml')} --out {file} --force"
    )


def test_compose_yaml_obeys_the_schema_of_the_compose_specification(tmp_path):
    def check(file):
        command = ["--builtin-schema", "vendor.compose-spec", str(file)]
        return CliRunner().invoke(check_jsonschema.main, command)

    done = check(ROOT / "compose.yaml")
    assert done.exit_code == 0, done.output
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(ContainerFiles().compose().replace("read_only: true", "read_only: [1]"))
    assert "is not of type 'boolean'" in check(wrong).output


def test_docker_compose_takes_compose_yaml():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("no `docker compose` here: its own check of compose.yaml was not made")
    command = [docker, "compose", "-f", str(ROOT / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env=_with(KEYS))
    assert done.returncode == 0, done.stderr
    for keys in ({}, {"STATELESS_SIGNING_KEYS": ""}):
        refused = subprocess.run(command, capture_output=True, text=True, env=_with(keys))
        assert refused.returncode != 0 and "make a key with" in refused.stderr


def test_kubernetes_yaml_obeys_the_schemas_of_kubernetes():
    checker = pytest.importorskip(
        "kubernetes_validate", reason="100 MB of schemas: pip install kubernetes-validate"
    )
    for each in yaml.safe_load_all((ROOT / "kubernetes.yaml").read_text(encoding="utf-8")):
        checker.validate(each, "1.33", strict=True)


@pytest.mark.parametrize(
    "bad",
    [
        {"servers": 0},
        {"servers": 27},
        {"store": "file"},
        {"store": "redis://:secret@host/0"},
        {"affinity": "ip"},
        {"retry": "yes"},
        {"image": ""},
        {"image": "desks"},
        {"image": "desks:latest"},
        {"image": "desks:1\nprivileged: true"},
        {"image": "desks:1 # x"},
        {"image": "${HOME}:1"},
        {"image": "Desks:1"},
        {"image": "../desks:1"},
        {"image": "d:" + "1" * 200},
    ],
)
def test_option_that_cannot_be_deployed_is_refused(bad):
    with pytest.raises(LabError, match=r"choose|memory or|none or|off or|use NAME:TAG"):
        ContainerFiles(**bad)


@pytest.mark.parametrize("kind", ["compose", "kubernetes"])
def test_deploy_prints_the_document_and_nothing_else(kind):
    done = CliRunner().invoke(cli, ["deploy", kind])
    assert (done.exit_code, done.stdout) == (0, (ROOT / f"{kind}.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--servers", "0"], "0 is not in the range"),
        (["--servers", "27"], "27 is not in the range"),
        (["--servers", "three"], "give a whole number"),
        (["--store", "file"], "'redis', 'memory'"),
        (["--affinity", "ip"], "'none', 'cookie'"),
        (["--image", "desks"], "use NAME:TAG"),
        (["--image", "d:1\n  privileged: true"], "use NAME:TAG"),
        (["--out", "no/such/folder.yaml"], "choose another --out"),
        (["--out", "x" * 300], "choose another --out"),
        (["--out", "."], "name a file"),
        (["--out", ""], "name a file"),
        (["--out", ".", "--force"], "name a file"),
    ],
)
def test_wrong_settings_are_refused_in_words(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["deploy", "compose", *arguments])
    refused = str(done.exception) if isinstance(done.exception, LabError) else done.stderr
    assert done.exit_code and words in refused, done
    assert not done.stdout and not list(tmp_path.iterdir())


def test_file_is_written_and_never_replaced_without_force(tmp_path):
    file = tmp_path / "mine.yaml"

    def deploy(*arguments):
        return CliRunner().invoke(cli, ["deploy", *arguments, "--out", str(file)])

    assert deploy("compose", "--servers", "2").exit_code == 0
    two = ContainerFiles(servers=2).compose()
    assert file.read_text("utf-8") == two
    with pytest.raises(LabError, match="give --force"):
        raise deploy("compose").exception
    assert file.read_text("utf-8") == two
    assert deploy("kubernetes", "--force").exit_code == 0
    assert file.read_text("utf-8") == ContainerFiles().kubernetes()


def _kind(deployed, kind):
    return [each for each in deployed.source if each["kind"] == kind]


def _dockerfile():
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _with(keys):
    return {n: v for n, v in current_environment().items() if n != "STATELESS_SIGNING_KEYS"} | keys
