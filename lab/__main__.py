"""`python -m lab`, the same as `lab`."""

import sys

# Python puts the folder it is called in first. There a `requests.py` of somebody's own, say a
# script for `lab check`, must not stand in for the package.
sys.path.append(sys.path.pop(0))

from lab.cli.main import main

main()
