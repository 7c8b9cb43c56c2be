def script(http):
    for _ in range(2):
        http.post("/visits")
        http.get("/visits")
