def script(http):
    token = http.post("/login", json={"user": "ada"}).json()["token"]
    mine = {"Authorization": f"Bearer {token}"}
    http.delete("/login", headers=mine)
    http.get("/account", headers=mine)
