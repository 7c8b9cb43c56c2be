"""Round robin: John is refused wherever his cart is not."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body
    for _ in lab.servers:
        shopper.view_cart()
