"""What `pytest --lab-check` costs: `python tests/benchmarks/suites.py [REPETITIONS]`.

The suites of tests/suites (Flask with requests, FastAPI with httpx, Express with Playwright's
request context), on services that keep nothing: the time of `pytest` with the service started
before it on one process, and of `pytest --lab-check`, which starts three; both from the first start
to the end of the last process. The ratio is that of the medians of some repetitions, taken in turn.
Then once with the planted state: what it takes more to run failed tests again and to search.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.check.budget import Budget
from lab.check.launcher import Launcher
from lab.check.start import Start
from lab.core.environment import current_environment

SUITES = Path(__file__).parents[1] / "suites"
AIM = 1.3
STARTS = {
    "flask": Start(f"{sys.executable} -m flask --app shop run --port {{port}}"),
    "fastapi": Start(f"{sys.executable} -m uvicorn notes:app --port {{port}}", ready="/health"),
    "express": Start("node server.js", {"PORT": "{port}"}),
}
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"),
    *("-p", "lab.check.suite.plugin"),
)


def plain(folder: Path, start: Start) -> float:
    """Return the seconds of a plain run: the service starts, the suite runs, the service ends."""
    began = time.monotonic()
    launcher = Launcher(start, folder / "logs", Budget())
    try:
        process = launcher.launch(None)
        run(folder, 0, url=process.address.url)
        process.kill()
    finally:
        launcher.close()
    return time.monotonic() - began


def checked(folder: Path, start: Start, status: int = 0) -> tuple[float, str]:
    """Return the seconds of a run on three processes, and what it printed."""
    options = ["--lab-check", start.command, "--lab-url-env", "SHOP_URL"]
    options += [f"--lab-env={name}={value}" for name, value in start.env.items()]
    options += ["--lab-ready", start.ready] if start.ready else []
    began = time.monotonic()
    said = run(folder, status, *options)
    return time.monotonic() - began, said


def run(folder: Path, status: int, *options: str, url: str = "") -> str:
    """Run the suite; return what it printed."""
    env = {
        **current_environment(),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "LAB_URL": url,
        "SHOP_URL": url,
    }
    done = subprocess.run(
        [*PYTEST, *options], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def main(repetitions: int) -> None:
    """Print one table."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print("suite    plain s  checked s  ratio  planted s  found")
    for name, start in STARTS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(shutil.copytree(SUITES / name, Path(temporary) / name))
            here = Start(start.command, start.env, folder, ready=start.ready)
            times = [(plain(folder, here), checked(folder, here)[0]) for _ in range(repetitions)]
            one, several = (statistics.median(each) for each in zip(*times, strict=True))
            os.environ["KEEP"] = "memory"
            planted_s, said = checked(folder, here, status=1)
            del os.environ["KEEP"]
        found = "missed it" in said
        print(
            f"{name:8} {one:7.2f} {several:10.2f} {several / one:6.2f} {planted_s:10.1f}  "
            f"{'the pair' if found else 'NOTHING'}   aim {AIM}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
