"""The symbols of every drawing: the page's, a recording's and the report's are these paths.

Each has its origin where a drawing puts it: persons, servers, drawers, stores and balancers in
the middle of their upper edge (a person: between head and shoulders), what is carried at its
upper left corner. A part's name is its class in colours.css.
"""

from collections.abc import Mapping

SYMBOLS: Mapping[str, Mapping[str, str]] = {
    "person": {"desk": "M-9-8a9 9 0 1 0 18 0a9 9 0 1 0-18 0zM-17 30c0-38 34-38 34 0z"},
    "balancer": {"box": "M-33 0h66a11 11 0 0 1 0 22h-66a11 11 0 0 1 0-22z"},
    "server": {
        "box": "M-26 0h52q6 0 6 6v64q0 6-6 6h-52q-6 0-6-6v-64q0-6 6-6z",
    },
    "drawer": {
        "desk": "M-21 0h42q3 0 3 3v22q0 3-3 3h-42q-3 0-3-3v-22q0-3 3-3z",
        "handle": "M-9 14h18",
    },
    "store": {
        "desk": "M-33 0h66q3 0 3 3v24q0 3-3 3h-66q-3 0-3-3v-24q0-3 3-3z",
        "handle": "M-9 15h18",
    },
    "ticket": {"secret": "M0 0h40v6a4 4 0 0 0 0 8v6H0v-6a4 4 0 0 0 0-8z"},
    "parcel": {
        "secret": "M2 0h34q2 0 2 2v22q0 2-2 2h-34q-2 0-2-2v-22q0-2 2-2z",
        "wax": "M27 21a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    },
    "form": {
        "secret": "M2 0h24q2 0 2 2v22q0 2-2 2h-24q-2 0-2-2v-22q0-2 2-2z",
        "line": "M5 7h18M5 12h18M5 17h9",
        "wax": "M17 20a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    },
    "key": {"metal": "M16 10H29V15M24 10v4M3 10a6 6 0 1 0 12 0a6 6 0 1 0-12 0z"},
}
GOODS_PATHS: Mapping[str, str] = {
    "laptop": "M-7 0h14v9h-14zM-9 12h18",
    "pen": "M-8 11l3-1l12-11l-2-2l-12 11z",
    "mouse": "M-6 5c0-9 12-9 12 0v4c0 8-12 8-12 0zM0-1v5",
    "empty": "",
    "": "M-8 0h16v11h-16zM-8 4h16",
}
"""What is in a parcel or a drawer, by a word of its name; "" is anything else."""
