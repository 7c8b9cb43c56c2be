def script(http):
    token = http.post("/login", json={"user": "ada"}).json()["token"]
    me = {"Authorization": f"Bearer {token}"}
    http.get("/me", headers=me)
    http.post("/logout", headers=me)
    http.get("/me", headers=me)
