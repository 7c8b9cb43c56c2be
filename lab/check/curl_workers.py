"""Parts of the printed script that asks one server of several processes again and again."""

from collections.abc import Iterator

from lab.check.curl_parts import reader_of
from lab.check.differences import Difference
from lab.core.shell import quoted

_AGAIN_FUNCTION = """\
again() {  # $1, %(times)d times, each over a new connection, while others ask something
  : >busy; n=0
  for each in 1 2 3; do
    while [ -e busy ]; do curl -gsk -m 2 -o /dev/null "$URL"%(ready)s; done &
  done
  while [ $n -lt %(times)d ]; do
    n=$((n + 1)); mkdir $n; for each in jar head* body*; do [ ! -e $each ] || cp $each $n; done
    cd $n; "$1"; cd ..
  done; rm busy; }"""
_JUDGE_AGAIN = """\
judge() { python3 -c '  # counts the answers of each kind
import collections, json, re, sys
where, last, times = sys.argv[1:]
%(value)s
def seen(run):
    for n in range(int(times)):
        found = value(run + "/" + str(n + 1), last, where)
        yield json.dumps(%(counted)s)
control, shown = [*seen("control")], [*seen("shown")]
for each, count in collections.Counter(shown).most_common():
    print(where + ":", count, "of", times, "times", each[:200])
changes = sum(one != other for one, other in zip(shown, shown[1:]))
kinds = len({*shown})  # with one change less than kinds, none came back: it was merely changed
sys.exit(len({*control}) > 1 or kinds < 2 or changes < kinds)
' "$@"; }
run control control; run shown shown; cd "$WORK"
judge %(where)s %(last)d %(times)d"""


def again(times: int, ready: str) -> Iterator[str]:
    """Yield the lines of a shell function that sends a call so many times."""
    yield from (_AGAIN_FUNCTION % {"times": times, "ready": quoted(ready)}).splitlines()


def judge_again(difference: Difference, last: int, times: int) -> Iterator[str]:
    """Yield the lines of the runs, count the answers to the last call, and judge."""
    value, where = reader_of(difference.where)
    many = difference.where.endswith("/-")
    counted = "len(found) if isinstance(found, list) else found" if many else "found"
    made = _JUDGE_AGAIN % {
        "value": value,
        "counted": counted,
        "where": quoted(where),
        "last": last,
        "times": times,
    }
    yield from made.splitlines()
