"""A campaign's logs as the projection's events, and its storage as the node has it."""

from typing import Any

from brownie import web3
from chain import signature
from eth_abi import decode
from eth_utils import keccak

from django_project.ledger.projection import Backer, CampaignStorage, Event

REWARD_BITS = 4


def events_of(campaign: Any, since_block: int = 0) -> list[Event]:
    """All events of a campaign, decoded with its own ABI."""
    shapes = {keccak(text=signature(entry)): entry for entry in campaign.abi if entry["type"] == "event"}
    logs = web3.eth.get_logs({"address": campaign.address, "fromBlock": since_block, "toBlock": "latest"})
    times: dict[int, int] = {}
    return [_event(log, shapes[bytes(log["topics"][0])], times) for log in logs]


def _event(log: Any, shape: dict[str, Any], times: dict[int, int]) -> Event:
    number = log["blockNumber"]
    if number not in times:
        times[number] = web3.eth.get_block(number)["timestamp"]
    indexed = [value for value in shape["inputs"] if value["indexed"]]
    others = [value for value in shape["inputs"] if not value["indexed"]]
    values = [
        decode([value["type"]], bytes(topic))[0]
        for value, topic in zip(indexed, log["topics"][1:], strict=True)
    ]
    values += decode([value["type"] for value in others], bytes(log["data"]))
    arguments = {
        value["name"]: bytes.fromhex(found[2:]) if value["type"] == "address" else found
        for value, found in zip(indexed + others, values, strict=True)
    }
    return Event(shape["name"], times[number], arguments)


class Slots:
    """A contract's storage, slot by slot (contracts/campaign/CampaignBase.sol has the layout)."""

    def __init__(self, address: str) -> None:
        self._address = address

    def at(self, slot: int) -> int:
        return int.from_bytes(web3.eth.get_storage_at(self._address, slot), "big")

    def of(self, mapping: int, key: bytes) -> int:
        return self.at(int.from_bytes(keccak(key.rjust(32, b"\0") + mapping.to_bytes(32, "big")), "big"))


def packed(*fields: tuple[int, int]) -> int:
    """(value, bits) from the lowest bits up, as Solidity packs a struct."""
    word = shift = 0
    for value, bits in fields:
        assert value < 1 << bits
        word |= value << shift
        shift += bits
    return word


def assert_storage(campaign: Any, storage: CampaignStorage, people: list[str]) -> None:
    """Every slot of the contract is what the fold says."""
    slots = Slots(campaign.address)
    totals, payouts, review = storage.totals, storage.payouts, storage.review
    assert slots.at(0) == packed(
        (totals.seq, 40), (totals.raised, 104), (totals.refunded, 104), (totals.flags, 8)
    )
    assert slots.at(1) == packed(
        (payouts.withdrawn, 104), (payouts.fees, 104), (payouts.ended_at, 40), (payouts.released, 8)
    )
    assert slots.at(2) == packed((review.objections, 104), (review.limit, 104), (review.window_end, 40))
    assert slots.at(3) == storage.fees_claimed
    for person in people:
        address = bytes.fromhex(person[2:])
        backer = storage.backers.get(address, Backer())
        rewards = sum(count << (REWARD_BITS * (tier_id - 1)) for tier_id, count in backer.rewards.items())
        assert slots.of(4, address) == packed((backer.amount, 104), (rewards, 128), (backer.objected_to, 8))
    for tier_id, tier in storage.tiers.items():
        assert slots.of(5, tier_id.to_bytes(4, "big")) == packed(
            (tier.price, 128), (tier.supply, 32), (tier.sold, 32)
        )
    assert slots.at(6) == int.from_bytes(storage.new_creator, "big")
    assert slots.at(7) == int.from_bytes(storage.pending_creator, "big")
