"""`lab doctor`: what the lab needs, and whether it is here."""

import click
from rich.text import Text

from lab.cli.output import screen


@click.command()
def doctor() -> int:
    """Check what the lab needs: what is here, what is missing, and how to install it.

    For each missing part, it prints what does not work without it and the one command that
    installs it.

    Exit status:
      0  nothing is missing
      1  something is missing
    """
    from lab.stack.doctor import diagnose  # `--help` needs none of it

    findings = diagnose()
    for finding in findings:
        text = Text.assemble(("✓ ", "green") if finding.ok else ("✕ ", "red"))
        text.append(f"{finding.name}: ", "bold").append(finding.what)
        if not finding.ok:
            text.append(f"\n    costs: {finding.costs}\n    fix:   {finding.fix}")
        screen.print(text)
    return 0 if all(finding.ok for finding in findings) else 1


COMMANDS = (doctor,)
