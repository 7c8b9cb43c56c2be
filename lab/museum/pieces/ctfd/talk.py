def script(http):
    http.post("/login", json={"team": "Ada's"})
    http.get("/challenges")
