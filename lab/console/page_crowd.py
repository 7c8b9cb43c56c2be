"""A crowd beside the stage: both desks in turn, on servers of its own; one of them dies."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lab.core.faults import FaultKind
from lab.crowd import scenarios
from lab.crowd.document import CrowdDocument, text
from lab.crowd.load_profile import LoadProfile
from lab.crowd.progress import Progress
from lab.crowd.timetable import PlannedFault
from lab.crowd.worker_group import has_locust
from lab.evidence.record import Record
from lab.evidence.result import Settings
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack
from lab.experiments.script_api import Lab

FOR_S, KILL_AT_S = 10.0, 5.0
WITH_AFFINITY = Settings(affinity="cookie")  # each shopper has a server: what dies with one is seen
PAGE_KEPT_LOG = 1000
CrowdCounts = Mapping[str, Mapping[str, int]]
"""Requests by desk and by the server that answered."""
Say = Callable[[str, CrowdCounts], object]


def run_page_crowd(folder: Path, shoppers: int, say: Say) -> None:
    """Run the crowd and keep it in `folder`; `say` hears how it goes, twice a second."""
    variants, counts = two_desks(WITH_AFFINITY), dict[str, Mapping[str, int]]()
    document = CrowdDocument([])
    say("starting servers and nginx", counts)
    provisioned = ProvisionedStack(folder)
    with provisioned.open(variants, keep_log=PAGE_KEPT_LOG):
        for variant in variants:
            lab = Lab(provisioned.context(variant, 0, 0, quick=False), Record(variant.name))

            def watch(now: Progress, desk: str = variant.app) -> None:
                counts[desk] = dict(now.tally.by_server)
                say(_line(desk, now), counts)

            profile = _profile(shoppers, lab)
            document.crowds.append(result := lab.crowd_of(profile, watch))
            if result.interrupted:
                say("stopped", counts)  # raises, as it did when the crowd was stopped
            provisioned.undo_faults()
    (folder / "crowd.json").write_text(text(document), encoding="utf-8")


def _profile(shoppers: int, lab: Lab) -> LoadProfile:
    asked = LoadProfile(
        script=str(Path(scenarios.__file__).with_name("shopping.py")),
        shoppers=shoppers,
        rate=float(shoppers),
        for_s=FOR_S,
        timetable=(PlannedFault(FaultKind.KILL, "B", KILL_AT_S),),
        engine="locust" if has_locust() else "threads",
    )
    return asked.beginning_out_of_step(lab.trial_run(asked).requests)


def _line(desk: str, now: Progress) -> str:
    at_s = now.at_s - now.job.profile.warm_up_s
    when = "warm-up" if at_s < 0 else f"{min(at_s, FOR_S):.0f} of {FOR_S:.0f} s"
    killed = "; B was killed" if now.injected.deaths else ""
    return (
        f"{desk}, {when}: {now.tally.requests:,} requests, {now.tally.failed:,} failed, "
        f"{now.kept:,} carts kept, {now.lost:,} lost{killed}"
    )
