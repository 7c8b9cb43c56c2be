import sys
import time
import uuid

import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
tasks: dict[str, str] = {}  # in the memory of this worker


def convert(task_id: str, source: str):
    tasks[task_id] = f"# {source}"


@app.post("/v1/convert/source/async")
def accept(source: str, background: BackgroundTasks):
    task_id = uuid.uuid4().hex
    tasks[task_id] = ""
    background.add_task(convert, task_id, source)
    return {"task_id": task_id}


@app.get("/v1/result/{task_id}")
def result(task_id: str, wait_s: float = 5):
    deadline = time.monotonic() + wait_s
    while not (document := tasks.get(task_id)):
        if document is None or time.monotonic() > deadline:
            raise HTTPException(404, "Task not found.")
        time.sleep(0.02)
    return {"md_content": document}


uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
