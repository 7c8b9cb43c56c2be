"""`lab crowd`: many shoppers at both desks, faults on a timetable, latencies that can be quoted."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.live import Live
from rich.text import Text

from lab.cli.crowd_options import crowd_options, join_address, listen_address
from lab.cli.output import EXIT_INTERRUPTED, err, progress, screen
from lab.core.errors import LabError
from lab.core.faults import STORE
from lab.core.run_folder import new_run_folder
from lab.crowd import scenarios
from lab.crowd.load_profile import INSTALL_EXTRA, MAX_THREADS, LoadProfile
from lab.crowd.progress import Progress
from lab.crowd.result import CrowdResult
from lab.crowd.selftest import freeze_profiles, judge
from lab.crowd.view import announcement, finished_view, live_view, progress_line
from lab.crowd.worker_group import WorkerGroup, has_locust
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.experiments import find
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack, deployed
from lab.experiments.script_api import Lab
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import end_of, wait_until
from lab.stack.deployment import Deployment
from lab.stack.pool_spec import LETTERS

KEPT_LOG = 1000  # entries of nginx's log: they are counted as they come
NEVER_S = 10.0**9
_SCENARIOS = Path(scenarios.__file__).parent
BUNDLED = sorted(path.stem for path in _SCENARIOS.glob("[a-z]*.py"))


@click.command(short_help="Send many shoppers at once to both desks.")
@click.argument("script", required=False, default="shopping", metavar="[NAME|FILE]")
@crowd_options
def crowd(script: str, deployment: Deployment, **asked: Any) -> int:
    """Put a load on both desks in turn: many shoppers, each running the same script.

    The script is `shopping` (seven requests), `looking` (mostly reads), `buying` (to the end),
    or a file of yours with `def script(shopper, lab)`, as `lab run` takes it.

    Requests start evenly spaced, at --rate, and latency counts from the intended start: a
    server that hangs shows in every request that was due meanwhile. At the end every cart is
    read, and the lost ones are compared with those that had to be lost.

    Examples:
      lab crowd --kill B@3s --affinity cookie     100 shoppers, a crash
      lab crowd --shoppers 5000 --rate 300/s --for 60s --kill B@30s
      lab crowd ./mine.py --store redis --pause store@3s --resume store@6s
      lab crowd --self-test                       does p99 show a frozen server?

    The servers may be your own deployment (--upstream): see `lab run --help`.

    Up to 200 shoppers need nothing more; for thousands: pip install 'two-desks[crowd]'.
    Several machines: `lab crowd --master --workers 2 --port 8000` here, and on each of the
    others, behind `ssh -L 8000:127.0.0.1:8000 -L 5557:127.0.0.1:5557 THIS_HOST`,
    `lab crowd --join 127.0.0.1`: nothing of the lab listens to the network itself.

    Exit status: 0 figures and losses stand, 1 the lost carts are not those predicted,
    3 something speaks against the figures.
    """
    path = _script(script)
    asked["listen"] = listen_address(asked["listen"])
    if asked["join"]:
        return _join(asked["join"], path)
    if asked["self_test"]:
        return _self_test(asked)
    settings = Settings(**{name: asked[name] for name in ("servers", "store", "affinity", "retry")})
    variants = deployed(settings, deployment) if deployment else two_desks(settings)
    return _Crowds(asked, deployment).run(_profile(path, asked), variants)


def _script(name: str) -> Path:
    if name in BUNDLED:
        return _SCENARIOS / f"{name}.py"
    if name.endswith(".py") or "/" in name or "\\" in name:
        return find(name).path.resolve()
    raise LabError(
        f"no crowd script {name!r}: there are {', '.join(BUNDLED)}; a file of yours is named by "
        "its path, ./mine.py. (The experiments of `lab run` see all customers at once.)"
    )


def _profile(path: Path, asked: dict[str, Any]) -> LoadProfile:
    return LoadProfile(
        script=str(path),
        rate=None if asked["closed"] else asked["rate"],
        timetable=(*asked["kill"], *asked["restart"], *asked["pause"], *asked["resume"]),
        engine="locust" if has_locust() and not asked["threads"] else "threads",
        waits_for_others=asked["master"],
        **{
            name: asked[name]
            for name in ("shoppers", "for_s", "warm_up_s", "workers", "seed", "once")
        },
    )


class _Crowds:
    """Runs a crowd at each variant, round by round, shows it, and keeps the results."""

    def __init__(self, asked: dict[str, Any], deployment: Deployment) -> None:
        self._asked = asked
        self._deployment = deployment
        self._quiet = asked["as_json"] or asked["self_test"]
        self.results: list[CrowdResult] = []
        self.progress: list[Progress] = []
        """The last state of each crowd."""

    @cached_property
    def folder(self) -> Path:
        """The run's folder; made when something is to be kept, and not for a wrong option."""
        return new_run_folder(self._asked["out"], "crowd")

    def run(self, profile: LoadProfile, variants: Sequence[Variant]) -> int:
        """Return the exit status; what is known is written down, also after Ctrl-C."""
        self._check_targets(profile, variants)
        self._announce(profile)
        try:
            self.perform(profile, variants)
        except KeyboardInterrupt:
            err.print(f"lab: stopped; what was done so far is in {self.folder}")
            return EXIT_INTERRUPTED
        finally:
            document = self._save()
        if self._quiet:
            click.echo(document, nl=False)
        else:
            screen.print(finished_view(self.results))
            exchanges = "" if profile.waits_for_others else "every exchange, "
            screen.print(f"kept: {self.folder} (crowd.json, {exchanges}logs)", style="dim")
        return self._status()

    def perform(self, profile: LoadProfile, variants: Sequence[Variant]) -> None:
        """Run the crowd at each variant, in an order that alternates from round to round."""
        provisioned = ProvisionedStack(self.folder, deployment=self._deployment)
        with progress(self._quiet) as log, ExitStack() as resources:
            log("starting servers and nginx")
            stack = provisioned.open(variants, port=self._asked["port"], keep_log=KEPT_LOG)
            resources.enter_context(stack)
            log("")
            workers = None  # new ones for each crowd, unless they come from other machines
            if profile.waits_for_others:
                workers = resources.enter_context(
                    WorkerGroup(profile, self.folder, self._asked["listen"])
                )
            for number in range(self._asked["rounds"]):
                turned = (number + profile.seed) % 2  # the second place must not be one desk's
                for variant in reversed(variants) if turned else variants:
                    self._perform_one(profile, provisioned, variant, workers)

    def _perform_one(
        self,
        profile: LoadProfile,
        provisioned: ProvisionedStack,
        variant: Variant,
        workers: WorkerGroup | None,
    ) -> None:
        lab = Lab(provisioned.context(variant, 0, profile.seed, quick=False), Record(variant.name))
        if not self._deployment:  # an earlier crowd's faults are undone after each, if possible
            restart_dead(lab)
        with self._watching() as watch:
            result = lab.crowd_of(profile, watch, _log, workers)
        self.results.append(result)
        if result.interrupted:
            raise KeyboardInterrupt
        provisioned.undo_faults()

    @contextmanager
    def _watching(self) -> Iterator[Callable[[Progress], None]]:
        """Yield a watcher of a crowd: it renews a table, or logs a line every 2 s."""
        latest: list[Progress] = []
        with ExitStack() as resources:
            if self._quiet or not screen.is_terminal:
                show = progress_line(
                    lambda line: None if self._quiet else err.print(line, style="dim")
                )
            else:
                live = resources.enter_context(
                    Live(console=screen, transient=True, auto_refresh=False)
                )

                def show(now: Progress) -> None:
                    live.update(live_view(self.results, now), refresh=True)

            def watch(now: Progress) -> None:
                latest[:] = [now]
                show(now)

            yield watch
        self.progress += latest

    def _check_targets(self, profile: LoadProfile, variants: Sequence[Variant]) -> None:
        theirs = [each.name for servers in self._deployment.values() for each in servers]
        servers = theirs or list(LETTERS[: self._asked["servers"]])
        for each in profile.timetable:
            if each.target not in (STORE, *servers):
                raise LabError(
                    f"--{each.kind} {each.target}: the targets are {', '.join(servers)}, "
                    "and store where there is one"
                )
            if each.target == STORE and not any(variant.uses_store for variant in variants):
                raise LabError(f"--{each.kind} store: there is no store; add --store redis")

    def _announce(self, profile: LoadProfile) -> None:
        if self._quiet:
            return
        text, warning = announcement(profile)
        err.print(text, style="dim")
        if warning:
            err.print(warning, style="yellow")
        if profile.engine == "threads" and not has_locust():
            hint = f"up to {MAX_THREADS} shoppers; for more: {INSTALL_EXTRA}"
            err.print(hint, style="dim")

    def _save(self) -> str:
        encoded = msgspec.json.format(msgspec.json.encode({"crowds": self.results}), indent=2)
        document = encoded.decode() + "\n"
        (self.folder / "crowd.json").write_text(document, encoding="utf-8")
        return document

    def _status(self) -> int:
        if any(not each.carts_as_predicted for each in self.results):
            return 1
        return 3 if any(each.doubts for each in self.results) else 0


def restart_dead(lab: Lab) -> None:
    """Start the servers again that an earlier crowd's timetable has killed."""
    for server in lab.servers:
        try:
            lab.server_info(server)
        except LabError:
            lab.restart(server)


def _log(line: str) -> None:
    err.print(f"· {line}", style="dim")


def _self_test(asked: dict[str, Any]) -> int:
    """Freeze the only server for a while, in the open and in the closed model; judge p99."""
    crowds = _Crowds(asked, {})
    variants = [Variant("stateless", "stateless", Settings(servers=1))]
    with progress() as log:
        for profile in freeze_profiles(_profile(_SCENARIOS / "looking.py", asked)):
            model = "closed" if profile.rate is None else "open"
            log(f"a server is frozen under a crowd, {model} model")
            crowds.perform(profile, variants)
    text, passed = judge(*crowds.progress)
    screen.print(Text(text, "green" if passed else "red"), soft_wrap=True)
    return 0 if passed else 1


def _join(where: str, path: Path) -> int:
    host, port = join_address(where)
    if not has_locust():
        raise LabError(f"a worker needs the extra: {INSTALL_EXTRA}")
    err.print(f"· working for {host}:{port}; Ctrl-C ends that", style="dim")
    command = [sys.executable, "-m", "lab.crowd.locust_worker", "join", host, port, str(path)]
    with ExitStack() as resources:
        log = Path(resources.enter_context(tempfile.TemporaryDirectory())) / "worker.log"
        children = resources.enter_context(closing(Children()))
        child = children.spawn("worker", command, log_path=log, env=clean_environment({}))
        wait_until(lambda: not child.running(), NEVER_S, every_s=0.1)
        if child.ending != "exit 0":
            raise LabError(f"the worker has ended ({child.ending}); {end_of(log)}")
    return 0


COMMANDS = (crowd,)
