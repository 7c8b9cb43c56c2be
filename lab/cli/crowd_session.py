"""Runs the crowds of one `lab crowd`, round by round, shows them, and keeps the results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rich.live import Live

from lab.cli import kept
from lab.cli.output import EXIT_INTERRUPTED, err, progress, screen, write_json
from lab.core.errors import LabError
from lab.core.faults import STORE
from lab.core.op_key import KEY_VARIABLE, OP_KEY
from lab.core.run_folder import new_run_folder
from lab.crowd.crowd_run import require_room
from lab.crowd.document import CrowdDocument, text
from lab.crowd.expectation import describe_expectation, require_something_to_show
from lab.crowd.load_profile import INSTALL_EXTRA, MAX_THREADS, LoadProfile
from lab.crowd.progress import Progress
from lab.crowd.result import CrowdResult
from lab.crowd.view import announcement, finished_view, live_view, progress_line
from lab.crowd.worker_group import WorkerGroup, has_locust
from lab.evidence.record import Record
from lab.evidence.result import Variant
from lab.experiments.provision import ProvisionedStack
from lab.experiments.script_api import Lab
from lab.stack.deployment import Deployment
from lab.stack.pool_spec import LETTERS

SET_KEY = f"export {KEY_VARIABLE}={OP_KEY}"
KEPT_LOG = 1000  # entries of nginx's log: they are counted as they come


@dataclass
class CrowdSession:
    """The crowds of one run, one after another on the same stack."""

    out: Path
    deployment: Deployment
    port: int
    listen: str
    rounds: int = 1
    anyway: bool = False
    quiet: bool = False
    results: list[CrowdResult] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    """The last state of each crowd."""

    @cached_property
    def folder(self) -> Path:
        """The run's folder; made when something is to be kept, and not for a wrong option."""
        return new_run_folder(self.out, "crowd")

    def run(self, profile: LoadProfile, variants: Sequence[Variant]) -> int:
        """Return the exit status; what is known is written down, also after Ctrl-C."""
        self._check_targets(profile, variants)
        require_room(profile)
        self._announce(profile)
        try:
            self.perform(profile, variants)
        except KeyboardInterrupt:
            self._save()
            err.print(f"lab: stopped; what was done so far is in {self.folder}")
            return EXIT_INTERRUPTED
        except Exception:
            if self.results:  # a crowd that was refused is not a run
                self._save()
            raise
        document = self._save()
        if self.quiet:
            write_json(document)
        else:
            screen.print(finished_view(self.results))
            exchanges = "" if profile.waits_for_others else "every exchange, "
            screen.print(
                f"kept: {self.folder} (crowd.json, report.html, {exchanges}logs)", style="dim"
            )
        return self._status()

    def perform(self, profile: LoadProfile, variants: Sequence[Variant]) -> None:
        """Run the crowd at each variant, in an order that alternates from round to round."""
        provisioned = ProvisionedStack(self.folder, deployment=self.deployment)
        with progress(self.quiet) as log, ExitStack() as resources:
            log("starting servers and nginx")
            stack = provisioned.open(variants, port=self.port, keep_log=KEPT_LOG)
            resources.enter_context(stack)
            log("")
            workers = None  # new ones for each crowd, unless they come from other machines
            if profile.waits_for_others:
                group = WorkerGroup(profile, self.folder, self.listen)
                err.print(f"on each of the others, before `lab crowd`: {SET_KEY}", style="dim")
                workers = resources.enter_context(group)
            # At the stateful desk an iteration depends on the turns of the load balancer.
            steady = [each for each in variants if each.app == "stateless"]
            profile = self._prepared(profile, provisioned, [*steady, *variants][0])
            for number in range(self.rounds):
                turned = (number + profile.seed) % 2  # the desks take turns in running first
                for variant in reversed(variants) if turned else variants:
                    self._perform_one(profile, provisioned, variant, workers)

    def _prepared(
        self, profile: LoadProfile, provisioned: ProvisionedStack, variant: Variant
    ) -> LoadProfile:
        """Run one iteration; say what to expect, and return the profile that knows it.

        LabError if nothing could be shown.
        """
        context = provisioned.context(variant, 0, profile.seed, quick=False)
        trial = Lab(context, Record(variant.name)).trial_run(profile)
        profile = profile.beginning_out_of_step(trial.requests)
        if not self.anyway:
            require_something_to_show(profile, trial)
        if not self.quiet:
            err.print(describe_expectation(profile, trial), style="dim")
        return profile

    def _perform_one(
        self,
        profile: LoadProfile,
        provisioned: ProvisionedStack,
        variant: Variant,
        workers: WorkerGroup | None,
    ) -> None:
        lab = Lab(provisioned.context(variant, 0, profile.seed, quick=False), Record(variant.name))
        if not self.deployment:  # an earlier crowd's faults are undone after each, if possible
            restart_dead(lab)
        with self._watching() as watch:
            result = lab.crowd_of(
                profile, watch, lambda line: err.print(f"· {line}", style="dim"), workers
            )
        self.results.append(result)
        if result.interrupted:
            raise KeyboardInterrupt
        provisioned.undo_faults()

    @contextmanager
    def _watching(self) -> Iterator[Callable[[Progress], None]]:
        """Yield a watcher of a crowd: it renews a table, or logs a line every 2 s."""
        latest: list[Progress] = []
        with ExitStack() as resources:
            show = self._display(resources)

            def watch(now: Progress) -> None:
                latest[:] = [now]
                show(now)

            yield watch
        self.progress += latest

    def _display(self, resources: ExitStack) -> Callable[[Progress], object]:
        if self.quiet:
            return lambda now: None
        if not screen.is_terminal:
            return progress_line(lambda line: err.print(line, style="dim"))
        live = resources.enter_context(Live(console=screen, transient=True, auto_refresh=False))
        return lambda now: live.update(live_view(self.results, now), refresh=True)

    def _check_targets(self, profile: LoadProfile, variants: Sequence[Variant]) -> None:
        theirs = [each.name for servers in self.deployment.values() for each in servers]
        servers = theirs or list(LETTERS[: variants[0].settings.servers])
        for each in profile.timetable:
            if each.target not in (STORE, *servers):
                raise LabError(
                    f"--{each.kind} {each.target}: the targets are {', '.join(servers)}, "
                    "and store if there is one"
                )
            if each.target == STORE and not any(variant.uses_store for variant in variants):
                raise LabError(f"--{each.kind} store: there is no store; add --store redis")

    def _announce(self, profile: LoadProfile) -> None:
        if self.quiet:
            return
        err.print(announcement(profile), style="dim")
        if profile.engine == "threads" and not has_locust():
            hint = f"up to {MAX_THREADS} shoppers; for more: {INSTALL_EXTRA}"
            err.print(hint, style="dim")

    def _save(self) -> str:
        document = CrowdDocument(self.results)
        kept.leave_crowd(self.folder, document)
        return text(document)

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
