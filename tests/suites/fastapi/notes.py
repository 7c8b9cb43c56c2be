"""Notes of a user, whose token is signed, or a key into a dict of the process (KEEP=memory)."""

import os
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel

app = FastAPI()
signer = URLSafeSerializer("the same key in every process")
users = {}


class User(BaseModel):
    name: str


def user(authorization: Annotated[str, Header()]):
    """Return the user that a token is of."""
    token = authorization.removeprefix("Bearer ")
    if os.environ.get("KEEP") == "memory":
        if token not in users:
            raise HTTPException(401, "log in")
        return users[token]
    try:
        return signer.loads(token)
    except BadSignature:
        raise HTTPException(401, "log in") from None


@app.get("/health")
def health():
    return {"ok": True}


@app.post("/token", status_code=201)
def token(body: User):
    if os.environ.get("KEEP") == "memory":
        made = secrets.token_hex(8)
        users[made] = body.name
    else:
        made = signer.dumps(body.name)
    return {"token": made}


@app.get("/me")
def me(name: Annotated[str, Depends(user)]):
    return {"name": name}
