"""The experiments, one file a claim; what a script can do; how it is run and judged."""

import ast
import hashlib
import importlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.core.errors import LabError
from lab.evidence.result import (
    WORDS_OF_A_SENTENCE,
    Judgement,
    Kind,
    Measurements,
    Observation,
    Settings,
    Variant,
    VariantRun,
    Verdict,
)
from lab.experiments import judging, matrix
from lab.experiments.judging import Observe

MAX_CUSTOMERS = 1000
BOTH_KEEP = "Both desks keep what they acknowledged."
CONFIDENCE = ("guess", "fairly sure", "certain")  # how sure the user is of a prediction
SUITE = (
    *("first_visit", "any_server", "scale_out", "storage", "crash", "restart_all"),
    *("replay_one", "caching", "fixation", "logout", "double_checkout", "two_tabs"),
    *("stale_price", "size", "readable", "key_rotation", "url_token", "store_outage"),
)  # the article's claims in its order, then the drawbacks


@dataclass(frozen=True)
class Question:
    """What is asked before a run: two to four choices, and which of them came true.

    `observed` takes the measurements of the finished variants by name and returns the index of
    the choice that came true, None if none did; `explanation` is shown last, after
    prediction and observation.
    """

    text: str
    choices: tuple[str, ...]
    observed: Callable[[Mapping[str, Measurements]], int | None]
    explanation: str


@dataclass(frozen=True)
class Experiment:
    """A sentence, the script that puts it to the test, and how its variants are observed.

    `claim` is the sentence, `kind` what it is: a claim, a drawback, or none ("", a script).
    `expected` is the verdict that the textbook gives on it, None for a script without one;
    `variants` are those it runs by default; `expectations` variants with what is expected of
    them, run by default or not; `customers` how many shoppers there are, `quick_customers` with
    --quick, when a variant has at most `quick_servers`; `about` which variants the claim is
    about; `argument` what `lab run` takes to run it; `takes_crowd` whether its script lets a
    crowd in (`lab.crowd_shoppers`); `depends_on` says what the verdict depends on where the
    variants that it is about differ; `is_yours` whether it is a student's file: what goes
    wrong in its code is a failure of the script; `script_hash` is the start of its text's
    SHA-256, "" if it cannot be read.
    """

    name: str
    claim: str
    script: Callable[..., Any]
    observe: Observe
    expected: Verdict | None
    variants: tuple[Variant, ...]
    expectations: tuple[Variant, ...]
    customers: int
    quick_customers: int
    quick_servers: int
    doc: str
    path: Path
    about: Callable[[Variant], bool]
    question: Question | None = None
    argument: str = ""
    takes_crowd: bool = False
    is_yours: bool = False
    kind: Kind = Kind.CLAIM
    depends_on: str = ""
    script_hash: str = ""

    @property
    def source_without_docstring(self) -> str:
        """Its source below the docstring, which `doc` has already."""
        source = self.path.read_text(encoding="utf-8")
        body = ast.parse(source).body
        has_docstring = bool(body) and isinstance(body[0], ast.Expr)
        last = body[0].end_lineno if has_docstring else 0
        return "\n".join(source.splitlines()[last:]).strip("\n")

    def variants_for(self, quick: bool) -> tuple[Variant, ...]:
        """Return the variants to run by default: a quick run may have fewer servers."""
        if not quick:
            return self.variants
        most = self.quick_servers
        return tuple(
            replace(each, settings=replace(each.settings, servers=min(each.settings.servers, most)))
            for each in self.variants
        )

    def observation(self, run: VariantRun) -> Observation:
        """Observe one finished variant."""
        return judging.observe(self.observe, run, self.kind)

    def judge(self, runs: Sequence[VariantRun]) -> Judgement:
        """Judge the claim or drawback from observed variants."""
        return judging.judge(runs, self._expected_of, self.about, self.kind, self.depends_on)

    def _expected_of(self, variant: Variant) -> Verdict | None:
        # A variant set up by hand is expected to do as the declared one of the same kind.
        namesakes = [each for each in self.expectations if each.name == variant.name]
        alike = [each for each in self.expectations if _kind(each) == _kind(variant)]
        return next((each.expect for each in namesakes or alike if each.expect), None)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.partition("\n")[0]


def bundled() -> list[Experiment]:
    """Return the experiments that come with the lab, in the order of `SUITE`."""
    return [_bundled(name) for name in SUITE]


def names() -> list[str]:
    """Return the names of the bundled experiments, without loading them."""
    return [module_name.replace("_", "-") for module_name in SUITE]


def find(name: str, max_seconds: float | None = None) -> Experiment:
    """Return a bundled experiment by name, or a script by its file's path; else raise LabError.

    `max_seconds` is how long a file may take to be loaded.
    """
    if name.endswith(".py") or "/" in name or "\\" in name:
        return _from_file(Path(name), max_seconds)
    known = {module_name.replace("_", "-"): module_name for module_name in SUITE}
    if name in known:
        return _bundled(known[name])
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)};"
    raise LabError(f"no script {name!r}: {hint} a file of yours is named by its path, ./mine.py")


def _bundled(module_name: str) -> Experiment:
    experiment = _experiment(importlib.import_module(f"{__name__}.{module_name}"))
    return replace(experiment, argument=experiment.name)


def _from_file(path: Path, max_seconds: float | None) -> Experiment:
    from lab.experiments import script_file  # a bundled script does without

    module = script_file.load(path, max_seconds or script_file.SCRIPT_MAX_SECONDS)
    if why := script_file.why_no_script(module) or script_file.misspelt(module):
        raise LabError(why)
    return replace(_experiment(module), argument=str(path), is_yours=True)


def _experiment(module: ModuleType) -> Experiment:
    path = Path(module.__file__ or "")
    customers = _count(module, "CUSTOMERS", 1)
    variants = _variants(module, "VARIANTS", matrix.two_desks(Settings()))
    kind = _kind_of(module, variants)
    expected = getattr(module, "EXPECTED", None)
    words = [word for word in WORDS_OF_A_SENTENCE[kind] if word]
    _require(
        module,
        expected in (None, *words),
        f"EXPECTED of a {kind} must be one of {', '.join(words)}",
    )
    question = getattr(module, "QUESTION", None)
    _require(module, isinstance(question, Question | None), "QUESTION must be a Question")
    for name in ("observe", "ABOUT"):
        _require(module, callable(getattr(module, name, print)), f"{name} must be a function")
    sentence = getattr(module, "CLAIM", None) or getattr(module, "DRAWBACK", None)
    distinct = len({each.name for each in variants}) == len(variants)
    _require(module, distinct, "VARIANTS: each Variant needs a name of its own")
    return Experiment(
        name=re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-").lower() or "script",
        claim=str(sentence or ("" if kind is Kind.SCRIPT else BOTH_KEEP)),
        script=module.script,
        observe=getattr(module, "observe", judging.USUAL[kind]),
        expected=expected and Verdict(expected),
        variants=variants,
        expectations=_variants(module, "EXPECTATIONS", variants),
        customers=customers,
        quick_customers=_count(module, "QUICK_CUSTOMERS", customers),
        quick_servers=_count(module, "QUICK_SERVERS", MAX_CUSTOMERS),
        doc=inspect.cleandoc(module.__doc__ or "A script without a docstring."),
        path=path,
        about=getattr(module, "ABOUT", _plain_token if sentence else _any_variant),
        question=question,
        takes_crowd=bool(getattr(module, "CROWD", False)),
        kind=kind,
        depends_on=str(getattr(module, "DEPENDS_ON", "")),
        script_hash=_hash_of(path),
    )


def _hash_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:  # moved away since it was loaded
        return ""


def _kind_of(module: ModuleType, variants: Sequence[Variant]) -> Kind:
    has = {name: hasattr(module, name) for name in ("CLAIM", "DRAWBACK", "EXPECTED")}
    _require(module, not (has["CLAIM"] and has["DRAWBACK"]), "give a CLAIM or a DRAWBACK, not both")
    if has["DRAWBACK"]:
        return Kind.DRAWBACK
    judged = has["CLAIM"] or has["EXPECTED"] or any(each.expect for each in variants)
    return Kind.CLAIM if judged else Kind.SCRIPT


def _count(module: ModuleType, name: str, default: int) -> int:
    value = getattr(module, name, default)
    whole = type(value) is int and 1 <= value <= MAX_CUSTOMERS
    _require(module, whole, f"{name} must be a whole number from 1 to {MAX_CUSTOMERS}")
    return int(value)


def _variants(module: ModuleType, name: str, default: tuple[Variant, ...]) -> tuple[Variant, ...]:
    given = getattr(module, name, default)
    fits = isinstance(given, tuple | list) and all(isinstance(each, Variant) for each in given)
    _require(module, fits and len(given) > 0, f"{name} must be a tuple of Variant, at least one")
    return tuple(given)


def _require(module: ModuleType, condition: bool, otherwise: str) -> None:
    if not condition:
        raise LabError(f"{Path(module.__file__ or '').name}: {otherwise}")


def _plain_token(variant: Variant) -> bool:
    return variant.is_plain_token


def _any_variant(variant: Variant) -> bool:
    return True


def _kind(variant: Variant) -> tuple[object, ...]:
    settings = variant.settings
    alone = settings.servers == 1
    if variant.app == "stateless":
        return (variant.app, variant.module, variant.directives, alone)
    # A store by URL is a Redis like the lab's own.
    place = settings.store if settings.store in ("memory", "file") else "redis"
    return (variant.app, variant.module, variant.directives, place, settings.affinity, alone)
