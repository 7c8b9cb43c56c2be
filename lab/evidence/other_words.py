"""Words that authors of scripts guess, each with the right one."""

# Of a shopper, and of the arguments of its verbs.
VERBS = {
    **dict.fromkeys(("buy", "put", "put_in_cart", "add_to_cart", "add_product"), "add"),
    **dict.fromkeys(("cart", "get_cart", "look", "read", "see", "show", "ask"), "view_cart"),
    **dict.fromkeys(("update", "set", "set_quantity", "edit", "patch_item"), "change"),
    **dict.fromkeys(("delete", "delete_item", "take_out"), "remove"),
    **dict.fromkeys(("empty", "empty_cart", "clear_cart"), "clear"),
    **dict.fromkeys(("order", "pay", "purchase", "check_out"), "checkout"),
    **dict.fromkeys(("sign_in", "signin", "come_in"), "login"),
    **dict.fromkeys(("sign_out", "leave"), "logout"),
    **dict.fromkeys(("address", "ship", "set_address", "shipping_address"), "ship_to"),
    **{verb: f'request("{verb.upper()}", …)' for verb in ("get", "post", "patch", "head")},
    "send": "request",
    "id": "user_id",
    "cookies": "cookie",
    "tab": "another_tab",
}

ARGUMENTS = {
    **dict.fromkeys(("amount", "count", "number", "n", "how_many"), "quantity"),
    **dict.fromkeys(("product", "item", "name", "product_id"), "sku"),
    **dict.fromkeys(("at", "replica", "to", "target", "on", "desk"), "server"),
    **dict.fromkeys(("retries", "retry", "attempts", "repeat"), "tries"),
    "data": "json",
    "body": "json",
    "wait": "timeout_s",
    "deadline": "timeout_s",
}

# Of an answer.
FIELDS = {
    **dict.fromkeys(("code", "http_status", "http_code"), "status"),
    **dict.fromkeys(("data", "payload", "result"), "body"),
    "cart": 'body["cart"]',
    "lines": 'body["cart"]["lines"]',
    "token": 'body["token"]',
    **dict.fromkeys(("time", "duration", "latency", "ms", "time_ms"), "elapsed_ms"),
    **dict.fromkeys(("server", "replica", "desk", "server_name", "by"), "served_by"),
    **dict.fromkeys(("success", "succeeded", "is_ok"), "ok"),
    **dict.fromkeys(("lost", "kept", "loss"), "fate"),
    **dict.fromkeys(("message", "reason", "exception", "detail"), "error"),
}

# Of the lab, and of the arguments of its calls.
LAB = {
    **dict.fromkeys(("crash", "stop", "terminate", "shutdown", "destroy", "kill_server"), "kill"),
    **dict.fromkeys(("start", "boot", "revive", "recover", "reboot"), "restart"),
    **dict.fromkeys(("freeze", "hang", "suspend"), "pause"),
    **dict.fromkeys(("unfreeze", "thaw", "unpause", "proceed"), "resume"),
    **dict.fromkeys(("scale_out", "scale", "add", "add_replica", "new_server"), "add_server"),
    **dict.fromkeys(("remove_server", "remove", "take_out"), "drain"),
    **dict.fromkeys(("parallel", "concurrently", "gather", "threads", "at_once"), "together"),
    **dict.fromkeys(("wait", "wait_for", "wait_until", "poll"), "until"),
    **dict.fromkeys(("record", "save", "result", "note", "count"), "measure"),
    **dict.fromkeys(("plot", "chart", "graph", "draw"), "curve"),
    **dict.fromkeys(("customer", "new_customer", "new_shopper", "user", "add_shopper"), "shopper"),
    **dict.fromkeys(("shoppers", "users", "clients"), "customers"),
    **dict.fromkeys(("replicas", "server_names", "desks"), "servers"),
    **dict.fromkeys(("rand", "rng", "choice", "randint"), "random"),
    **dict.fromkeys(("log", "logs", "access_log"), "log_of"),
    "sleep": "time.sleep",
    "info": "server_info",
    "port": "address_of",
    "address": "address_of",
    "key": "leak_key",
}

# What stands at the other of the two.
OF_SHOPPER = {
    verb: f"shopper.{verb}"
    for verb in ("login", "add", "change", "clear", "view_cart", "ship_to", "checkout", "logout")
}
OF_LAB = {
    verb: f"lab.{verb}"
    for verb in ("kill", "restart", "pause", "resume", "drain", "servers", "measure", "together")
}
