from urllib.parse import parse_qs, urlsplit


def script(http):
    at = http.get("/auth/login?next=/console").headers["location"]
    state = parse_qs(urlsplit(at).query)["state"][0]
    http.get(f"/auth/callback?code=1234&state={state}")
