"""Makes a certificate for one run with openssl: for 127.0.0.1, for two days, installed nowhere."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError

NO_OPENSSL = (
    "--tls makes a certificate for the run, and there is no openssl on PATH: install it "
    "(`apt install openssl`, `brew install openssl`), or run without --tls"
)
OPENSSL_TIMEOUT_S = 30
CERTIFICATE, TLS_KEY = "tls/certificate.pem", "tls/key.pem"
"""Paths relative to the run's folder, as nginx.conf has them."""


@dataclass(frozen=True)
class Tls:
    """Where nginx serves TLS, and the file by which clients know its certificate."""

    port: int
    authority: Path
    """The certificate itself: it is signed by its own key."""


def make_certificate(run_dir: Path) -> Path:
    """Make a key and a certificate below `run_dir`; return the certificate. LabError if not."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise LabError(NO_OPENSSL)
    certificate, key = run_dir / CERTIFICATE, run_dir / TLS_KEY
    key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key.touch(mode=0o600)
    command = [
        *(openssl, "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=two-desks"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(certificate)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=OPENSSL_TIMEOUT_S)
    if done.returncode:
        raise LabError(f"openssl made no certificate: {done.stderr.strip()[-300:]}")
    return certificate
