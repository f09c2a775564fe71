"""A campaign's logs as the projection's events, and its storage as the node has it."""

from collections.abc import Iterator
from typing import Any

from brownie import web3
from chain import batch, signature
from eth_abi import decode
from eth_utils import keccak

from django_project.ledger.projection import Backer, CampaignStorage, Event, apply

REWARD_BITS = 4
# Where contracts/campaign/CampaignBase.sol keeps what.
TOTALS, PAYOUTS, REVIEW, FEES_CLAIMED, BACKERS, TIERS, NEW_CREATOR, PENDING_CREATOR = range(8)


def events_of(campaign: Any) -> list[Event]:
    """All events of a campaign, decoded with its own ABI."""
    return [event for events in history_of(campaign).values() for event in events]


def history_of(campaign: Any) -> dict[int, list[Event]]:
    """As `events_of`, by the number of their block."""
    shapes = {keccak(text=signature(entry)): entry for entry in campaign.abi if entry["type"] == "event"}
    logs = web3.eth.get_logs({"address": campaign.address, "fromBlock": 0, "toBlock": "latest"})
    history: dict[int, list[Event]] = {log["blockNumber"]: [] for log in logs}
    blocks = batch([("eth_getBlockByNumber", [hex(number), False]) for number in history])
    times = {int(block["result"]["number"], 16): int(block["result"]["timestamp"], 16) for block in blocks}
    for log in logs:
        number = log["blockNumber"]
        history[number].append(_event(log, shapes[bytes(log["topics"][0])], times[number]))
    return history


def _event(log: Any, shape: dict[str, Any], time: int) -> Event:
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
    return Event(shape["name"], time, arguments)


def packed(*fields: tuple[int, int]) -> int:
    """(value, bits) from the lowest bits up, as Solidity packs a struct."""
    word = shift = 0
    for value, bits in fields:
        assert 0 <= value < 1 << bits
        word |= value << shift
        shift += bits
    return word


def words(storage: CampaignStorage, people: list[str]) -> dict[int, int]:
    """Every slot that the contract may have written to, and the word that belongs there."""
    return dict(_words(storage, [bytes.fromhex(person[2:]) for person in people]))


def _words(storage: CampaignStorage, people: list[bytes]) -> Iterator[tuple[int, int]]:
    totals, payouts, review = storage.totals, storage.payouts, storage.review
    yield (
        TOTALS,
        packed((totals.seq, 40), (totals.raised, 104), (totals.refunded, 104), (totals.flags, 8)),
    )
    yield (
        PAYOUTS,
        packed((payouts.withdrawn, 104), (payouts.fees, 104), (payouts.ended_at, 40), (payouts.released, 8)),
    )
    yield REVIEW, packed((review.objections, 104), (review.limit, 104), (review.window_end, 40))
    yield FEES_CLAIMED, storage.fees_claimed
    for address in {*people, *storage.backers}:
        backer = storage.backers.get(address, Backer())
        rewards = sum(count << (REWARD_BITS * (tier_id - 1)) for tier_id, count in backer.rewards.items())
        yield (
            _entry(BACKERS, address),
            packed((backer.amount, 104), (rewards, 128), (backer.objected_to, 8)),
        )
    for tier_id, tier in storage.tiers.items():
        yield (
            _entry(TIERS, tier_id.to_bytes(4, "big")),
            packed((tier.price, 128), (tier.supply, 32), (tier.sold, 32)),
        )
    yield NEW_CREATOR, int.from_bytes(storage.new_creator, "big")
    yield PENDING_CREATOR, int.from_bytes(storage.pending_creator, "big")


def _entry(mapping: int, key: bytes) -> int:
    return int.from_bytes(keccak(key.rjust(32, b"\0") + mapping.to_bytes(32, "big")), "big")


def assert_storage(campaign: Any, people: list[str]) -> CampaignStorage:
    """After every block with an event, every slot is what the fold says. Returns the last fold."""
    storage = CampaignStorage()
    folded: dict[tuple[int, int], int] = {}
    for number, events in history_of(campaign).items():
        for event in events:
            apply(storage, event)
        folded |= {(number, slot): word for slot, word in words(storage, people).items()}
    found = batch([("eth_getStorageAt", [campaign.address, hex(slot), hex(block)]) for block, slot in folded])
    assert {at: int(word["result"], 16) for at, word in zip(folded, found, strict=True)} == folded
    return storage
