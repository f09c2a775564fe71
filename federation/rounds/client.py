"""A platform's side: hands what the coordinator sent to the recommender's own command, and sends its update.

What the command may read, its operator says on the platform's own machine (`--node-config`); nothing
that the coordinator sends chooses it.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

FILE = "file"

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """Answer a round; a platform that cannot says so in its own log and drops out of the round."""
    config = context.node_config
    with tempfile.TemporaryDirectory() as folder:
        shared, update = Path(folder) / "shared", Path(folder) / "update"
        shared.write_bytes(message.content[FILE][FILE].numpy().tobytes())
        call = [
            str(config["python"]), "-m", "recommender", "federate", "round", str(shared), str(update),
            "--client", str(config["client"]), "--memory", str(config["memory"]),
            "--snapshot", str(config["snapshot"]), "--root", str(config["root"]),
        ]  # fmt: skip
        subprocess.run(call, check=True)
        content = np.frombuffer(update.read_bytes(), np.uint8)
    return Message(content=RecordDict({FILE: ArrayRecord({FILE: Array(content)})}), reply_to=message)
