"""The error of a student's or an engineer's script, with the line that it is in."""

import linecache
import traceback
from pathlib import Path


class ScriptError(Exception):
    """The script raised an error: `where` is its own line, `assertion` whether it asserted."""

    def __init__(self, error: BaseException, path: Path) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [frame for frame in frames if Path(frame.filename) == path.absolute()]
        self.assertion = isinstance(error, AssertionError)
        self.where, line = str(path.name), ""
        if theirs:
            number = theirs[-1].lineno or 0
            self.where = f"{path.name}:{number}"
            line = linecache.getline(str(path.absolute()), number).strip()
        text = str(error)
        said = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if self.assertion and line:
            said = (
                line if not text or repr(text) in line or f'"{text}"' in line else f"{line}: {text}"
            )
        super().__init__(f"{self.where}: {said[:500]}")
