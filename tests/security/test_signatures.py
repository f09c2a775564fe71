"""Which numbers are the signature of a key: the edges of what the curve and EIP-2 allow."""

import pytest

from django_project.accounts.eip4361 import SignatureError, recover_signer

# A point's x, which any signature may have as its r.
GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
# The largest s of EIP-2: half of the group's order, rounded down.
HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 2 * HALF + 1


def written(r: int, s: int, v: int = 27) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32) + bytes([v])


@pytest.mark.parametrize(
    ("r", "s"),
    [(1, 1), (GENERATOR_X, HALF), (GENERATOR_X, 1), (1, HALF)],
    ids=["least", "large", "large-r", "large-s"],
)
@pytest.mark.parametrize(("v", "same"), [(27, 0), (28, 1)])
def test_the_least_and_the_largest_numbers_are_some_keys(r: int, s: int, v: int, same: int) -> None:
    signer = recover_signer("hello", written(r, s, v))
    assert len(signer) == 20
    assert recover_signer("hello", written(r, s, same)) == signer
    assert recover_signer("hello", written(r, s, 55 - v)) != signer
    assert recover_signer("hello!", written(r, s, v)) != signer


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(written(0, 1), id="r is zero"),
        pytest.param(written(ORDER, 1), id="r is the order"),
        pytest.param(written(GENERATOR_X, 0), id="s is zero"),
        pytest.param(written(GENERATOR_X, HALF + 1), id="s is high"),
        pytest.param(written(GENERATOR_X, 1, 2), id="v is 2"),
        pytest.param(written(GENERATOR_X, 1, 26), id="v is 26"),
        pytest.param(written(GENERATOR_X, 1, 29), id="v is 29"),
        pytest.param(written(GENERATOR_X, 1)[:64], id="short"),
        pytest.param(written(GENERATOR_X, 1) + b"\x00", id="long"),
        pytest.param(written(5, 1), id="no point"),
    ],
)
def test_one_beyond_is_nobodys(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        recover_signer("hello", signature)
