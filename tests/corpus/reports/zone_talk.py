def script(http):
    token = http.post("/login", json={"user": "ada", "password": "secret"}).json()["token"]
    http.get("/me", headers={"X-Token": token})
    http.get("/orders", headers={"X-Token": token})
