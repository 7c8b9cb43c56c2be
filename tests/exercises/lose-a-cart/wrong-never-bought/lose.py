"""John logs in, and buys nothing."""


def script(shopper, lab):
    desk = shopper.login().served_by
    lab.restart(desk)
    shopper.view_cart()
