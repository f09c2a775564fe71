"""The published ABIs are those of the sources."""

import json
from typing import Any

from chain import ROOT

from scripts.deployment.artifacts import abi_hash, abi_text


def test_abis_are_what_the_contracts_compile_to(contracts: Any) -> None:
    index = json.loads((ROOT / "abis" / "index.json").read_bytes())
    assert index == {name: abi_hash(contracts[name]) for name in index}, (
        "abis/ is behind: run `tools/brownie run export_abi`"
    )
    for name, digest in index.items():
        assert (ROOT / "abis" / f"{digest}.json").read_text() == abi_text(contracts[name])
