"""The addresses of this machine at which phones could reach it."""

from ipaddress import IPv4Address, IPv4Network

import msgspec

from lab.core.errors import LabError

LOOPBACK = "127.0.0.1"


class OwnAddress(msgspec.Struct, frozen=True):
    """An address of this machine, the network it is in, and its interface."""

    address: str
    network: str
    interface: str

    @property
    def is_private(self) -> bool:
        """True if it is of a local network, and not reachable from the internet."""
        return IPv4Address(self.address).is_private


def own_addresses() -> list[OwnAddress]:
    """Return the IPv4 addresses of this machine but loopback, those of local networks first."""
    import psutil  # `lab class --help` needs none of it

    found = [
        OwnAddress(each.address, _network(each.address, each.netmask), name)
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family.name == "AF_INET" and not IPv4Address(each.address).is_loopback
    ]
    return sorted(found, key=lambda each: (not each.is_private, _is_makeshift(each.address)))


def chosen_address(wanted: str | None, there_are: list[OwnAddress]) -> str:
    """Return the address to listen at: the one asked for, or the only one; LabError if neither."""
    choices = ", ".join(f"{each.address} ({each.interface})" for each in there_are) or "none"
    if wanted is None:
        if len(there_are) == 1:
            return there_are[0].address
        raise LabError(
            f"this machine has {len(there_are)} addresses for phones: {choices}; "
            f"choose one with --listen ADDRESS, or --listen {LOOPBACK} for this machine alone"
        )
    if wanted != LOOPBACK and wanted not in [each.address for each in there_are]:
        raise LabError(f"{wanted[:60]} is not an address of this machine: choose one of {choices}")
    return wanted


def _network(address: str, netmask: str | None) -> str:
    return str(IPv4Network(f"{address}/{netmask or '255.255.255.255'}", strict=False))


def _is_makeshift(address: str) -> bool:
    """Return True if the system made up the address because no server assigned one."""
    return IPv4Address(address).is_link_local
