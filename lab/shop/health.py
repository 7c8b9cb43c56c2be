"""`python -m lab.shop.health PORT`: exit 0 if the desk on that port of this machine answers."""

import sys
from urllib.request import urlopen

urlopen(f"http://127.0.0.1:{int(sys.argv[1])}/api/server", timeout=3).close()
