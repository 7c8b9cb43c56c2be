"""Affinity: the load balancer sends John to the same server each time."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop")
    assert bought.status == 201, bought.body

    # Your turn.

    shopper.view_cart()
