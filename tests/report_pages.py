"""Reads a page that the lab wrote, as a browser without scripts and without a network would."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page: its tags, its text, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def assert_offline_and_inert(text):
    read = Page(text)
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(
        read.tags
    )
    for _, name, value in read.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "action", "srcdoc")
        if name in ("href", "xlink:href"):
            assert value.startswith("#")
        if name == "style":
            assert re.fullmatch(r"opacity: \d", value), value
    for css in re.findall(r"<style.*?</style>", text, re.S):
        assert not re.search(r"@import|url\(|expression", css)
    assert "default-src 'none'" in text
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
    )
    text.encode("utf-8")
    return read
