"""Says why TLS with a store failed, without its address: OpenSSL's reason is in the cause."""

import ssl

_OTHER_HOST = (62, 64)
"""OpenSSL's codes for a certificate of another host name, or of another IP address."""


def tls_trouble(error: BaseException) -> str:
    """Return what is wrong with TLS and what to do; "" if an error has another cause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _OTHER_HOST:
            return "its certificate is for another host: use the name that is in it"
        return (
            f"its certificate is not accepted ({cause.verify_message}): name the file of its "
            "authority with ?ssl_ca_certs=FILE at the end of the URL"
        )
    if cause is not None:
        reason = getattr(cause, "reason", None) or "broken off"  # none where it was made by hand
        return f"TLS failed ({reason}): check that it speaks TLS (rediss://)"
    return ""
