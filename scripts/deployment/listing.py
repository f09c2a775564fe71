"""Whether campaigns could hold a token: the listing policy of docs/contracts.md, as far as it can be seen.

What a token does is tried in the node's memory, with what a holder of today has; nothing is sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from brownie import web3
from eth_utils import keccak, to_checksum_address
from web3.exceptions import Web3RPCError

from scripts.deployment.amounts import Currency
from scripts.deployment.bytecode import DELEGATION, code_at, functions_among, is_changeable
from scripts.deployment.errors import DeploymentError
from scripts.deployment.simulation import Outcome, Rehearsal, ask
from scripts.deployment.tokens import balance_of, currency_of

MIN_DECIMALS, MAX_DECIMALS = 6, 18
ERC1820_REGISTRY = "0x1820a4B7618BdE71Dce8cdc73aAB6C95905faD24"
ERC165_NOTHING = bytes.fromhex("ffffffff")
ERC165_COLLECTIBLES = {"ERC-721": bytes.fromhex("80ac58cd"), "ERC-1155": bytes.fromhex("d9b67a26")}

# Functions of tokens whose balances change by themselves, and whose they are.
REBASING = {
    "getPooledEthByShares(uint256)": "stETH",
    "sharesOf(address)": "stETH",
    "scaledBalanceOf(address)": "AMPL or a token of Aave's",
    "scaledTotalSupply()": "AMPL or a token of Aave's",
    "rebase(uint256,int256)": "AMPL",
    "rebasingCreditsPerToken()": "OUSD",
}
STOPPING = ("pause()", "paused()")
BLOCKING = (
    "addBlackList(address)", "blacklist(address)", "isBlacklisted(address)", "isBlackListed(address)",
    "freeze(address)", "isFrozen(address)", "wipeFrozenAddress(address)", "destroyBlackFunds(address)",
)  # fmt: skip
CHARGING = ("basisPointsRate()", "setParams(uint256,uint256)", "setFee(uint256)", "setTaxFeePercent(uint256)")
PERMIT = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
PERMIT_OF_DAI = "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)"

TRANSFER = keccak(text="Transfer(address,address,uint256)")
# How far back holders are looked for; the first that has some will do.
LOOK_BACK_BLOCKS = (5, 50, 500, 5_000)
# Three accounts that nobody uses: an exception made for a holder is none for them.
FRESH = tuple(str(to_checksum_address(keccak(text=f"ChainFund listing {name}")[-20:])) for name in "abc")
LEAST_UNITS = 8
DAYS_AHEAD = 30


@dataclass(frozen=True)
class Report:
    """What was found out about a token.

    refusals: Why it must not be listed.
    warnings: What its issuer could do, and what wallets will find different; for whoever decides.
    """

    token: str
    currency: Currency
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        yield f"{self.currency.symbol} {self.token}, {self.currency.decimals} decimals"
        for words in self.refusals:
            yield f"  not to be listed: {words}"
        for words in self.warnings:
            yield f"  warning: {words}"
        if not self.refusals:
            yield "  transfers, approvals and pulls move exactly what they say, also a month from now"


def require_listable(token: str, holder: str | None) -> Report:
    """Examines a token and prints what is found.

    Args:
        token: Its address.
        holder: An account without code that has some of it; one is looked for when none is named.

    Raises:
        DeploymentError: It is no token, must not be listed, or could not be tried out.
    """
    report = examine(token, holder)
    for line in report.lines():
        print(line)
    if report.refusals:
        raise DeploymentError(f"{token} is against the listing policy: {'; '.join(report.refusals)}.")
    return report


def examine(token: str, holder: str | None) -> Report:
    """Raises a DeploymentError for what is no token, or when nobody is known to hold any."""
    code = code_at(token)
    if not code:
        raise DeploymentError(f"there is no contract at {token}, so no token to list.")
    currency = currency_of(token)
    refusals = [*_refusals_by_form(token, code, currency)]
    if not refusals:
        refusals = [*_refusals_by_trial(token, holder or find_holder(token))]
    return Report(token, currency, tuple(refusals), tuple(_warnings(token)))


def find_holder(token: str) -> str:
    """An account without code that has some of a token; raises a DeploymentError when none is seen."""
    newest = web3.eth.block_number
    for blocks in LOOK_BACK_BLOCKS:
        for account in _receivers(token, max(0, newest - blocks)):
            if not code_at(account) and balance_of(token, account) >= LEAST_UNITS:
                return account
    raise DeploymentError(
        f"no holder of {token} was seen in the last {LOOK_BACK_BLOCKS[-1]} blocks: name an account without "
        "code that has some in CHAINFUND_TOKEN_HOLDER, so that it can be tried out."
    )


def _receivers(token: str, since_block: int) -> Iterable[str]:
    try:
        logs = web3.eth.get_logs(
            {
                "address": token,
                "topics": ["0x" + TRANSFER.hex()],
                "fromBlock": since_block,
                "toBlock": "latest",
            }
        )
    except Web3RPCError:
        return ()  # more than the node likes to answer, and so were found in fewer blocks
    words = [bytes(log["topics"][2]) for log in reversed(logs) if len(log["topics"]) > 2]
    return dict.fromkeys(str(to_checksum_address(word[-20:])) for word in words if any(word))


def _refusals_by_form(token: str, code: bytes, currency: Currency) -> Iterator[str]:
    if code.startswith(DELEGATION):
        yield "it is an account with a delegation, whose code its owner changes at will"
    if not MIN_DECIMALS <= currency.decimals <= MAX_DECIMALS:
        yield f"it has {currency.decimals} decimals, not {MIN_DECIMALS} to {MAX_DECIMALS}"
    for name, interface in ERC165_COLLECTIBLES.items():
        if _claims(token, interface) and not _claims(token, ERC165_NOTHING):
            yield f"it says that it is a collection of collectibles ({name})"
    if _has_hooks(token):
        yield "it calls whoever sends and receives (ERC-777)"
    for signature in functions_among(REBASING, token):
        yield f"its balances change by themselves, as {REBASING[signature]} does: it has {signature}"
        return


def _claims(token: str, interface: bytes) -> bool:
    answer = ask(token, "supportsInterface(bytes4)", interface)
    return answer is not None and len(answer) == 32 and int.from_bytes(answer, "big") == 1


def _has_hooks(token: str) -> bool:
    implementer = ask(
        ERC1820_REGISTRY, "getInterfaceImplementer(address,bytes32)", token, keccak(text="ERC777Token")
    )
    return any(implementer or b"") or any(functions_among(("granularity()",), token))


@dataclass(frozen=True)
class _Move:
    """A call that should move an amount; the numbers of the questions for both balances, before and after."""

    words: str
    call: int
    amount: int
    source: tuple[int, int]
    target: tuple[int, int]

    def fault(self, results: Sequence[Outcome]) -> str:
        """What it did otherwise; empty when it moved exactly the amount."""
        if refusal := results[self.call].refusal:
            return f"{self.words} {refusal}"
        (held, left), (had, has) = (
            [results[number].number for number in balances] for balances in (self.source, self.target)
        )
        if has - had != self.amount:
            return (
                f"{self.words} of {self.amount} units brings {has - had}: "
                "it keeps a fee, or moves other amounts than it says"
            )
        if held - left != self.amount:
            return f"{self.words} of {self.amount} units costs {held - left}: it takes a fee from the sender"
        return ""


def _refusals_by_trial(token: str, holder: str) -> Iterator[str]:
    """Sends some from a holder over accounts that nobody uses, and looks at every balance on the way."""
    held = balance_of(token, holder)
    if code_at(holder) or held < LEAST_UNITS:
        raise DeploymentError(
            f"{holder} has code, or less than {LEAST_UNITS} units of {token}: name another."
        )
    amount = min(held, 10**MIN_DECIMALS + 1)
    trial = Rehearsal(token)

    def move(words: str, source: str, target: str, units: int, puller: str = "") -> _Move:
        before = trial.balance(source), trial.balance(target)
        if puller:
            call = trial.send(puller, "transferFrom(address,address,uint256)", source, target, units)
        else:
            call = trial.send(source, "transfer(address,uint256)", target, units)
        after = trial.balance(source), trial.balance(target)
        return _Move(words, call, units, (before[0], after[0]), (before[1], after[1]))

    first, second, third = FRESH
    approvals = {
        "an approval of zero": trial.send(second, "approve(address,uint256)", third, 0),
        "an approval": trial.send(second, "approve(address,uint256)", third, amount),
    }
    moves = [
        move("a transfer", holder, first, amount),
        move("a transfer of what arrived", first, second, amount // 2),
        move("a transfer by who was approved", second, third, amount // 4, puller=third),
        move("a transfer", third, first, 1),
    ]
    now = trial.balance(third)
    trial.travel_to(web3.eth.get_block("latest")["timestamp"] + DAYS_AHEAD * 86_400)
    later = trial.balance(third)

    results = trial.run()
    faults = [
        *(
            f"{words} {results[number].refusal}"
            for words, number in approvals.items()
            if results[number].refusal
        ),
        *filter(None, (step.fault(results) for step in moves)),
    ]
    if faults:
        yield faults[0]  # the later ones may follow from it
    elif results[later].number != results[now].number:
        yield f"a balance is another {DAYS_AHEAD} days later without a transfer: it changes by itself"


def _warnings(token: str) -> Iterator[str]:
    if is_changeable(token):
        yield "its issuer can replace its code"
    for functions, words in (
        (STOPPING, "its issuer can stop all transfers, refunds and payouts in it too"),
        (BLOCKING, "its issuer can lock the money of an account, a campaign's too"),
        (
            CHARGING,
            "its issuer can set a fee on transfers; contributions would then be refused, and refunds short",
        ),
    ):
        if found := list(functions_among(functions, token)):
            yield f"{words} ({', '.join(found)})"
    if any(functions_among((PERMIT_OF_DAI,), token)):
        yield "its permit has DAI's form: wallets approve in a transaction of their own"
    elif not any(functions_among((PERMIT,), token)):
        yield "it has no permit: wallets approve in a transaction of their own"
    if not _takes_changed_approvals(token):
        yield "an approval has to be taken back before it is changed, as with USDT"


def _takes_changed_approvals(token: str) -> bool:
    trial = Rehearsal(token)
    owner, spender, _ = FRESH
    trial.send(owner, "approve(address,uint256)", spender, 1)
    changed = trial.send(owner, "approve(address,uint256)", spender, 2)
    return not trial.run()[changed].refusal
