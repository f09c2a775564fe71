"""Compile the contract that checks wallets' signatures (`python -m tools.signature_check`).

The site carries the result, so that it needs no compiler; a test holds it to what the source gives.
"""

import json

from devtools.servers import PROJECT_ROOT
from tests.support.contracts import compile_sources

SOURCE = "django_project/accounts/contracts/SignatureCheck.sol"
ARTIFACT = PROJECT_ROOT / "django_project" / "accounts" / "contracts" / "SignatureCheck.json"


def compiled() -> str:
    """The artifact's text."""
    bytecode = compile_sources((SOURCE,), ("SignatureCheck",))["SignatureCheck"].bytecode
    return json.dumps({"bytecode": f"0x{bytecode}"}, indent=2) + "\n"


if __name__ == "__main__":
    ARTIFACT.write_text(compiled())
