"""`lab crowd`: many shoppers at both desks, faults on a timetable, latencies that can be quoted."""

from typing import Any

import click

from lab.cli.crowd_options import CrowdOptions, crowd_options


@click.command()
@click.argument("script", required=False, default="shopping", metavar="[NAME|FILE]")
@crowd_options
def crowd(script: str, **asked: Any) -> int:
    """Put a load on both desks in turn: many shoppers, each running the same script.

    The script is `shopping` (seven requests), `looking` (mostly reads), `buying` (up to the
    checkout), or the path of your own file with `def script(shopper, lab)`, as for `lab run`.

    Requests start evenly spaced, at --rate, and latency counts from the intended start: if a
    server is paused, every request due in that time is slow. Each shopper begins at a random step
    of its iteration. At the end every cart is read, and the lost carts are compared with those that
    the faults must have lost.

    First one shopper runs one iteration alone, and the lab explains what the numbers mean. A
    crowd that is too small or too short to show anything is refused (--anyway runs it).

    Examples:
      lab crowd --kill B@3s --affinity cookie     100 shoppers, a crash
      lab crowd --shoppers 5000 --rate 300/s --for 60s --kill B@30s
      lab crowd ./mine.py --store redis --pause store@3s --resume store@6s
      lab crowd --self-test                       does p99 show a paused server?

    The servers may be your own deployment (--upstream): see `lab run --help`.

    For more than 200 shoppers, install the extra: pip install ".[crowd]"

    To use several machines, run the first command here and the other three on
    each of the others. The first one prints this run's key, which workers need.
      lab crowd --master --workers 2 --port 8000
      ssh -L 8000:127.0.0.1:8000 -L 5557:127.0.0.1:5557 THIS_HOST
      export LAB_OP_KEY=...                   in a second terminal there
      lab crowd --join 127.0.0.1

    By default the lab listens on 127.0.0.1 only.

    Exit status:
      0    the figures are valid, and the lost carts are those that were predicted
      1    other carts were lost than those that were predicted
      2    wrong usage, or the lab could not start
      3    the figures are not reliable
      130  stopped by Ctrl-C
    """
    from lab.cli import crowd_modes  # `--help` needs none of it

    return crowd_modes.run(script, CrowdOptions(**asked))


COMMANDS = (crowd,)
