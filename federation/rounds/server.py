"""The coordinator's side: sends the shared weights, averages what comes back, round by round.

It runs where Flower is and torch is not: files are read and averaged by the recommender's own command.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MessageType, RecordDict
from flwr.serverapp import Grid, ServerApp

FILE = "file"
POLL_SECONDS = 1.0

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the rounds that are left, and leave the last weights in the coordinator's file."""
    settings = context.run_config
    shared, python = Path(str(settings["shared"])), str(settings["python"])
    nodes = _wait_for(grid, int(settings["platforms"]))
    turn, rounds = _turns(python, shared)
    while turn < rounds:
        turn += 1
        answers = _ask(grid, nodes, shared.read_bytes(), turn, float(settings["patience"]))
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, content in enumerate(answers):
                paths.append(Path(folder) / f"{number}.update")
                paths[-1].write_bytes(content)
            if not paths:
                sys.exit(f"round {turn}: no platform answered; the rounds before it stand, run it again")
            _recommender(python, "close", shared, *paths)


def _wait_for(grid: Grid, count: int) -> list[int]:
    while len(nodes := sorted(grid.get_node_ids())) < count:
        time.sleep(POLL_SECONDS)
    return nodes


def _ask(grid: Grid, nodes: list[int], content: bytes, turn: int, patience: float) -> list[bytes]:
    """The updates of those who answered in time. Who drops out of a round may be back in the next."""
    messages = [
        Message(
            content=RecordDict({FILE: _record(content), "round": ConfigRecord({"turn": turn})}),
            dst_node_id=node,
            message_type=MessageType.TRAIN,
        )
        for node in nodes
    ]
    replies = grid.send_and_receive(messages, timeout=patience)
    return [_content(reply) for reply in replies if reply.has_content()]


def _turns(python: str, shared: Path) -> tuple[int, int]:
    """Rounds that are done, and all of them."""
    done, rounds = _recommender(python, "turn", shared).split()
    return int(done), int(rounds)


def _recommender(python: str, command: str, *arguments: Path) -> str:
    call = [python, "-m", "recommender", "federate", command, *map(str, arguments)]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout


def _record(content: bytes) -> ArrayRecord:
    return ArrayRecord({FILE: Array(np.frombuffer(content, np.uint8))})


def _content(message: Message) -> bytes:
    return bytes(message.content[FILE][FILE].numpy().tobytes())
