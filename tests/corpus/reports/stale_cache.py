"""A cache of reads in each process over a store that all share: stale after another one's change.

After postlight/lux issue 41; everything is POST /query. With FRESH=1 nothing is kept.
"""

import os
import sqlite3

from serve import serve

KEPT = {} if not os.environ.get("FRESH") else None


def store():
    shared = sqlite3.connect("data/tasks.db", timeout=5)
    shared.execute("create table if not exists task (id integer primary key, title text)")
    shared.execute("insert or ignore into task values (1, 'milk'), (2, 'bread')")
    shared.commit()
    return shared


def query(request):
    asked, shared = request.json(), store()
    number = asked["id"]
    try:
        if "title" in asked:
            shared.execute("update task set title = ? where id = ?", (asked["title"], number))
            shared.commit()
            if KEPT:
                KEPT.pop(number, None)
            return 200, {"renamed": True}
        if KEPT is not None and number in KEPT:
            return 200, {"title": KEPT[number]}
        found = shared.execute("select title from task where id = ?", (number,)).fetchone()[0]
        if KEPT is not None:
            KEPT[number] = found
        return 200, {"title": found}
    finally:
        shared.close()


serve({"POST /query": query})
