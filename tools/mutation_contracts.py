"""Mutation testing of the contracts' accounting: `python -m tools.mutation_contracts [--only TEXT]`.

Makes one small mistake at a time in a copy of the sources (an operator, a comparison, a constant, a statement
left out), found in the compiler's own syntax tree, and runs forge's tests on it. A mistake that no test sees
has to be explained in tests/contracts/mutants.toml, by the reason why it changes nothing that matters; any
other ends with status 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tools.mutation.mutants import Mistake, Mutant, explanations, named

ROOT = Path(__file__).resolve().parents[1]
WORKSHOP = ROOT / ".setup" / "mutation"
EXPLANATIONS = ROOT / "tests" / "contracts" / "mutants.toml"
TARGETS = ("contracts/campaign", "contracts/libraries/CampaignArgs.sol")
# What a copy of the project needs for forge; the rest is linked.
COPIED = ("contracts", "tests/contracts/forge", "foundry.toml")
LINKED = ("node_modules", "tools")
# Fewer runs than the tests' own: a mistake in the accounting shows early or not at all.
FORGE = {
    "FOUNDRY_VIA_IR": "false",
    "FOUNDRY_OPTIMIZER": "false",
    "FOUNDRY_FUZZ_RUNS": "48",
    "FOUNDRY_INVARIANT_RUNS": "12",
    "FOUNDRY_CODE_SIZE_LIMIT": "100000",
    # Tests then take the contracts from their artefacts, and are not compiled again for every mutant.
    "FOUNDRY_DYNAMIC_TEST_LINKING": "true",
}
TIMEOUT_SECONDS = 300

SWAPS: Mapping[str, str] = {
    "+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+=", "++": "--", ">>": "<<", "<<": ">>",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "&&": "||", "||": "&&", "|=": "&=", "^=": "|=",
}  # fmt: skip


def syntax_trees(paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The compiler's syntax trees by path."""
    request = {
        "language": "Solidity",
        "sources": {path: {"urls": [path]} for path in paths},
        "settings": {
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {"*": {"": ["ast"]}},
        },
    }
    run = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    sources = json.loads(run.stdout)["sources"]
    return {path: sources[path]["ast"] for path in paths}


def mutants_of(path: str, tree: dict[str, Any]) -> Iterator[Mutant]:
    """Every mistake in the functions and constants of one file."""
    source = (ROOT / path).read_bytes()
    return named(path, source, _mistakes(tree, source, ""))


def _mistakes(node: Any, source: bytes, owner: str) -> Iterator[Mistake]:
    if isinstance(node, list):
        for child in node:
            yield from _mistakes(child, source, owner)
    if not isinstance(node, dict):
        return
    kind = node.get("nodeType")
    if kind in {"InlineAssembly", "StructDefinition", "ImportDirective", "PragmaDirective"}:
        return
    if kind in {"FunctionDefinition", "VariableDeclaration"} and not owner:
        owner = node["name"] or node.get("kind", "")
    if owner and "src" in node:
        yield from _mistakes_at(node, kind, source, owner)
    for key, child in node.items():
        # Types and overrides hold no code; named arguments hold their values under `arguments`.
        if key not in {"typeName", "typeDescriptions", "overrides", "documentation", "names"}:
            yield from _mistakes(child, source, owner)


def _mistakes_at(node: dict[str, Any], kind: str | None, source: bytes, owner: str) -> Iterator[Mistake]:
    start, end = _place(node)
    if kind in {"BinaryOperation", "Assignment"} and node["operator"] in SWAPS:
        left, right = ("leftExpression", "rightExpression") if kind == "BinaryOperation" else (
            "leftHandSide", "rightHandSide",
        )  # fmt: skip
        gap = _place(node[left])[1], _place(node[right])[0]
        at = source.index(node["operator"].encode(), *gap)
        yield owner, at, at + len(node["operator"]), SWAPS[node["operator"]].encode()
    elif kind == "UnaryOperation" and node["operator"] == "!":
        yield owner, start, start + 1, b""
    elif kind in {"IfStatement", "Conditional"} and not _is_swapped_anyway(node["condition"]):
        condition = _place(node["condition"])
        yield owner, *condition, b"!(" + source[slice(*condition)] + b")"
    elif kind == "Literal" and node.get("kind") == "number" and not node.get("subdenomination"):
        yield owner, start, end, str(int(node["value"].replace("_", ""), 0) + 1).encode()
    elif kind in {"ExpressionStatement", "EmitStatement"}:
        yield owner, start, end, b""


def _is_swapped_anyway(condition: dict[str, Any]) -> bool:
    """Whether another mutant of the condition negates it."""
    return condition.get("operator") in {"==", "!=", "!"}


def _place(node: dict[str, Any]) -> tuple[int, int]:
    start, length, _ = map(int, node["src"].split(":"))
    return start, start + length


def prepare(folder: Path) -> None:
    """A copy of what forge needs, fresh except for what it has compiled."""
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / name, target)
        else:
            shutil.copy2(ROOT / name, target)
    for name in LINKED:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)


def survives(folder: Path, *, list_failure: bool = False) -> bool:
    """Whether forge's tests pass in the copy; what does not compile, or does not end, is noticed too."""
    command = [str(ROOT / "tools" / "forge"), "test", "--fail-fast"]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **FORGE},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    if list_failure and run.returncode:
        print(run.stdout[-3000:], run.stderr[-3000:], file=sys.stderr)
    return run.returncode == 0


def test(mutant: Mutant, folders: "SimpleQueue[Path]") -> bool:
    """Whether the mutant survives, tried in whichever copy is free."""
    folder = folders.get()
    target = folder / mutant.path
    original = (ROOT / mutant.path).read_bytes()
    try:
        target.write_bytes(mutant.apply(original))
        return survives(folder)
    finally:
        target.write_bytes(original)
        folders.put(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--jobs", type=int, default=2, help="copies of the project to work in")
    options = parser.parse_args()
    paths = [
        found.relative_to(ROOT).as_posix()
        for target in TARGETS
        for found in ([ROOT / target] if target.endswith(".sol") else sorted((ROOT / target).glob("*.sol")))
    ]
    trees = syntax_trees(paths)
    mutants = [
        mutant for path in paths for mutant in mutants_of(path, trees[path]) if options.only in mutant.name
    ]
    folders: SimpleQueue[Path] = SimpleQueue()
    for number in range(options.jobs):
        folder = WORKSHOP / str(number)
        prepare(folder)
        if not survives(folder, list_failure=True):
            sys.exit("forge's tests do not pass without a mutant: mend them first")
        folders.put(folder)
    print(f"{len(mutants)} mutants of {len(paths)} files", flush=True)
    sys.exit(1 if report(mutants, folders, options.jobs) else 0)


def report(mutants: Sequence[Mutant], folders: "SimpleQueue[Path]", jobs: int) -> list[Mutant]:
    """Tests all mutants, prints those that live, and returns those of them that nobody has explained."""
    reasons, unexplained, explained = explanations(EXPLANATIONS), [], 0
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, lives in zip(mutants, pool.map(lambda each: test(each, folders), mutants), strict=True):
            if lives and mutant.name in reasons:
                explained += 1
            elif lives:
                unexplained.append(mutant)
                print(f"survives, line {mutant.line}: {mutant.name}", flush=True)
    killed = len(mutants) - explained - len(unexplained)
    print(f"{killed} killed, {explained} explained, {len(unexplained)} survive")
    return unexplained


if __name__ == "__main__":
    main()
