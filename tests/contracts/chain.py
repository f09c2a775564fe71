"""A local chain for tests, and what the tests say to it beyond Brownie's own words."""

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brownie import web3
from eth_abi import decode
from eth_utils import function_signature_to_4byte_selector
from web3 import HTTPProvider, Web3

ROOT = Path(__file__).resolve().parents[2]
ANVIL = ROOT / "node_modules" / ".bin" / "anvil"
START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def anvil(chain_id: int = 31337, *options: str) -> Iterator[str]:
    """Runs anvil on a free port and gives its address."""
    port = free_port()
    process = subprocess.Popen(
        [str(ANVIL), "--port", str(port), "--chain-id", str(chain_id), "--silent", *options],
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    node = Web3(HTTPProvider(url))
    deadline = time.monotonic() + START_SECONDS
    while not node.is_connected():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"anvil did not start at {url}")
        time.sleep(0.05)


def rpc(method: str, *parameters: Any) -> Any:
    response = web3.provider.make_request(method, list(parameters))
    if "error" in response:
        raise RuntimeError(f"{method}: {response['error']}")
    return response["result"]


def now() -> int:
    return int(web3.eth.get_block("latest")["timestamp"])


def travel_to(timestamp: int) -> None:
    """Mines a block at that second."""
    rpc("evm_setNextBlockTimestamp", timestamp)
    rpc("evm_mine")


def plain(value: Any) -> Any:
    """A returned value without Brownie's types, which refuse to be compared in part."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(value) for value in entry['inputs'])})"


def _type(value: dict[str, Any]) -> str:
    if value["type"].startswith("tuple"):
        inner = ",".join(_type(component) for component in value["components"])
        return f"({inner}){value['type'].removeprefix('tuple')}"
    return str(value["type"])


def call(sender: Any, function: Any, *arguments: Any, value: int = 0) -> tuple[str, list[Any]]:
    """The request that tries a call in the latest block."""
    return "eth_call", [transaction(sender, function, *arguments, value=value), "latest"]


def transaction(sender: Any, function: Any, *arguments: Any, value: int = 0) -> dict[str, str]:
    return {
        "from": str(sender),
        "to": function._address,
        "data": function.encode_input(*arguments),
        "value": hex(value),
    }


def batch(requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    """The responses to requests that go to the node as one."""
    return list(web3.provider.make_batch_request(requests))


def revert_of(sender: Any, function: Any, *arguments: Any, value: int = 0) -> tuple[Any, ...]:
    """Name and values of the custom error that a call ends with; an empty tuple when it doesn't."""
    return revert_in(web3.provider.make_request(*call(sender, function, *arguments, value=value)))


def revert_in(response: Any) -> tuple[Any, ...]:
    """As `revert_of`, from the node's response to a call."""
    if "error" not in response:
        return ()
    return decode_error(bytes.fromhex(str(response["error"].get("data", "0x")).removeprefix("0x")))


def returned(function: Any, response: Any) -> Any:
    """What a call gave back, addresses in lower case; a tuple when it is more than one value."""
    values = decode(
        [_type(value) for value in function.abi["outputs"]], bytes.fromhex(response["result"][2:])
    )
    return values[0] if len(values) == 1 else values


def decode_error(data: bytes) -> tuple[Any, ...]:
    for entry in ERRORS:
        if function_signature_to_4byte_selector(signature(entry)) == data[:4]:
            return (entry["name"], *decode([_type(value) for value in entry["inputs"]], data[4:]))
    return ("unknown", data.hex())


ERRORS: list[dict[str, Any]] = []


def learn_errors(*containers: Any) -> None:
    """Makes decode_error() know the errors of these contracts."""
    ERRORS[:] = [
        entry
        for entry in itertools.chain.from_iterable(container.abi for container in containers)
        if entry["type"] == "error"
    ]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with some variables changed."""
    return {**os.environ, **variables}
