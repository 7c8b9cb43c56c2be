from urllib.parse import parse_qs, urlsplit


def script(http):
    to_provider = http.get("/login").headers["location"]
    state = parse_qs(urlsplit(to_provider).query)["state"][0]
    http.get("/callback", params={"state": state, "code": "ada"})
