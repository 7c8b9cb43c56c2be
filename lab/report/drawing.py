"""A variant's requests as a drawing: the same in the report and in the page."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lab.core.text import one_line, visible
from lab.report.sequence import Story, diagram, widths
from lab.report.symbols import SYMBOLS


def sequence_svg(story: Story) -> str:
    """Return a story as HTML with SVG in it, "" if nothing happened.

    Without scripts, style attributes and references: `sequence_css` is all it needs.
    """
    if not story.events:
        return ""
    template: Any = environment().get_template("sequence.html").module
    return str(template.sequence(diagram(story, {}, listed=False)))


def sequence_css() -> str:
    """Return the style sheet of these drawings; they need the colours too."""
    return environment().get_template("sequence.css").render()


def colours_css() -> str:
    """Return the colours of reports, which the page has too."""
    return environment().get_template("colours.css").render()


@cache
def environment() -> Environment:
    """Return the templates of `lab.report`: whatever they print is visible and escaped."""
    environment = Environment(
        loader=PackageLoader("lab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is printed is made visible first, and escaped after.
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
    )
    environment.filters["drawing"] = lambda chart: Markup(chart.svg)  # drawn by us, text escaped
    environment.filters["one_line"] = one_line
    environment.globals["sequence_widths"] = widths()
    environment.globals["symbols"] = SYMBOLS
    return environment
