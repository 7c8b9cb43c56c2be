"""Runs a script against every lane of its experiment, and keeps what happened."""

import json
import os
import secrets
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lab.bench import Lab
from lab.errors import LabError
from lab.evidence.measure import disagreement, measure
from lab.evidence.record import Event, Record
from lab.evidence.redaction import redact_text
from lab.evidence.result import ExperimentResult, Judgement, Knobs, Variant, VariantResult, Verdict
from lab.experiments import Experiment
from lab.report.document import document
from lab.stack import ExternalStore, LaneSpec, LocalStore, Stack, Store, find_store

LOG_DEADLINE_S = 5.0
NO_STORE = "no session store here: `lab doctor` says how to get one"


def _ignore(*_: object) -> None:
    pass


@dataclass
class Run:
    """One invocation: a folder of its own, and whoever watches it.

    `progress` is told in words what is being done; `on_event` of each exchange and fault.
    """

    folder: Path
    progress: Callable[[str], None] = _ignore
    on_event: Callable[[str, Event], None] = _ignore
    results: list[ExperimentResult] = field(default_factory=list)
    components: dict[str, object] = field(default_factory=dict)

    def perform(self, experiment: Experiment, knobs: Knobs) -> ExperimentResult:
        """Run one experiment on both desks; the result is kept even if it is cut short."""
        began = time.monotonic()
        variants = two_desks(knobs)
        runnable = [variant for variant in variants if not _lacks_store(variant)]
        done = [
            VariantResult(v, Record(v.name), trouble=NO_STORE)
            for v in variants
            if v not in runnable
        ]
        result = ExperimentResult(
            experiment.name, experiment.claim, _UNFINISHED, done, experiment.expected
        )
        self.results.append(result)
        try:
            with open_stack(runnable, self.folder / experiment.name, self.progress) as stack:
                self.components = stack.components()
                for variant in runnable:
                    self.progress(
                        f"{experiment.name}: running the script at the {variant.name} desk"
                    )
                    done.append(self._run_lane(experiment, variant, stack))
                    if done[-1].trouble == INTERRUPTED:
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            result.interrupted = True
            raise
        finally:
            done.sort(key=lambda each: variants.index(each.variant))
            if len(done) == len(variants) and not result.interrupted:
                result.judgement = experiment.judge(done)
            result.seconds = time.monotonic() - began
            self.save()
        return result

    def save(self) -> Path:
        """Write result.json, whatever is known so far; return its path."""
        path = self.folder / "result.json"
        text = json.dumps(document(self.results, self.components), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def _run_lane(self, experiment: Experiment, variant: Variant, stack: Stack) -> VariantResult:
        record = Record(variant.name, lambda event: self.on_event(variant.name, event))
        lab = Lab(stack, stack.lanes[variant.name], record, experiment.customers)
        result = VariantResult(variant, record)
        try:
            experiment.script(lab.customers[0], lab)
            lab.settle()
        except KeyboardInterrupt:
            result.trouble = INTERRUPTED
        except AssertionError as error:
            result.broken_expectation = f"the script expected otherwise: {error or 'assert'}"
            result.traceback = _told(error, experiment.path, record)
        except BaseException as error:  # a student's file may raise anything, SystemExit too
            result.trouble = f"the script stopped with {type(error).__name__}: {error}"
            result.traceback = _told(error, experiment.path, record)
        ledgers = [customer.ledger for customer in lab.customers]
        result.measurements = measure(record, ledgers) | lab.extra
        result.trouble = result.trouble or _cross_check(record, stack)
        return result


INTERRUPTED = "interrupted"
_UNFINISHED = Judgement(Verdict.UNKNOWN, "the run was cut short")


def two_desks(knobs: Knobs) -> list[Variant]:
    """Return the two lanes that every script runs on."""
    return [Variant("stateful", "stateful", knobs), Variant("stateless", "stateless", knobs)]


def new_run_folder(root: Path, name: str) -> Path:
    """Make `root/<time>-<name>` (mode 0700) and point `root/latest` at it."""
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = root / (stem + suffix)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise LabError(f"cannot keep runs in {root}: {error}; choose another --out") from None
        _point_latest(root, folder)
        return folder
    raise LabError(f"{root} holds too many runs of this second; try again")


@contextmanager
def open_stack(
    variants: Sequence[Variant],
    folder: Path,
    progress: Callable[[str], None],
    port: int = 0,
    extra_locations: tuple[str, ...] = (),
) -> Iterator[Stack]:
    """Start one lane for each variant, and the store they need; end all of it afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as resources:
        store = _store_for(variants, folder)
        if store is not None:
            progress("starting the session store")
            resources.enter_context(store)
        keys = secrets.token_urlsafe(32)
        lanes = [_lane(variant, folder, store, keys) for variant in variants]
        progress(f"starting {sum(lane.servers for lane in lanes)} servers and nginx")
        yield resources.enter_context(
            Stack(
                lanes,
                folder,
                store=store,
                port=port,
                extra_locations=extra_locations,
                report=progress,
            )
        )


def _lane(variant: Variant, folder: Path, store: Store | None, keys: str) -> LaneSpec:
    knobs = variant.knobs
    if variant.app == "stateless":
        env = {"STATELESS_SIGNING_KEYS": keys}
    elif knobs.store == "memory":
        env = {"STATEFUL_STORE": "memory"}
    elif knobs.store == "file":
        env = {"STATEFUL_STORE": f"file:{folder / 'sessions'}"}
    else:
        assert store is not None
        # A prefix of this run's own, so that a store somebody else uses as well stays theirs.
        env = {"STATEFUL_STORE": store.url, "STATEFUL_KEY_PREFIX": f"two-desks:{keys[:8]}:"}
    return LaneSpec(
        variant.name,
        f"{variant.app}_app",
        knobs.servers,
        knobs.affinity,  # type: ignore[arg-type]
        knobs.retry,  # type: ignore[arg-type]
        env,
    )


def _store_for(variants: Sequence[Variant], folder: Path) -> Store | None:
    urls = {v.knobs.store for v in variants if v.app == "stateful" and "://" in v.knobs.store}
    if urls:
        return ExternalStore(urls.pop())
    if any(v.app == "stateful" and v.knobs.store == "redis" for v in variants):
        return LocalStore(folder / "store")
    return None


def _lacks_store(variant: Variant) -> bool:
    return variant.app == "stateful" and variant.knobs.store == "redis" and find_store() is None


def _cross_check(record: Record, stack: Stack) -> str | None:
    answered = [exchange.op for exchange in record.exchanges() if exchange.status is not None]
    stack.access.wait_for(answered, LOG_DEADLINE_S)
    return disagreement(record, [entry.op for entry in stack.access.entries()])


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


def _point_latest(root: Path, folder: Path) -> None:
    latest = root / "latest"
    latest.unlink(missing_ok=True)
    if os.name == "nt":  # symbolic links need a privilege there
        latest.write_text(folder.name, encoding="utf-8")
    else:
        latest.symlink_to(folder.name)
