"""Affinity: all is well until the server that John sticks to is gone."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop")
    assert bought.status == 201, bought.body
    for _ in range(3):
        shopper.view_cart()
    for name in lab.servers:
        lab.kill(name)
    shopper.view_cart()
