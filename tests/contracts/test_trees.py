"""The trees of forge/trees: one for every function that changes something, and a test behind every leaf."""

import re
from pathlib import Path
from typing import Any

import pytest
from chain import ROOT

TREES = ROOT / "tests" / "contracts" / "forge" / "trees"


def forge_tests() -> set[tuple[str, str]]:
    """(contract, function) of every test that forge runs."""
    found = set()
    for path in TREES.parent.glob("*.t.sol"):
        source = path.read_text()
        (contract,) = re.findall(r"^contract (\w+) is", source, re.MULTILINE)
        found |= {(contract, name) for name in re.findall(r"function ((?:test|invariant)\w*)\(", source)}
    return found


@pytest.mark.parametrize("path", sorted(TREES.glob("*.tree")), ids=lambda path: str(path.stem))
def test_every_leaf_has_its_test(path: Path) -> None:
    title, *lines = path.read_text().splitlines()
    assert title == path.stem
    leaves = [match.groups() for line in lines if (match := re.search(r"\[(\w+)\.(\w+)\]$", line))]
    branches = [line for line in lines if not line.endswith("]")]
    assert leaves
    assert set(leaves) - forge_tests() == set()
    assert all(re.search(r"[├└]── (when |otherwise)", line) for line in branches)


def test_every_function_has_its_tree(contracts: Any) -> None:
    inherited = {
        "acceptDefaultAdminTransfer", "beginDefaultAdminTransfer", "cancelDefaultAdminTransfer",
        "changeDefaultAdminDelay", "grantRole", "renounceRole", "revokeRole", "rollbackDefaultAdminDelay",
        "safeBatchTransferFrom", "safeTransferFrom",
    }  # fmt: skip
    functions = {
        entry["name"]
        for container in (contracts.Campaign, contracts.CampaignFactory, contracts.SupporterReceipt)
        for entry in container.abi
        if entry["type"] == "function" and entry["stateMutability"] in {"nonpayable", "payable"}
    }
    assert functions - inherited == {path.stem for path in TREES.glob("*.tree")}
