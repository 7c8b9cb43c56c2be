"""Runs a script against every lane of its experiment, and keeps what happened."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.core.redaction import redact_text
from lab.evidence.measurements import measure
from lab.evidence.record import Event, Record
from lab.evidence.result import (
    ExperimentResult,
    Judgement,
    Prediction,
    Variant,
    VariantResult,
    Verdict,
)
from lab.experiments import Experiment
from lab.experiments.provision import BackgroundStart, ProvisionedStack
from lab.experiments.script_api import Lab
from lab.report.document import document_text, experiment_text
from lab.stack.deployment import Deployment
from lab.stack.programs import find_store

STORE_MISSING = "no session store here: `lab doctor` says how to get one"


def _ignore(*_: object) -> None:
    pass


@dataclass
class Run:
    """One invocation: a folder of its own, and whoever watches it.

    `progress` is told in words what is being done; `on_event` of each exchange and fault.
    `deployment` are servers that run already, for lanes with `upstreams`.
    """

    folder: Path
    progress: Callable[[str], None] = _ignore
    on_event: Callable[[str, Event], None] = _ignore
    seed: int = 0
    quick: bool = False
    crowd: int = 0
    """Shoppers of a crowd, for the experiments that can let one in; 0 for none."""
    deployment: Deployment = field(default_factory=dict)
    results: list[ExperimentResult] = field(default_factory=list)
    components: dict[str, object] = field(default_factory=dict)
    _told: list[str] = field(default_factory=list)
    _ahead: BackgroundStart | None = None

    def perform(
        self,
        experiment: Experiment,
        variants: Sequence[Variant],
        prediction: Prediction | None = None,
        then: tuple[Experiment, Sequence[Variant]] | None = None,
    ) -> ExperimentResult:
        """Run one experiment on its lanes; the result is kept even if it is cut short.

        `then` is what will be performed next: in a quick run its servers start while this
        one's scripts run. A full run leaves the machine to what is being measured.
        """
        began = time.monotonic()
        lanes = [VariantResult(variant, Record(variant.name)) for variant in variants]
        result = ExperimentResult(
            experiment.name,
            experiment.claim,
            _UNFINISHED,
            lanes,
            experiment.expected,
            argument=experiment.argument,
            seed=self.seed,
            quick=self.quick,
            prediction=prediction,
        )
        self.results.append(result)
        try:
            # A deployment is there once only: nothing of it can be started ahead.
            ahead = then if self.quick and not self.deployment else None
            self._run_lanes(experiment, lanes, ahead)
            for lane in lanes:
                lane.observation = experiment.observation(lane)
            result.judgement = experiment.judge(lanes)
            result.prediction = _compare(experiment, result)
        except KeyboardInterrupt:
            result.interrupted = True
            raise
        finally:
            result.seconds = time.monotonic() - began
            self._told.append(experiment_text(result))
            self.save()
        return result

    def close(self) -> None:
        """End what was started ahead and not used, as after Ctrl-C."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            ahead.close()

    def _run_lanes(
        self,
        experiment: Experiment,
        lanes: Sequence[VariantResult],
        then: tuple[Experiment, Sequence[Variant]] | None,
    ) -> None:
        for lane in lanes:
            if not _can_start(lane.variant):
                lane.trouble = STORE_MISSING
        ready = [lane for lane in lanes if lane.trouble is None]
        if not ready:
            return
        with self._opening(experiment, [lane.variant for lane in ready]) as bench:
            self.components |= bench.stack.components()
            if then and (startable := [each for each in then[1] if _can_start(each)]):
                self._ahead = BackgroundStart(
                    ProvisionedStack(self.folder / then[0].name), startable
                )
            for lane in ready:
                self.progress(f"{experiment.name}: running the script, {lane.variant.name}")
                self._run_lane(experiment, lane, bench)

    def _opening(self, experiment: Experiment, variants: Sequence[Variant]) -> BackgroundStart:
        folder = self.folder / experiment.name
        if self._ahead and self._ahead.provisioned.folder == folder:
            ahead, self._ahead = self._ahead, None
            return ahead
        self.close()  # started for another experiment, which was not performed after all
        return BackgroundStart(ProvisionedStack(folder, self.progress, self.deployment), variants)

    def document(self) -> str:
        """Return what is known of this run so far, as the text of `result.json`."""
        return document_text(self._told, self.components)

    def save(self) -> Path:
        """Write result.json, whole or not at all; return its path."""
        path = self.folder / "result.json"
        unfinished = path.with_suffix(".part")
        unfinished.write_text(self.document(), encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)
        return path

    def _run_lane(
        self, experiment: Experiment, lane: VariantResult, bench: ProvisionedStack
    ) -> None:
        lane.record = Record(
            lane.variant.name, lambda event: self.on_event(lane.variant.name, event)
        )
        customers = experiment.quick_customers if self.quick else experiment.customers
        setting = bench.context(lane.variant, customers, self.seed, self.quick, self.crowd)
        lab = Lab(setting, lane.record)
        try:
            experiment.script(lab.customers[0], lab)
            lab.settle()
        except KeyboardInterrupt:
            lane.trouble = CUT_SHORT
            raise
        except AssertionError as error:
            lane.broken_expectation = redact_text(
                f"the script expected otherwise: {error or 'assert'}"
            )
            lane.traceback = _told(error, experiment.path, lane.record)
        except BaseException as error:  # a student's file may raise anything, SystemExit too
            lane.trouble = redact_text(f"the script stopped with {type(error).__name__}: {error}")
            lane.traceback = _told(error, experiment.path, lane.record)
        finally:
            ledgers = [customer.ledger for customer in lab.customers]
            lane.measurements = measure(lane.record, ledgers) | lab.extra
        lane.trouble = lane.trouble or bench.cross_check(lane.record)
        bench.undo_faults()


CUT_SHORT = "interrupted"
_UNFINISHED = Judgement(Verdict.UNKNOWN, "the run was cut short")


def _can_start(variant: Variant) -> bool:
    is_ours = not variant.upstreams
    wants_own_store = is_ours and variant.uses_store and variant.knobs.store == "redis"
    return not wants_own_store or find_store() is not None


def _compare(experiment: Experiment, result: ExperimentResult) -> Prediction | None:
    if result.prediction is None or experiment.question is None:
        return None
    observed = experiment.question.observed({v.variant.name: v for v in result.variants})
    return replace(
        result.prediction, observed=observed, explanation=experiment.question.explanation
    )


def _told(error: BaseException, script: Path, record: Record) -> str:
    """Tell a script's exception as its author should see it: their lines, and what led there."""
    told = traceback.TracebackException.from_exception(error)
    theirs = [frame for frame in told.stack if Path(frame.filename) == script]
    lines = ["Traceback (the lines of your script):"] if theirs else []
    lines += [line.rstrip() for line in traceback.StackSummary.from_list(theirs).format()]
    lines += [line.rstrip() for line in told.format_exception_only()]
    if exchanges := list(record.exchanges()):
        last = exchanges[-1]
        answer = last.error or last.response_body.decode("utf-8", "replace")[:200]
        lines.append(f"The exchange before: {last.method} {last.path} -> {last.status} {answer}")
    return redact_text("\n".join(lines))
