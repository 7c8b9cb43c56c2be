from requests.auth import HTTPDigestAuth


def script(http):
    ada = HTTPDigestAuth("ada", "secret")
    assert http.post("/me?a=1 2", json={}, auth=ada).status_code == 200
    http.get("/me", auth=ada)
