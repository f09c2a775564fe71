"""The terminals in docs/contracts.md are what the scripts say.

Played in the page's order on one chain that begins with 2027, so that dates and addresses stay the same;
what another compilation changes is left out. To write them into the page:
CHAINFUND_WRITE_TRANSCRIPTS=1 tools/test-contracts.sh transcripts
"""

import os
import re
from pathlib import Path

from chain import ROOT, anvil
from scripting import Scripts
from test_deploy import assert_done
from web3 import HTTPProvider, Web3

PAGE = ROOT / "docs" / "contracts.md"
WRITE = os.environ.get("CHAINFUND_WRITE_TRANSCRIPTS") == "1"
BEGINNING = 1_798_761_600  # 2027-01-01T00:00:00Z
GUARDIAN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MINT = "0x40c10f19"  # mint(address,uint256)
DOCUMENT = '{"schema":1,"title":"Honey from eight roofs"}'

TRANSCRIPTS = {
    "deploy": (("deploy",), ("deploy",), ("status",)),
    "list_token": (("list_token", "probe", TOKEN), ("list_token", "forbid", TOKEN)),
    "grant_roles": (("grant_roles", "grant", "guardian", GUARDIAN),),
    "create_campaign": (("create_campaign", "main", "campaign.toml"),),
}
OF_BROWNIE = re.compile(
    r"Brownie v|\w+ is the active project|Running '|Transaction (sent|confirmed)|Max fee:"
)
MARKED = re.compile(
    r"(?P<mark><!-- transcript: (?P<name>\w+) -->\n```console\n)(?P<text>.*?)(?P<end>```\n)", re.DOTALL
)


def test_the_page_shows_what_the_scripts_say(scripts: Scripts, tmp_path: Path) -> None:
    page = PAGE.read_text()
    played = play(scripts, page, tmp_path)
    assert [found["name"] for found in MARKED.finditer(page)] == list(TRANSCRIPTS)
    if WRITE:
        PAGE.write_text(MARKED.sub(lambda found: found["mark"] + played[found["name"]] + found["end"], page))
    shown = {found["name"]: found["text"] for found in MARKED.finditer(PAGE.read_text())}
    assert shown == played, f"{PAGE.name} is out of date: write it anew as {Path(__file__).name} says"


def play(scripts: Scripts, page: str, folder: Path) -> dict[str, str]:
    """The transcripts by name, with the campaign that the page has as an example."""
    (folder / "doc.json").write_text(DOCUMENT)
    (folder / "campaign.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    played = {}
    with anvil(31337, "--timestamp", str(BEGINNING)) as url:
        node = Web3(HTTPProvider(url))
        for name, commands in TRANSCRIPTS.items():
            played[name] = ""
            for words in commands:
                paths = [str(folder / word) if word.endswith(".toml") else word for word in words]
                said = assert_done(scripts.run(*paths, url=url, folder=folder))
                played[name] += f"$ tools/brownie run {' '.join(words)} --network anvil\n"
                played[name] += normalised(said, folder)
            if name == "deploy":
                holder = node.eth.accounts[0]
                mint = f"{MINT}{holder[2:].lower():0>64}{10**9:064x}"
                node.eth.send_transaction({"from": holder, "to": TOKEN, "data": mint})
    return played


def normalised(said: str, folder: Path) -> str:
    """Without Brownie's own words, and what another compilation, another clock or another folder changes."""
    said = re.sub(r"\x1b\[[\d;]*m", "", said).replace(str(folder), "deployments")
    said = re.sub(r"0x[0-9a-f]{64}", "0x…", said)
    said = re.sub(r"(?<=estimated gas )[\d,]+(, at most )[\d.]+", r"…\1…", said)
    said = re.sub(r"(?<=; balance )[\d.]+|(?<= has )[\d.]+(?= ETH)", "…", said)
    lines = [line for line in said.splitlines() if line.strip() and not OF_BROWNIE.match(line.strip())]
    return "".join(f"{line}\n" for line in lines)
