def script(http):
    task = http.post("/v1/convert/source/async", params={"source": "report.pdf"}).json()["task_id"]
    http.get(f"/v1/result/{task}")
