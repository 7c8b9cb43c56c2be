"""What tests share: the real `lab` as a process, what it leaves behind, and which skips count."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from lab.core.environment import current_environment

DEADLINE_S = 60
GONE_DEADLINE_S = 30

# With TWO_DESKS_REQUIRE=1 a test that is skipped fails, unless its reason is one of these: what
# a fresh Linux machine cannot be given, or what is another system's.
REQUIRE = os.environ.get("TWO_DESKS_REQUIRE") == "1"
ALLOWED_SKIPS = re.compile(
    "no `docker compose` here|100 MB of schemas|root reads everything|this is about a cluster"
    "|allows no network namespaces|root's to choose|network namespaces: Linux, root"
)

# Modules that help tests and assert something: a failure shows the values there, too.
pytest.register_assert_rewrite(
    "browser.tour",
    "clocks",
    "containers",
    "deployments",
    "engine.deployed",
    "page_modules",
    "replica_rig",
    "report_pages",
    "rooms",
)

# A busy machine is no finding: pytest-timeout ends what hangs. Nor is chance: each run chooses the
# same values, and CONTRIBUTING.md has the command that looks for others.
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.register_profile("lab", deadline=None, derandomize=True)
settings.load_profile("lab")

# A shell that starts the tests in the background lets them, and all their children, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _signals_as_before():
    """A command that ran in this process leaves no answer of its own to Ctrl-C behind."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without the garbage collector: what is made here lives to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Refuse two tests with one id: with `-n 2` one of them alone would run."""
    names = {}
    for each in items:
        if (first := names.setdefault(each.nodeid, each.name)) != each.name:
            raise pytest.UsageError(
                f"{first} and {each.name} have one id, {each.nodeid}: make two functions of them"
            )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip that is not allowed into a failure."""
    report = yield
    if REQUIRE and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not ALLOWED_SKIPS.search(reason):
            report.outcome = "failed"
            report.longrepr = f"TWO_DESKS_REQUIRE=1, and this test was skipped: {reason}"
    return report


def wait_for(condition, deadline_s=DEADLINE_S):
    """Return the first true value of `condition()`; fail the test at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"not within {deadline_s} s: {condition}"
        time.sleep(0.01)


def made_once(tmp_path_factory, name, make, deadline_s):
    """Return a folder that `make(folder)` filled: once for all workers of a run (xdist)."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, made, failed = (root / f"{name}{state}" for state in ("", "-made", "-failed"))
    try:
        folder.mkdir()
    except FileExistsError:
        wait_for(lambda: made.exists() or failed.exists(), deadline_s)
        assert made.exists(), f"{folder} could not be made: see the failure of the other worker"
        return folder
    try:
        make(folder)
    except BaseException:
        failed.mkdir()
        raise
    made.mkdir()
    return folder


def processes_of(folder):
    """Living processes that were started in `folder` or for a run below it."""
    folder = str(Path(folder).absolute())

    def belongs(process):
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                return False
            run = process.environ().get("LAB_RUN_DIR", "")
            return f"{run}/".startswith(f"{folder}/") or f"{process.cwd()}/".startswith(
                f"{folder}/"
            )
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


class LabHere:
    """The command line in a folder of its own."""

    def __init__(self, folder):
        self.started = []
        self.folder = folder
        self.runs = folder / "lab-runs"
        self.command = (sys.executable, "-m", "lab")

    def start(self, *arguments, env=None):
        """Start `lab …` and return at once; its output goes to files, so it never blocks."""
        (self.folder / "output").mkdir(exist_ok=True)
        name = f"{time.monotonic_ns()}"
        out_path, err_path = (self.folder / "output" / f"{name}.{end}" for end in ("out", "err"))
        environment = current_environment()
        environment.pop("FORCE_COLOR", None)
        with out_path.open("wb") as out, err_path.open("wb") as err:
            process = subprocess.Popen(
                [*self.command, *arguments],
                cwd=self.folder,
                env={**environment, "PYTHONWARNINGS": "default", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        process.out_path, process.err_path = out_path, err_path
        self.started.append(process)
        return process

    def finish(self, process, deadline_s=DEADLINE_S):
        """Wait for its end; return status, stdout and stderr."""
        try:
            status = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"lab did not end within {deadline_s} s: {process.err_path.read_text()}")
        return Ended(status, process.out_path.read_text(), process.err_path.read_text())

    def __call__(self, *arguments, **how):
        """Run `lab …` to its end."""
        return self.finish(self.start(*arguments, **how))

    def write(self, name, text):
        """Write a script of a student's; return its path as they would type it."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return f"./{name}"

    def end_started(self):
        """End what a test that failed has left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait(60)

    def processes(self):
        return processes_of(self.folder)

    def assert_nothing_left(self):
        wait_for(lambda: not self.processes(), GONE_DEADLINE_S)


class Ended:
    """How a command ended. Whatever it was, it showed no frame of the lab and no warning."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        for noise in (
            "lab/cli/main.py",
            "lab/experiments/runner.py",
            "Warning:",
            "Exception ignored",
        ):
            assert noise not in out + err, out + err

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def lab_here(tmp_path):
    """The lab in a fresh folder; at the end nothing of it may run."""
    here = LabHere(tmp_path)
    yield here
    here.end_started()
    here.assert_nothing_left()


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """The same for all tests of a module, to share runs; finished runs only."""
    here = LabHere(tmp_path_factory.mktemp("shared"))
    yield here
    here.assert_nothing_left()
