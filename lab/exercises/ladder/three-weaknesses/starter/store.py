"""A store: the sessions are in one place, which all servers ask."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop")
    assert bought.status == 201, bought.body

    # Your turn.

    shopper.view_cart()
