"""Runs a script against every variant of its experiment, and keeps what happened."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import asdict

from lab.core.components import Components
from lab.core.errors import LabError
from lab.core.limits import SPARE_FILES, require_open_files
from lab.core.redaction import redact_text
from lab.core.run_folder import write_whole
from lab.evidence.keeping import encodable, kept_variant
from lab.evidence.measurements import measure
from lab.evidence.record import LiveEvent, Record
from lab.evidence.result import Judgement, Prediction, Variant, VariantRun, Verdict
from lab.evidence.run_document import ExperimentResult, document_text, experiment_text
from lab.experiments import Experiment, script_run
from lab.experiments.judging import expectation_met
from lab.experiments.provision import BackgroundStart, ProvisionedStack
from lab.experiments.script_api import Lab
from lab.stack.deployment import Deployment
from lab.stack.programs import find_store

STORE_MISSING = "no session store here: `lab doctor` says how to get one"


def _ignore(*_: object) -> None:
    pass


@dataclass
class Run:
    """One invocation: a folder of its own, and who watches it.

    `progress` is called with what is being done, in words; `on_event` with each exchange and
    fault. `deployment` are servers that run already, for variants with `server_urls`.
    """

    folder: Path
    progress: Callable[[str], None] = _ignore
    on_event: Callable[[str, LiveEvent], None] = _ignore
    seed: int = 0
    quick: bool = False
    crowd: int = 0
    """Shoppers of a crowd, for the experiments that can let one in; 0 for none."""
    max_seconds: float | None = None
    """How long a script may run at each variant; None: a file of a student's has a default."""
    deployment: Deployment = field(default_factory=Deployment)
    results: list[ExperimentResult] = field(default_factory=list)
    components: Components = field(default_factory=Components)
    _texts: list[str] = field(default_factory=list)
    _ahead: BackgroundStart | None = None

    def perform(
        self,
        experiment: Experiment,
        variants: Sequence[Variant],
        prediction: Prediction | None = None,
        then: tuple[Experiment, Sequence[Variant]] | None = None,
    ) -> ExperimentResult:
        """Run one experiment on its variants; the result is kept even if it is cut short.

        An experiment that could not start at any variant has no result. `then` is what will be
        performed next: in a quick run its servers start while this one's scripts run. A full run
        leaves the machine to what is being measured.
        """
        began = time.monotonic()
        runs = [VariantRun(variant, Record(variant.name)) for variant in variants]
        judgement, interrupted, started = _UNFINISHED, False, True
        try:
            # A deployment is there once only: nothing of it can be started ahead.
            ahead = then if self.quick and not self.deployment else None
            self._run_variants(experiment, runs, ahead)
            for run in runs:
                script_run.observe(experiment, run)
            judgement = script_run.judge(experiment, runs)
            prediction = prediction and script_run.compare(experiment, prediction, runs)
        except KeyboardInterrupt:
            interrupted = True
            raise
        except Exception as error:
            started = any(run.measurements for run in runs)
            if isinstance(error, LabError):
                judgement = Judgement(Verdict.UNKNOWN, note=redact_text(f"cut short: {error}"))
            raise
        finally:
            if started:
                result = self._result(experiment, runs, judgement, prediction)
                result.interrupted = interrupted
                result.seconds = round(time.monotonic() - began, 3)
                self._keep(result)
        return result

    def _keep(self, result: ExperimentResult) -> None:
        self.results.append(result)
        self._texts.append(experiment_text(result))
        self.save()

    def _result(
        self,
        experiment: Experiment,
        runs: Sequence[VariantRun],
        judgement: Judgement,
        prediction: Prediction | None,
    ) -> ExperimentResult:
        return ExperimentResult(
            name=experiment.name,
            argument=redact_text(experiment.argument or experiment.name),
            script_hash=experiment.script_hash,
            claim=encodable(experiment.claim),
            kind=experiment.kind,
            verdict=judgement.verdict,
            decided_by=judgement.decided_by,
            baseline=judgement.baseline,
            note=judgement.note,
            condition=judgement.condition,
            surprises=judgement.surprises,
            expected=experiment.expected,
            expectation_met=expectation_met(judgement, runs, experiment.expected),
            seconds=0.0,
            seed=self.seed,
            quick=self.quick,
            prediction=prediction,
            variants=[kept_variant(run) for run in runs],
        )

    def close(self) -> None:
        """End the servers started ahead and not used, as after Ctrl-C."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            ahead.close()

    def _run_variants(
        self,
        experiment: Experiment,
        runs: Sequence[VariantRun],
        then: tuple[Experiment, Sequence[Variant]] | None,
    ) -> None:
        for run in runs:
            if not _can_start(run.variant):
                run.trouble = STORE_MISSING
        ready = [run for run in runs if run.trouble is None]
        if not ready:
            return
        customers = experiment.quick_customers if self.quick else experiment.customers
        customers += self.crowd
        require_open_files(
            2 * customers + SPARE_FILES, f"{experiment.name} ({customers} customers)"
        )
        with ExitStack() as opened:
            opening = self._opening(experiment, [run.variant for run in ready])
            try:
                provisioned = opened.enter_context(opening)
            except LabError as error:
                if not self.deployment:
                    raise
                # One of its servers is gone; the next experiment may find it again.
                for run in ready:
                    run.trouble = f"not run: {error}"
                return
            self.components |= provisioned.stack.components()
            if then and (startable := [each for each in then[1] if _can_start(each)]):
                self._ahead = BackgroundStart(
                    ProvisionedStack(self.folder / then[0].name), startable
                )
            for run in ready:
                if provisioned.stack.balancer.failure():
                    run.trouble = NOT_RUN
                    continue
                self.progress(f"{experiment.name}: running the script, {run.variant.name}")
                self._run_variant(experiment, run, provisioned)

    def _opening(self, experiment: Experiment, variants: Sequence[Variant]) -> BackgroundStart:
        folder = self.folder / experiment.name
        if self._ahead and self._ahead.provisioned.folder == folder:
            ahead, self._ahead = self._ahead, None
            return ahead
        self.close()  # started for another experiment, which was not performed after all
        return BackgroundStart(ProvisionedStack(folder, self.progress, self.deployment), variants)

    def document(self) -> str:
        """Return what is known of this run so far, as the text of `result.json`."""
        return document_text(self._texts, self.components)

    def save(self) -> Path:
        """Write result.json, whole or not at all; return its path."""
        path = self.folder / "result.json"
        write_whole(path, self.document())
        return path

    def _run_variant(
        self, experiment: Experiment, run: VariantRun, provisioned: ProvisionedStack
    ) -> None:
        name = run.variant.name
        run.record = Record(name, lambda event: self.on_event(name, event))
        customers = experiment.quick_customers if self.quick else experiment.customers
        setting = provisioned.context(run.variant, customers, self.seed, self.quick, self.crowd)
        lab = Lab(setting, run.record)
        balancer = provisioned.stack.balancer
        mark = balancer.mark()
        try:
            script_run.run(experiment, run, lab, self.max_seconds)
        finally:
            trackers = [customer.tracker for customer in lab.customers]
            run.measurements = asdict(measure(run.record, trackers)) | lab.extra
        if broken := balancer.breakage(mark):
            # Whatever the script made of it: failed requests say nothing about the desk.
            run.void(broken)
            run.balancer_broke = True
        else:
            _look_at_the_carts(run, lab)
        if run.trouble is None and (doubt := provisioned.cross_check(run.record, run.closing)):
            # Neither what its looks saw is evidence, nor that an assertion of the script failed.
            run.void(doubt)
            run.measurements = asdict(measure(run.record, trackers)) | lab.extra
        provisioned.undo_faults()


def _look_at_the_carts(run: VariantRun, lab: Lab) -> None:
    """Let the lab's own looks decide the fate of each cart."""
    own = Record(f"{run.variant.name}-lab", start_s=run.record.start_s)
    found = lab.closing_looks(own)
    run.closing = list(own.exchanges())
    trackers = [customer.tracker for customer in lab.customers]
    run.measurements = asdict(measure(run.record, trackers, found)) | lab.extra


NOT_RUN = "not run: the load balancer was broken before"
_UNFINISHED = Judgement(Verdict.UNKNOWN, note="the run was cut short")


def _can_start(variant: Variant) -> bool:
    is_ours = not variant.server_urls
    wants_own_store = is_ours and variant.uses_store and variant.settings.store == "redis"
    return not wants_own_store or find_store() is not None
