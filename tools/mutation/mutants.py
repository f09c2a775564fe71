"""What a mistake is, how it is named, and which ones somebody has explained."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# The name of what holds the mistake, the bytes that it replaces, and by what.
Mistake = tuple[str, int, int, bytes]


@dataclass(frozen=True)
class Mutant:
    """One mistake: bytes `start` to `end` of a file replaced."""

    name: str
    path: str
    line: int
    start: int
    end: int
    replacement: bytes

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.replacement + source[self.end :]


def named(path: str, source: bytes, mistakes: Iterable[Mistake]) -> Iterator[Mutant]:
    """Every mistake in one file, named so that other changes keep the name."""
    seen: Counter[str] = Counter()
    for owner, start, end, replacement in mistakes:
        label = f"{path}:{owner}: {_brief(source[start:end])} -> {_brief(replacement) or 'nothing'}"
        seen[label] += 1
        name = label if seen[label] == 1 else f"{label} #{seen[label]}"
        yield Mutant(name, path, source[:start].count(b"\n") + 1, start, end, replacement)


def _brief(text: bytes) -> str:
    return " ".join(text.decode().split())[:80]


def explanations(file: Path) -> dict[str, str]:
    """Reasons by the mutant's name."""
    return {row["mutant"]: row["reason"] for row in tomllib.loads(file.read_text()).get("survivor", [])}
