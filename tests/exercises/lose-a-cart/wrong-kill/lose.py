"""John puts a laptop into his cart. Nothing crashes, and yet his cart is gone."""


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body
    lab.kill(desk)
    shopper.view_cart()
