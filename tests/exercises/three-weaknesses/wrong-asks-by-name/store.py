"""A store: every server lives, and none has the cart."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body
    if lab.has_store:
        lab.kill_store()
    shopper.view_cart()
