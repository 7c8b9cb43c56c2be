"""`lab compare`: two kept runs side by side, and whether they differ by more than chance."""

from pathlib import Path

import click

from lab.cli import options


@click.command()
@click.argument("left", metavar="RUN")
@click.argument("right", metavar="RUN")
@click.option("--all", "everything", is_flag=True, help="Also show what is equal.")
@options.as_json
@options.out
def compare(left: str, right: str, everything: bool, as_json: bool, out: Path) -> int:
    """Compare two kept runs: what differs, and whether by more than chance.

    RUN is a run as for `lab report`; both must be of the same kind: two runs of `lab run`, two
    crowds, two plans or two checks. A name that is given twice, as in `lab compare crash
    crash`, means the two newest runs of it. The first line says what was set differently: the
    text of the script, faults, settings, versions.

    Counts are compared by an interval of their difference, made of Wilson's intervals. Times
    are compared by a rank test of blocks of requests, and must also differ by a larger factor
    than runs of the same thing do. The lab learns how much runs vary on your machine from the
    kept runs of the same script with the same settings, if there are at least five, these two
    included. If not, times must differ by a factor of 15. Two runs of the same thing are called
    different in at most 5 of 100 cases, however many numbers they have.

    The findings of two checks are compared word by word: chance plays no part in them.

    Examples:
        lab compare 20261127-103000-crash 20261127-110000-crash
        lab compare before/crowd.json after/crowd.json --json

    Exit status:
      0  no difference beyond chance
      1  a difference beyond chance
      2  wrong usage, or the runs are of two kinds
      3  the counts are too small to tell, or the runs have nothing in common
    """
    from lab.cli.compare_runs import compare_runs  # `--help` needs none of it

    return compare_runs(left, right, everything, as_json, out)


COMMANDS = (compare,)
