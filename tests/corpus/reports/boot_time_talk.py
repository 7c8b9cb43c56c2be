def script(http):
    token = http.post("/token", json={"user": "ada"}).json()["token"]
    http.get("/me", headers={"Authorization": f"Bearer {token}"})
