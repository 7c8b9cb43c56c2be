# One image for both desks: `python -m stateful_app` or `python -m stateless_app` says which.
# compose.yaml builds it by itself; kubernetes.yaml says in its first lines how to.
FROM python:3.13-slim
WORKDIR /two-desks
COPY constraints.txt ./
# What a desk imports. nginx and the store are other images; the rest of the lab stays outside.
RUN pip install --no-cache-dir -c constraints.txt \
    flask waitress flask-session cachelib msgspec redis itsdangerous
# By name: nothing else of this folder (runs, virtual environments) may get into the image.
COPY lab/__init__.py lab/
COPY lab/shop lab/shop
COPY stateful_app stateful_app
COPY stateless_app stateless_app
RUN python -m compileall -q lab stateful_app stateless_app
USER 10001:10001
# Python's process 1 ends at Ctrl-C's signal, and would ignore the usual SIGTERM.
STOPSIGNAL SIGINT
