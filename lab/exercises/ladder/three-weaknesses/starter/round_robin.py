"""Round robin: the load balancer sends each request to the next server."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body

    # Your turn.

    shopper.view_cart(server=desk)
