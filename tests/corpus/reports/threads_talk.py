def script(http):
    http.get("/visits")
    http.get("/visits")
