"""Examples of the OpenAPI document: of what is sent, of what is answered, and of refusals."""

from typing import Any

_CAMPAIGN_ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_TOKEN = "0x0000000000000000000000000000000000000000"
_CREATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_BACKER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
_HASH = "0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b"
_REF = "0x7465737400000000000000000000000000000000000000000000000000000001"
_PLEDGE_ID = "6f1c2f6e-8a53-4d5e-9d0c-3b7f0f4f2a11"
_NONCE = "5d2f8c7e1b9a4036a1c4e0d7f3b86259"
_NOON = "2026-11-30T12:00:00Z"

_CAMPAIGN = {
    "chain_id": 1,
    "network": "Ethereum",
    "is_test_network": False,
    "address": _CAMPAIGN_ADDRESS,
    "slug": "bread-ovens-for-the-valley-5fbdb2",
    "title": "Bread ovens for the valley",
    "tagline": "Two wood-fired ovens that everybody may use.",
    "category": "food",
    "language": "en",
    "publisher": "Valley bakers",
    "creator": _CREATOR,
    "status": "open",
    "closed_by": "",
    "raised": "1250000000000000000",
    "goal": "5000000000000000000",
    "token_symbol": "ETH",
    "token_decimals": 18,
    "backers": 12,
    "contributions": 14,
    "start": "2026-11-01T09:00:00Z",
    "deadline": "2026-12-15T09:00:00Z",
}
_CONTRIBUTION = {
    "seq": 14,
    "backer": _BACKER,
    "amount": "500000000000000000",
    "tier_id": 1,
    "block_number": 21400000,
    "block_time": _NOON,
    "tx_hash": _HASH,
    "went_back": None,
    "went_back_at": None,
    "went_back_tx": None,
}
_PLEDGE = {
    "id": _PLEDGE_ID,
    "state": "confirmed",
    "failure": "",
    "is_settled": False,
    "chain_id": 1,
    "campaign_address": _CAMPAIGN_ADDRESS,
    "backer": _BACKER,
    "ref": _REF,
    "token": _TOKEN,
    "amount": "500000000000000000",
    "tier_id": 1,
    "reported_tx_hash": _HASH,
    "tx_hash": _HASH,
    "block_number": 21400000,
    "confirmed_amount": "500000000000000000",
    "confirmations": 3,
    "confirmations_needed": 64,
    "created_at": _NOON,
    "updated_at": "2026-11-30T12:01:00Z",
}
_SIGNATURE = {"nonce": _NONCE, "signature": "0x" + "5c" * 65}

_DRAFT = {
    "id": _PLEDGE_ID,
    "revision": 7,
    "saved_at": _NOON,
    "texts": {"title": "Bread ovens for the valley", "language": "en", "rewards.3f9a1c2e.price": "0,5"},
    "rows": {"rewards": ["3f9a1c2e"]},
    "conflicts": {"tagline": {"text": "Two ovens that everybody may use.", "revision": 6}},
    "problems": {"rewards.3f9a1c2e.price": "Did you mean 0.5? Write decimals after a point."},
    "missing": ["story", "category", "deadline"],
}
_CAMPAIGNS = "/api/v1/campaigns"
_DRAFTS = "/api/v1/drafts/{public_id}"
_ONE = f"{_CAMPAIGNS}/{{chain_id}}/{{address}}"
_PLEDGES = "/api/v1/pledges"
_SESSION = "/api/v1/session"
_ACCOUNT = "/api/v1/account"

# {(method, path): what an answer that went well looks like}.
ANSWERS: dict[tuple[str, str], Any] = {
    ("get", _CAMPAIGNS): {"total": 1, "page": 1, "pages": 1, "results": [_CAMPAIGN]},
    ("get", _ONE): {
        "campaign": _CAMPAIGN,
        "story": "The valley has **no oven** that everybody may use.",
        "rewards": [
            {
                "tier_id": 1,
                "title": "A loaf a week",
                "description": "For the first year.",
                "price": "500000000000000000",
                "supply": 20,
                "claimed": 3,
            }
        ],
        "mode": "all_or_nothing",
        "refund_terms": {
            "due": "nothing",
            "reason": None,
            "since": None,
            "anyone_from": None,
            "unpaid": "1250000000000000000",
            "ways": ["goal_missed", "cancelled"],
            "unclaimed_from": None,
            "firm": None,
            "take_back_until": "2026-12-14T09:00:00Z",
            "sentences": ["All or nothing: if the goal is missed, every backer can claim a full refund."],
        },
        "token": _TOKEN,
        "fee_bps": 250,
        "min_contribution": "1000000000000000",
        "cap": "0",
        "refunded": "0",
        "withdrawn": "0",
        "fees": "0",
        "is_paused": False,
        "cancelled_at": None,
        "cancel_reason": "",
        "updates": 1,
        "events": 17,
        "factory": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
        "launched_block": 21200000,
        "launched_tx": _HASH,
        "metadata_uri": "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        "metadata_hash": _HASH,
    },
    ("get", f"{_ONE}/contributions"): {
        "results": [_CONTRIBUTION],
        "next_before": "14.Rr1bq5YdCA0yv2ZzUeJkq8n5D0T3mJpX1cF7sWgLh0E",
    },
    ("get", f"{_ONE}/similar"): {"total": 1, "page": 1, "pages": 1, "results": [_CAMPAIGN]},
    ("get", "/api/v1/rankings"): {
        "is_personal": False,
        "model": None,
        "results": [
            {
                "campaign": _CAMPAIGN,
                "reason": "popular",
                "similar_to": None,
                "slot": 0,
                "propensity": 0.92,
                "model_version": "popularity",
            }
        ],
    },
    ("get", "/api/v1/indexer/status"): {
        "chains": [
            {
                "chain_id": 1,
                "name": "Ethereum",
                "state": "ok",
                "halt_reason": "",
                "node_head": 21400010,
                "indexed": 21400010,
                "finalized": 21399946,
                "lag_blocks": 0,
                "lag_seconds": 4,
                "clock_offset_seconds": 0,
                "reorgs": 0,
                "open_suspects": 0,
            }
        ]
    },
    ("get", "/metadata/{digest}.json"): {"title": "Bread ovens for the valley", "language": "en"},
    ("get", _SESSION): {"address": _BACKER, "csrf_token": "kBqtGUM6J0nR2x0a4P9rS8vC1dE7fHyL"},
    ("post", _SESSION): {"address": _BACKER},
    ("post", f"{_ACCOUNT}/wallets"): {"address": _BACKER},
    ("post", f"{_SESSION}/challenge"): {
        "nonce": _NONCE,
        "message": "example.org wants you to sign in with your Ethereum account:\n…",
        "expires_at": "2026-11-30T12:05:00Z",
    },
    ("post", _PLEDGES): {
        "id": _PLEDGE_ID,
        "ref": _REF,
        "status_url": f"/pledges/{_PLEDGE_ID}/",
        "chain_id": 1,
        "campaign_address": _CAMPAIGN_ADDRESS,
        "token": _TOKEN,
        "amount": "500000000000000000",
        "tier_id": 1,
    },
    ("get", f"{_PLEDGES}/{{public_id}}"): _PLEDGE,
    ("get", _DRAFTS): {**_DRAFT, "conflicts": {}},
    ("post", _DRAFTS): _DRAFT,
    ("post", f"{_PLEDGES}/{{public_id}}/opened"): {**_PLEDGE, "state": "asked", "confirmed_amount": None},
    ("post", f"{_PLEDGES}/{{public_id}}/submitted"): {**_PLEDGE, "state": "submitted"},
    ("post", f"{_PLEDGES}/{{public_id}}/rejected"): {**_PLEDGE, "state": "rejected"},
}

# {(method, path): what is sent}.
BODIES: dict[tuple[str, str], Any] = {
    ("post", _SESSION): _SIGNATURE,
    ("post", f"{_ACCOUNT}/wallets"): {"approval": _SIGNATURE, "joining": _SIGNATURE},
    ("post", f"{_ACCOUNT}/wallets/removal"): _SIGNATURE,
    ("post", f"{_ACCOUNT}/email"): _SIGNATURE,
    ("post", f"{_ACCOUNT}/deletion"): _SIGNATURE,
    ("post", f"{_SESSION}/challenge"): {
        "address": _BACKER,
        "chain_id": 1,
        "purpose": "change_email",
        "subject": "backer@example.org",
    },
    ("post", "/api/v1/consent"): {"granted": True},
    ("post", "/api/v1/beacon"): {
        "events": [
            {
                "id": _PLEDGE_ID,
                "kind": "view",
                "campaign": f"1:{_CAMPAIGN_ADDRESS}",
                "dwell_seconds": 42,
                "occurred_at": _NOON,
            }
        ]
    },
    ("post", _PLEDGES): {"campaign": f"1:{_CAMPAIGN_ADDRESS}", "amount": "0.5", "tier_id": 1},
    ("post", f"{_PLEDGES}/{{public_id}}/opened"): {"ref": _REF},
    ("post", _DRAFTS): {"changes": {"tagline": {"text": "Two wood-fired ovens.", "seen": 5}}},
    ("post", f"{_PLEDGES}/{{public_id}}/submitted"): {"ref": _REF, "tx_hash": _HASH},
    ("post", f"{_PLEDGES}/{{public_id}}/rejected"): {"ref": _REF},
}


def _refusal(code: str, message: str, **more: Any) -> dict[str, Any]:
    documentation = f"/api/v1/docs#error-{code}"
    return {"error": {"code": code, "message": message, "documentation_url": documentation, **more}}


# {status: how it is told}.
REFUSALS: dict[int, dict[str, Any]] = {
    400: _refusal(
        "invalid_query",
        "Some parameters are not valid.",
        fields={"sort": "There is no such value. Allowed: best, trending, newest."},
        allowed={"sort": ["best", "trending", "newest"]},
    ),
    401: _refusal("sign_in_required", "Sign in with your wallet first."),
    403: _refusal(
        "csrf_failed",
        "This page is older than your sign-in, perhaps in another tab. Reload it and try again.",
    ),
    404: _refusal("past_the_end", "This list ends with page 3.", last_page=3),
    406: _refusal("not_acceptable", "This address has no answer of the kind that was asked for."),
    409: _refusal("pledge_under_way", "You may have paid an earlier pledge to this campaign."),
    413: _refusal("body_too_large", "This is more than can be sent at once."),
    415: _refusal("unsupported_media_type", "Send the body as JSON, with the type application/json."),
    429: _refusal("too_many_requests", "Too many requests. Wait a moment and try again."),
    500: _refusal("server_error", "Something went wrong here. Try again later."),
    503: _refusal("maintenance", "The site is closed for maintenance. Try again later."),
}
