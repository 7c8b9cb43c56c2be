"""`--tls`: customers come by HTTPS, with a certificate of the run, and their cookies are Secure."""

import json
import shutil
import socket
import ssl
import stat

import pytest
import requests

from lab.core.errors import LabError
from lab.evidence.result import Settings
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack
from lab.stack import certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on PATH")


@pytest.mark.long
def test_crash_by_https_comes_out_as_by_http(lab_here):
    ended = lab_here("run", "crash", "--quick", "--tls", "--json")
    assert ended.status == 0, ended
    (crash,) = json.loads(ended.out)["experiments"]
    for variant in crash["variants"]:
        assert variant["knobs"]["tls"] is True
        assert variant["measurements"]["carts_acknowledged"] == 12
    stateful = crash["variants"][0]
    cookies = [
        value
        for each in stateful["exchanges"]
        for name, value in each["response"]["headers"].items()
        if name.lower() == "set-cookie"
    ]
    assert cookies and all("secure" in each.lower() for each in cookies)


def test_http_2_is_offered_and_only_the_runs_own_certificate_is_trusted(tmp_path):
    (variant, _) = two_desks(Settings(servers=1, tls=True))
    with ProvisionedStack(tmp_path / "run").open([variant]) as stack:
        url = f"{stack.pools['stateful'].url}/api/products"
        assert url.startswith("https://127.0.0.1:")
        authority = stack.tls.authority
        key = tmp_path / "run" / certificate.TLS_KEY
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert requests.get(url, verify=str(authority), timeout=60).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=60)
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", stack.tls.port), timeout=60) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as connection,
        ):
            assert connection.selected_alpn_protocol() == "h2"


def test_missing_openssl_is_reported_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate.shutil, "which", lambda name: None)
    with pytest.raises(LabError, match=r"apt install openssl.*without --tls"):
        certificate.make_certificate(tmp_path)
