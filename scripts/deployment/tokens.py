"""What currencies say of themselves and of accounts."""

from brownie import Contract, TestToken, web3
from brownie.exceptions import ContractNotFound, VirtualMachineError
from eth_abi.exceptions import DecodingError

from scripts.deployment.amounts import NATIVE, Currency
from scripts.deployment.errors import DeploymentError


def currency_of(token: str) -> Currency:
    """Raises a DeploymentError for an address that does not answer as a token."""
    if token == NATIVE:
        return Currency("ETH", 18)
    try:
        contract = Contract.from_abi("Token", token, TestToken.abi, persist=False)
        return Currency(str(contract.symbol()), int(contract.decimals()))
    except (ContractNotFound, DecodingError, ValueError, VirtualMachineError) as error:
        raise DeploymentError(
            f"{token} does not say its symbol and decimals: is it a token on this chain?"
        ) from error


def balance_of(token: str, account: str) -> int:
    """What an account has, in base units."""
    if token == NATIVE:
        return int(web3.eth.get_balance(account))
    return int(Contract.from_abi("Token", token, TestToken.abi, persist=False).balanceOf(account))
