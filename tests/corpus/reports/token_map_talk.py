def script(http):
    http.post("/login", json={"user": "ada"})
    http.get("/me")
