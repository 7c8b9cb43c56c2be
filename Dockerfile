# One image for both desks: `python -m stateful_app` or `python -m stateless_app` says which.
# compose.yaml builds it by itself; kubernetes.yaml says in its first lines how to.
FROM python:3.13-slim
WORKDIR /two-desks
# By name: nothing else of this folder (runs, virtual environments) may get into the image.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lab lab
COPY stateful_app stateful_app
COPY stateless_app stateless_app
RUN pip install --no-cache-dir -c constraints.txt .
USER 10001:10001
# Python's process 1 ends at Ctrl-C's signal, and would ignore the usual SIGTERM.
STOPSIGNAL SIGINT
