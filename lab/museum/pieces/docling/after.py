import contextlib
import os
import sqlite3
import sys
import time
import uuid
from pathlib import Path

import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()


def execute(statement: str, *values: str):  # in a database of all workers
    path = Path(os.environ["SHARED_DIR"]) / "tasks.db"
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, document TEXT)")
        return database.execute(statement, values).fetchone()


def convert(task_id: str, source: str):
    execute("UPDATE tasks SET document = ? WHERE id = ?", f"# {source}", task_id)


@app.post("/v1/convert/source/async")
def accept(source: str, background: BackgroundTasks):
    task_id = uuid.uuid4().hex
    execute("INSERT INTO tasks VALUES (?, '')", task_id)
    background.add_task(convert, task_id, source)
    return {"task_id": task_id}


@app.get("/v1/result/{task_id}")
def result(task_id: str, wait_s: float = 5):
    deadline = time.monotonic() + wait_s
    while not (row := execute("SELECT document FROM tasks WHERE id = ?", task_id)) or not row[0]:
        if row is None or time.monotonic() > deadline:
            raise HTTPException(404, "Task not found.")
        time.sleep(0.02)
    return {"md_content": row[0]}


uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
