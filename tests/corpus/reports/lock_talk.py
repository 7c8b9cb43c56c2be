def script(http):
    for _ in range(5):
        http.post("/login", json={"user": "ada", "password": "wrong"})
