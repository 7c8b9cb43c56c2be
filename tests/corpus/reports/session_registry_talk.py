def script(http):
    started = http.post("/v1/sessions/start", json={"driver": "appium"}).json()["session_id"]
    http.post(f"/v1/sessions/{started}/execute", json={"step": "open"})
    http.post(f"/v1/sessions/{started}/execute", json={"step": "press"})
