"""What `lab crowd` does: a load on both desks, a self-test, or the work of a remote worker."""

import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from lab.cli.crowd_options import CrowdOptions, join_address, listen_address
from lab.cli.crowd_session import CrowdSession
from lab.cli.output import err, progress, screen
from lab.core.errors import LabError
from lab.core.op_key import KEY_VARIABLE, OP_KEY, require_given_key
from lab.crowd import scenarios
from lab.crowd.load_profile import INSTALL_EXTRA
from lab.crowd.selftest import freeze_profiles, judge
from lab.crowd.worker_group import has_locust
from lab.evidence.result import Settings, Variant
from lab.experiments import find
from lab.experiments.matrix import two_desks
from lab.experiments.provision import deployed
from lab.processes.spawn import Children, clean_environment, module_command
from lab.processes.waiting import end_of, wait_until
from lab.stack.deployment import Deployment

NEVER_S = 10.0**9
_SCENARIOS = Path(scenarios.__file__).parent
BUNDLED = sorted(path.stem for path in _SCENARIOS.glob("[a-z]*.py"))


def run(script: str, given: CrowdOptions) -> int:
    """Do what was asked for, with the script of this name; return the exit status."""
    path = _script(script)
    session = _session(given)
    if given.join:
        return _join(given.join, path)
    if given.self_test:
        return _self_test(given)
    settings = Settings(given.servers, given.store, given.affinity, given.retry)
    own = given.deployment
    return session.run(given.profile(path), deployed(settings, own) if own else two_desks(settings))


def _script(name: str) -> Path:
    if name in BUNDLED:
        return _SCENARIOS / f"{name}.py"
    if name.endswith(".py") or "/" in name or "\\" in name:
        return find(name).path.resolve()
    raise LabError(
        f"no crowd script {name!r}: choose {', '.join(BUNDLED)}, or give the path of your own "
        "file, such as ./mine.py. (The experiments of `lab run` see all customers at once.)"
    )


def _session(given: CrowdOptions) -> CrowdSession:
    return CrowdSession(
        out=given.out,
        deployment=given.deployment,
        port=given.port,
        listen=listen_address(given.listen),
        rounds=given.rounds,
        anyway=given.anyway or given.self_test,
        quiet=given.as_json or given.self_test,
    )


def _self_test(given: CrowdOptions) -> int:
    """Freeze the only server for a while, in the open and in the closed model; judge p99."""
    session = _session(replace(given, deployment=Deployment()))
    variants = [Variant("stateless", "stateless", Settings(servers=1))]
    with progress() as log:
        for profile in freeze_profiles(given.profile(_SCENARIOS / "looking.py")):
            model = "closed" if profile.rate is None else "open"
            log(f"a server is paused under a crowd, {model} model")
            session.perform(profile, variants)
    text, passed = judge(*session.progress)
    screen.print(Text(text, "green" if passed else "red"), soft_wrap=True)
    return 0 if passed else 1


def _join(where: str, path: Path) -> int:
    host, port = join_address(where)
    require_given_key()
    if not has_locust():
        raise LabError(f"a worker needs the extra: {INSTALL_EXTRA}")
    err.print(f"· working for {host}:{port}; Ctrl-C ends that", style="dim")
    command = module_command("lab.crowd.locust_worker", "join", host, port, str(path))
    with ExitStack() as resources:
        log = Path(resources.enter_context(tempfile.TemporaryDirectory())) / "worker.log"
        children = resources.enter_context(closing(Children()))
        child = children.spawn(
            "worker", command, log_path=log, env=clean_environment({KEY_VARIABLE: OP_KEY})
        )
        wait_until(lambda: not child.running(), NEVER_S, every_s=0.1)
        if child.ending != "exit 0":
            raise LabError(f"the worker has ended ({child.ending}); {end_of(log)}")
    return 0
