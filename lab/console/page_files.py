"""How the page's files are sent: the type by file extension, and how browsers keep them."""

from flask import Response, request

# Set here: a system's own type of ".js" may be wrong, and then browsers refuse the file.
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def revalidated(response: Response) -> Response:
    """Let the browser keep the response but ask each time: an update of the lab shows at once."""
    response.headers["Cache-Control"] = "no-cache"
    return response


def tagged(response: Response) -> Response:
    """Return generated content with an ETag; 304 if the browser has it already."""
    response.add_etag()
    response.make_conditional(request)  # changes this response
    return revalidated(response)
