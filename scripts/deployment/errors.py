"""How a script says that it can't go on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from brownie.exceptions import VirtualMachineError
from web3.exceptions import Web3RPCError


class DeploymentError(Exception):
    """Something about the node, the settings or the registry; its text says what to do."""


@contextmanager
def exit_with_message() -> Iterator[None]:
    """Turns what goes wrong with settings, files, nodes and networks into one sentence, exit status 1."""
    try:
        yield
    except DeploymentError as error:
        sys.exit(f"error: {error}")
    except requests.RequestException as error:
        sys.exit(
            f"error: the node stopped answering ({type(error).__name__}): run the same again, "
            "which first looks for what was sent."
        )
    except (VirtualMachineError, Web3RPCError) as error:
        sys.exit(f"error: the node refused: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit("error: interrupted: run the same again, which first looks for what was sent.")
