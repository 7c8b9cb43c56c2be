"""The stateless desk with the remedy; leave this file as it is."""

import remedy

from lab.variants import main

main("stateless_app", remedy.change, "serve")
