"""The routes of the handbook: `/docs/` lists its pages, `/docs/crowd` is one of them."""

from flask import Blueprint, Response, make_response, send_from_directory
from werkzeug.exceptions import NotFound

from lab.console.page_files import TYPES, revalidated, tagged
from lab.core.errors import LabError
from lab.docs import handbook, web

PREFIX = "/docs/"


def routes() -> Blueprint:
    """Return the routes; every page is rendered from its Markdown when it is asked for."""
    routes = Blueprint("docs", __name__, url_prefix=PREFIX.rstrip("/"))

    @routes.get("/", strict_slashes=False)  # /docs is not a redirect: that would name a host
    def index() -> Response:
        return _page(handbook.INDEX_PAGE)

    @routes.get("/<name>")
    def page(name: str) -> Response:
        if name in web.ASSETS:
            kind = TYPES[name[name.rindex(".") :]]
            return revalidated(send_from_directory(handbook.HANDBOOK_FOLDER, name, mimetype=kind))
        return _page(name)

    return routes


def _page(name: str) -> Response:
    try:
        page = handbook.find(name)
    except LabError as error:
        raise NotFound(str(error)) from None
    return tagged(make_response(web.html_page(page, lambda other: PREFIX + other)))
