"""A store: every server lives, and none has the cart."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body
    lab.kill(desk)
    shopper.view_cart(tries=5)
