def script(http):
    for _ in range(3):
        http.post("/login", json={"user": "ada", "password": "guess"})
