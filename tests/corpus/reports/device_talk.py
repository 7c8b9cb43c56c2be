def script(http):
    for _ in range(2):
        http.post("/register", json={"fingerprint": "ff-1", "kind": "phone"})
