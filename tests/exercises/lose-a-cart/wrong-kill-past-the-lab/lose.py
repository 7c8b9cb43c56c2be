"""John puts a laptop into his cart, and the script kills the server behind the lab's back."""

import os
import signal


def script(shopper, lab):
    desk = shopper.login().served_by
    bought = shopper.add("laptop", server=desk)
    assert bought.status == 201, bought.body
    os.kill(lab.server_info(desk)["pid"], signal.SIGKILL)
    shopper.view_cart()
