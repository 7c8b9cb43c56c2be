import time


def script(http):
    answer = http.post("/commands/echo", json={"args": ["hello"]}).json()
    for _ in range(20):
        if "result_url" not in answer or http.get(answer["result_url"]).status_code == 200:
            break
        time.sleep(0.1)
