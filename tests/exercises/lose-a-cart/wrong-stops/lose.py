"""A script that stops before it has done anything."""


def script(shopper, lab):
    shopper.login()
    shopper.buy("laptop")
