def script(http):
    http.post("/query", json={"id": 1})
    http.post("/query", json={"id": 2})
    http.post("/query", json={"id": 1, "title": "oat milk"})
    http.post("/query", json={"id": 1})
