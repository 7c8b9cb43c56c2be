"""Affinity: all is well until the server that John sticks to is gone."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop")
    assert bought.status == 201, bought.body
    for _ in range(3):
        shopper.view_cart()
    lab.kill(desk)
    for _ in lab.servers:
        shopper.view_cart()
