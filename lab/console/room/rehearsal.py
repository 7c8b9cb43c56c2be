"""A rehearsal: fills the room with simulated phones, in a process of their own."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lab.console.room.simulated_phone import NoAnswer, PhoneCounts, SimulatedPhone
from lab.processes.spawn import Children, clean_environment, module_command

CODE_VARIABLE = "LAB_ROOM_CODE"
COMING_PER_S = 40.0  # phones that join a second, as in a hall that scans the code
CLICKS_OF_ONE_PER_S = 0.05


@contextmanager
def rehearsing(origin: str, code: str, phones: int, run_dir: Path) -> Iterator[None]:
    """Have `phones` simulated phones in the room at `origin` until the end of the block."""
    with closing(Children()) as children:
        children.spawn(
            "the simulated phones",
            module_command("lab.console.room.rehearsal", origin, str(phones)),
            log_path=run_dir / "logs" / "rehearsal.log",
            env=clean_environment({CODE_VARIABLE: code, "LAB_RUN_DIR": str(run_dir.absolute())}),
        )
        yield


async def fill(
    origin: str,
    code: str,
    phones: int,
    counts: PhoneCounts,
    *,
    clicks_per_s: float = CLICKS_OF_ONE_PER_S,
    coming_per_s: float = COMING_PER_S,
    until_s: float | None = None,
) -> list[SimulatedPhone]:
    """Let phones join one after the other; return when all have left, at `until_s`."""
    all_phones = [SimulatedPhone(origin, code, number, counts) for number in range(1, phones + 1)]

    async def one(phone: SimulatedPhone, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        for _ in range(20):  # the lab may be starting again
            try:
                await phone.join()
                break
            except (NoAnswer, OSError) as error:
                counts.errors.append(f"{type(error).__name__}: {error}")
                await phone.close()
                await asyncio.sleep(1.0)
        else:
            return
        await phone.click(by=1)
        await phone.live(clicks_per_s, until_s)
        await phone.close()

    await asyncio.gather(*(one(each, at / coming_per_s) for at, each in enumerate(all_phones)))
    return all_phones


def main() -> None:
    """Run until it is ended: `python -m lab.console.room.rehearsal ORIGIN PHONES`."""
    origin, phones = sys.argv[1], int(sys.argv[2])
    asyncio.run(fill(origin, os.environ[CODE_VARIABLE], phones, PhoneCounts()))


if __name__ == "__main__":
    main()
