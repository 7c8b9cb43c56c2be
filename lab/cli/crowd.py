"""`lab crowd`: many shoppers at both desks, faults on a timetable, latencies that can be quoted."""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from rich.live import Live
from rich.text import Text

from lab.cli import options, stack_options
from lab.cli.output import EXIT_INTERRUPTED, err, progress, screen
from lab.cli.param_types import RATE, ParsedType, duration
from lab.core.errors import LabError
from lab.core.faults import STORE
from lab.core.run_folder import new_run_folder
from lab.crowd import scenarios
from lab.crowd.arrival_schedule import turns_each
from lab.crowd.crowd_run import Progress
from lab.crowd.load_profile import MAX_S, MOST_THREADS, Engine, LoadProfile, PlannedFault, strike
from lab.crowd.result import CrowdResult
from lab.crowd.selftest import judged, plans
from lab.crowd.view import finished_view, lanes_view, progress_line
from lab.crowd.worker_group import WANTS_EXTRA, WorkerGroup, has_locust
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.experiments import find
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack, deployed
from lab.experiments.script_api import Lab
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import end_of, wait_until
from lab.stack.pool_spec import LETTERS
from lab.stack.upstream import Deployment

KEPT_LOG = 1000  # entries of nginx's log: they are counted as they come
MASTER = "127.0.0.1:5557"
FEW_TURNS = 3.0
NEVER_S = 10.0**9
_VISITS = Path(scenarios.__file__).parent
BUNDLED = sorted(path.stem for path in _VISITS.glob("[a-z]*.py"))


def _timetable(command: Callable[..., Any]) -> Callable[..., Any]:
    told = {
        "kill": "B@10s: end that server's process (or the store's) 10 s in; again for more.",
        "restart": "B@12s: start it again.",
        "pause": "B@10s: freeze it: it keeps its connections and answers nobody.",
        "resume": "B@12s: let it go on.",
    }
    for kind, help_ in reversed(told.items()):

        def read(text: str, kind: str = kind) -> PlannedFault:
            return strike(kind, text)

        command = click.option(
            f"--{kind}", multiple=True, type=ParsedType("WHO@WHEN", read), help=help_
        )(command)
    return command


@click.command(short_help="Send many shoppers at once to both desks.")
@click.argument("script", required=False, default="shopping", metavar="[NAME|FILE]")
@click.option(
    "--shoppers",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="How many are in the shop at a time.",
)
@click.option(
    "--rate",
    type=RATE,
    default="100/s",
    show_default=True,
    help="Requests over all shoppers: 300/s, 18000/min.",
)
@click.option(
    "--for",
    "for_s",
    type=duration(most_s=MAX_S),
    default="10s",
    show_default=True,
    help="The measured time.",
)
@click.option(
    "--warm-up",
    "warm_up_s",
    type=duration(0, MAX_S),
    default="2s",
    show_default=True,
    help="Before it; its requests are dropped, and said to be.",
)
@_timetable
@click.option("--closed", is_flag=True, help="Each asks again when answered; --rate is not used.")
@click.option("--once", is_flag=True, help="One visit each; else whoever leaves is followed.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How often at each desk; the order alternates.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of lab.random in scripts.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that the shoppers are spread over.",
)
@click.option("--threads", is_flag=True, help="On `requests` in threads, though Locust is here.")
@click.option("--master", is_flag=True, help="Wait for --workers of other machines (see --join).")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=MASTER,
    show_default=True,
    help="Where --master waits for them.",
)
@click.option("--join", metavar="HOST[:PORT]", help="Be a worker of the lab there.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="nginx's; any by default.")
@click.option("--self-test", is_flag=True, help="Freeze a server: does p99 show it?")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on stdout.")
@stack_options.settings
@stack_options.deployment
@options.out
def crowd(script: str, deployment: Deployment, **asked: Any) -> int:
    """Many shoppers at once, at both desks in turn, each running the same script.

    The script is `shopping` (seven requests), `looking` (mostly reads), `buying` (to the end),
    or a file of yours with `def script(shopper, lab)`, the one that `lab run` takes.

    Requests are meant to start evenly spaced, at --rate, whoever's turn it is, and latency
    counts from then: a server that hangs is seen by everybody who had a turn meanwhile.
    After the end everybody's cart is asked for, and the lost ones are held against those
    that had to be lost.

    Examples:
      lab crowd --kill B@3s --affinity cookie     100 shoppers, a crash
      lab crowd --shoppers 5000 --rate 300/s --for 60s --kill B@30s
      lab crowd ./mine.py --store redis --pause store@3s --resume store@6s
      lab crowd --self-test                       does p99 show a frozen server?

    The servers may be somebody else's (--upstream): see `lab run --help`.

    Up to 200 shoppers need nothing more; for thousands: pip install 'two-desks[crowd]'.
    Several machines: `lab crowd --master --workers 2 --port 8000` here, and on each of the
    others, behind `ssh -L 8000:127.0.0.1:8000 -L 5557:127.0.0.1:5557 THIS_HOST`,
    `lab crowd --join 127.0.0.1`: nothing of the lab listens to the network itself.

    Exit status: 0 figures and ledger stand, 1 the lost carts are not those predicted,
    3 something speaks against the figures.
    """
    path = _script(script)
    asked["listen"] = _listen(asked["listen"])
    if asked["join"]:
        return _join(asked["join"], path)
    if asked["self_test"]:
        return _self_test(asked)
    knobs = _knobs(asked)
    lanes = deployed(knobs, deployment) if deployment else two_desks(knobs)
    return _Crowds(asked, deployment).run(_plan(path, asked), lanes)


def _script(name: str) -> Path:
    if name in BUNDLED:
        return _VISITS / f"{name}.py"
    if name.endswith(".py") or "/" in name or "\\" in name:
        return find(name).path.resolve()
    raise LabError(
        f"no crowd script {name!r}: there are {', '.join(BUNDLED)}; a file of yours is named by "
        "its path, ./mine.py. (The experiments of `lab run` see all customers at once.)"
    )


def _knobs(asked: dict[str, Any]) -> Settings:
    return Settings(**{name: asked[name] for name in ("servers", "store", "affinity", "retry")})


def _plan(path: Path, asked: dict[str, Any]) -> LoadProfile:
    engine: Engine = "locust" if has_locust() and not asked["threads"] else "threads"
    strikes = (*asked["kill"], *asked["restart"], *asked["pause"], *asked["resume"])
    return LoadProfile(
        script=str(path),
        shoppers=asked["shoppers"],
        rate=None if asked["closed"] else asked["rate"],
        for_s=asked["for_s"],
        warm_up_s=asked["warm_up_s"],
        timetable=tuple(strikes),
        engine=engine,
        workers=asked["workers"],
        seed=asked["seed"],
        once=asked["once"],
        waits_for_others=asked["master"],
    )


class _Crowds:
    """Runs a plan at each lane, round by round, shows it, and keeps what came of it."""

    def __init__(self, asked: dict[str, Any], deployment: Deployment) -> None:
        self._asked = asked
        self._deployment = deployment
        self._quiet = asked["as_json"] or asked["self_test"]
        self.outcomes: list[CrowdResult] = []

    @cached_property
    def folder(self) -> Path:
        """Where it is kept; made when something is to be kept, and not for a wrong option."""
        return new_run_folder(self._asked["out"], "crowd")

    def run(self, plan: LoadProfile, lanes: Sequence[Variant]) -> int:
        """Return the exit status; what is known is written down, also after Ctrl-C."""
        self._check(plan, lanes)
        self._say_first(plan)
        try:
            self.perform(plan, lanes)
        except KeyboardInterrupt:
            err.print(f"lab: stopped; what was done so far is in {self.folder}")
            return EXIT_INTERRUPTED
        finally:
            document = self._save()
        if self._quiet:
            click.echo(document, nl=False)
        else:
            screen.print(finished_view(self.outcomes))
            what = (
                "crowd.json, logs" if plan.waits_for_others else "crowd.json, every exchange, logs"
            )
            screen.print(f"kept: {self.folder} ({what})", style="dim")
        return self._status()

    def perform(self, plan: LoadProfile, lanes: Sequence[Variant]) -> None:
        """Run a plan at each lane, in an order that alternates from round to round."""
        bench = ProvisionedStack(self.folder, deployment=self._deployment)
        with progress(self._quiet) as tell:
            tell("starting servers and nginx")
            with ExitStack() as resources:
                stack = bench.open(lanes, port=self._asked["port"], keep_log=KEPT_LOG)
                resources.enter_context(stack)
                tell("")
                crew = None  # a new one for each lane, unless they come from other machines
                if plan.waits_for_others:
                    crew = resources.enter_context(
                        WorkerGroup(plan, self.folder, self._asked["listen"])
                    )
                for number in range(self._asked["rounds"]):
                    turned = (number + plan.seed) % 2  # who goes second must not always be the same
                    for variant in reversed(lanes) if turned else lanes:
                        self._one(plan, bench, variant, crew)

    def _one(
        self, plan: LoadProfile, bench: ProvisionedStack, variant: Variant, crew: WorkerGroup | None
    ) -> None:
        lab = Lab(bench.setting(variant, 0, plan.seed, quick=False), Record(variant.name))
        if not self._deployment:  # what was broken there is mended after each lane, if it can be
            heal(lab)
        # A lane has no store to break, or no server of that name, where the other desk has one.
        there = (*lab.servers, STORE) if lab.has_store else lab.servers
        timetable = tuple(each for each in plan.timetable if each.target in there)
        with self._watching() as watch:
            mine = replace(plan, timetable=timetable)
            outcome = lab.crowd_of(mine, watch, _say, crew)
        self.outcomes.append(outcome)
        if outcome.interrupted:
            raise KeyboardInterrupt
        bench.heal()

    @contextmanager
    def _watching(self) -> Iterator[Callable[[Progress], None]]:
        """Show how a crowd is doing: a table that is renewed, or a line every 2 s."""
        if self._quiet or not screen.is_terminal:
            yield progress_line(lambda line: None if self._quiet else err.print(line, style="dim"))
            return
        with Live(console=screen, transient=True, auto_refresh=False) as live:
            yield lambda now: live.update(lanes_view(self.outcomes, now), refresh=True)

    def _check(self, plan: LoadProfile, lanes: Sequence[Variant]) -> None:
        theirs = [each.name for servers in self._deployment.values() for each in servers]
        servers = theirs or list(LETTERS[: self._asked["servers"]])
        for each in plan.timetable:
            if each.target not in (STORE, *servers):
                raise LabError(
                    f"--{each.kind} {each.target}: the servers are {', '.join(servers)}, "
                    "and there is the store"
                )
            if each.target == STORE and not any(lane.uses_store for lane in lanes):
                raise LabError(f"--{each.kind} store: there is none; add --store redis")

    def _say_first(self, plan: LoadProfile) -> None:
        if self._quiet:
            return
        pace = "closed model" if plan.rate is None else f"{plan.rate:g} requests/s"
        err.print(
            f"{plan.shoppers:,} shoppers, {pace}, {plan.for_s:g} s after {plan.warm_up_s:g} s of "
            f"warm-up, on {plan.engine}",
            style="dim",
        )
        if plan.rate is not None:
            each = turns_each(plan.shoppers, plan.rate, plan.for_s + plan.warm_up_s)
            if each < FEW_TURNS:
                err.print(
                    f"a shopper has {each:.1f} turns on average: most visits will not be "
                    "finished; raise --rate or --for, or take fewer --shoppers",
                    style="yellow",
                )
        if plan.engine == "threads" and not has_locust():
            err.print(f"up to {MOST_THREADS} shoppers; for more: {WANTS_EXTRA}", style="dim")

    def _save(self) -> str:
        document = json.dumps({"crowds": [each.as_json() for each in self.outcomes]}, indent=2)
        (self.folder / "crowd.json").write_text(document + "\n", encoding="utf-8")
        return document + "\n"

    def _status(self) -> int:
        if any(not each.ledger.as_predicted for each in self.outcomes):
            return 1
        return 3 if any(each.doubts for each in self.outcomes) else 0


def heal(lab: Lab) -> None:
    """Start again what an earlier crowd's timetable has killed in this lane."""
    for server in lab.servers:
        try:
            lab.server_info(server)
        except LabError:
            lab.restart(server)


def _say(line: str) -> None:
    err.print(f"· {line}", style="dim")


def _self_test(asked: dict[str, Any]) -> int:
    """Freeze the only server for a while, in the open and in the closed model; judge p99."""
    crowds = _Crowds(asked, {})
    lanes = [Variant("stateless", "stateless", Settings(servers=1))]
    with progress() as tell:
        for plan in plans(_plan(_VISITS / "looking.py", asked)):
            model = "closed" if plan.rate is None else "open"
            tell(f"a server is frozen under a crowd, {model} model")
            crowds.perform(plan, lanes)
    told, passed = judged(*crowds.outcomes)
    screen.print(Text(told, "green" if passed else "red"), soft_wrap=True)
    return 0 if passed else 1


def _address(option: str, where: str) -> tuple[str, str]:
    """Read HOST or HOST:PORT. LabError if it is neither."""
    host, _, port = where.partition(":")
    port = port or MASTER.rpartition(":")[2]
    is_port = re.fullmatch("[0-9]{1,5}", port, re.ASCII) and 0 < int(port) < 65536
    if not is_port or not re.fullmatch(r"[\w.-]{1,253}", host, re.ASCII):
        raise LabError(f"{option} {where[:80]!r}: write HOST or HOST:PORT, such as {MASTER}")
    return host, port


def _listen(where: str) -> str:
    host, port = _address("--listen", where)
    if host not in ("127.0.0.1", "localhost"):
        raise LabError(
            f"--listen {host}: anybody there could join, so only 127.0.0.1; other machines come "
            f"by `ssh -L {port}:127.0.0.1:{port} THIS_HOST`"
        )
    return f"127.0.0.1:{port}"


def _join(where: str, path: Path) -> int:
    host, port = _address("--join", where)
    if not has_locust():
        raise LabError(f"a worker needs the extra: {WANTS_EXTRA}")
    err.print(f"· working for {host}:{port}; Ctrl-C ends that", style="dim")
    command = [sys.executable, "-m", "lab.crowd.locust_worker", "join", host, port, str(path)]
    with ExitStack() as resources:
        log = Path(resources.enter_context(tempfile.TemporaryDirectory())) / "worker.log"
        children = resources.enter_context(closing(Children()))
        _work(children, command, log)
    return 0


def _work(children: Children, command: Sequence[str], log: Path) -> None:
    """Be a worker until its master says that it is over. LabError if it ends otherwise."""
    child = children.spawn("worker", command, log_path=log, env=clean_environment({}))
    wait_until(lambda: not child.running(), NEVER_S, every_s=0.1)
    if child.ending != "exit 0":
        raise LabError(f"the worker has ended ({child.ending}); {end_of(log)}")


COMMANDS = (crowd,)
