"""Where a campaign can be launched, and in which currencies."""

from dataclasses import dataclass

from django_project.core.addresses import ZERO_ADDRESS, format_address, parse_address
from django_project.ledger.models import SECOND_VERSION, Chain, Contract, FactoryEvent
from django_project.ledger.networks import network_names
from django_project.ledger.selectors import TokenInfo, currencies


@dataclass(frozen=True, slots=True)
class LaunchCurrency:
    """A currency in which a campaign can be launched, and the factory that does it."""

    chain_id: int
    network: str
    factory: bytes
    token: bytes
    info: TokenInfo

    @property
    def key(self) -> str:
        """As drafts have it."""
        return f"{self.chain_id}:{format_address(self.token)}"


def launch_currencies() -> dict[str, LaunchCurrency]:
    """What the newest factory of each followed chain takes, by key: the chain's own coin first. Four queries.

    A currency whose decimals nobody could say is left out: no amount in it can be meant.
    """
    factories = Contract.objects.filter(
        kind=Contract.Kind.FACTORY, version=SECOND_VERSION, chain__state=Chain.State.OK
    ).order_by("chain_id", "start_block")
    newest = {row.chain_id: bytes(row.address) for row in factories}
    names, known = network_names(), currencies()
    found = {}
    for chain_id, tokens in _allowed(newest).items():
        for token in tokens:
            if (info := known.get((chain_id, token))) is not None:
                row = LaunchCurrency(chain_id, names[chain_id], newest[chain_id], token, info)
                found[row.key] = row
    return found


def _allowed(factories: dict[int, bytes]) -> dict[int, list[bytes]]:
    """The tokens that each factory allows now; it allows the chain's own coin from the start."""
    acts = FactoryEvent.objects.filter(
        kind=FactoryEvent.Kind.TOKEN_ALLOWED, chain_id__in=factories, factory__in=factories.values()
    ).order_by("block_number", "log_index")
    allowed: dict[int, dict[bytes, bool]] = {chain_id: {ZERO_ADDRESS: True} for chain_id in factories}
    for act in acts:
        if bytes(act.factory) == factories[act.chain_id]:
            allowed[act.chain_id][parse_address(str(act.arguments["token"]))] = bool(
                act.arguments["isAllowed"]
            )
    return {
        chain_id: [token for token, is_allowed in tokens.items() if is_allowed]
        for chain_id, tokens in allowed.items()
    }
