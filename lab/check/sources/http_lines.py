"""Cuts the text of a .http file into requests, as the editors that read such files do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NAME_LINE = re.compile(r"(?:#|//)\s*@name[\s=]\s*([\w.-]+)\s*$")
_PROMPT = re.compile(r"(?:#|//)\s*@prompt\s+([\w.-]+)")
_VARIABLE_LINE = re.compile(r"@([\w.-]+)\s*=\s*(.*)$")
_COMMENT = re.compile(r"#|//")
_SCRIPT_BLOCK = re.compile(r"[<>]\s*{%")
_SCRIPT_FILE = re.compile(r"[<>]\s+\S+\.(?:js|mjs|ts)$")
_OUTPUT = re.compile(r">>!?\s+\S|<>\s+\S")  # where an editor keeps answers
_MORE_PATH = re.compile(r"[?&/]")


@dataclass
class Draft:
    """One request as it stands in the file, with the variables that are defined before it.

    `scripts` are the texts of the editor's scripts around it, `prompts` the names of variables
    that the editor asks its user for.
    """

    line: int
    name: str
    request: str
    variables: dict[str, str]
    prompts: set[str]
    headers: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)


@dataclass
class _Reader:
    """The state of reading: which request the next line belongs to, and which part of it."""

    variables: dict[str, str] = field(default_factory=dict)
    prompts: set[str] = field(default_factory=set)
    draft: Draft | None = None
    name: str = ""
    early: list[str] = field(default_factory=list)  # scripts before a request's first line
    in_body: bool = False
    script: list[str] | None = None

    def take(self, number: int, line: str) -> None:
        """Read one line that separates no requests."""
        stripped = line.strip()
        if self.script is not None:
            self._take_script(line)
        elif _SCRIPT_BLOCK.match(stripped):
            self.script = []
            self._take_script(stripped.partition("{%")[2])
        elif _OUTPUT.match(stripped) or _SCRIPT_FILE.match(stripped):
            if not _OUTPUT.match(stripped):
                self._keep_script(stripped)
        elif self.draft and self.in_body:
            self.draft.body.append(line)
        elif self.draft:
            self._take_head(stripped, self.draft)
        else:
            self._take_before(number, stripped)

    def _take_before(self, number: int, line: str) -> None:
        if found := _NAME_LINE.match(line):
            self.name = found[1]
        elif found := _PROMPT.match(line):
            self.prompts.add(found[1])
        elif found := _VARIABLE_LINE.match(line):
            self.variables[found[1]] = found[2].strip()
        elif line and not _COMMENT.match(line):
            self.draft = Draft(number, self.name, line, {**self.variables}, {*self.prompts})
            self.draft.scripts += self.early

    def _take_head(self, line: str, draft: Draft) -> None:
        if found := _NAME_LINE.match(line):
            draft.name = found[1]
        elif not line:
            self.in_body = True
        elif _COMMENT.match(line):
            return
        elif _MORE_PATH.match(line) and not draft.headers:
            draft.request += line  # an address that goes on in the next line
        else:
            draft.headers.append(line)

    def _take_script(self, line: str) -> None:
        assert self.script is not None
        code, end, _ = line.partition("%}")
        self.script.append(code)
        if end:
            self._keep_script("\n".join(self.script))
            self.script = None

    def _keep_script(self, text: str) -> None:
        (self.draft.scripts if self.draft else self.early).append(text)

    def end(self) -> Draft | None:
        """Return the request that ends here, if there is one, and be ready for the next."""
        if self.script is not None:
            self._keep_script("\n".join(self.script))
        ended = self.draft
        self.draft, self.name, self.in_body, self.script, self.early = None, "", False, None, []
        return ended


def drafts(text: str) -> Iterator[Draft]:
    """Yield the requests of a file in order."""
    reader = _Reader()
    for number, line in enumerate([*text.split("\n"), "###"], start=1):
        line = line.removesuffix("\r")
        if not line.lstrip().startswith("###"):
            reader.take(number, line)
        elif draft := reader.end():
            yield draft


def all_variables(text: str) -> dict[str, str]:
    """Return every variable that a file defines outside of bodies, its last definition each."""
    variables: dict[str, str] = {}
    for draft in drafts(text + "\n###\nGET /"):
        variables = draft.variables
    return variables
