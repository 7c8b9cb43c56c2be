#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image of the autograder.
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv@PACKAGES@
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and
  "Python 3.11 or later is needed: choose the base image Ubuntu 24.04")'
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install --no-cache-dir -r /autograder/source/requirements.txt@NPM@
