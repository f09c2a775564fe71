"""What became of each mutant, kept so that a run goes on where the last one ended, and what that is worth."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

from tools.mutation.mutants import Mutant

# Of the normal distribution: 95 % of it lie within.
Z = 1.96
# The share of the mutants of a sampled package that has to be noticed, with that certainty.
LEAST_SHARE = 0.85


@dataclass(frozen=True)
class Verdict:
    """`key` changes with the mutated file, `tests` with what was tried on it."""

    key: str
    name: str
    lives: bool
    by: str
    tests: str


class Results:
    """A line for each verdict; the last one about a mutant counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text() if file.exists() else ""
        self._known = {each.key: each for each in map(_read, text.splitlines()) if each is not None}
        if text and not text.endswith("\n"):
            # A run that was ended has left half a line.
            file.write_text(f"{text}\n")

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._known.values())

    def of(self, key: str, tests: str) -> Verdict | None:
        """What is known of a mutant: who was noticed stays so, who was not is tried on other tests."""
        known = self._known.get(key)
        return known if known is not None and (not known.lives or known.tests == tests) else None

    def add(self, verdict: Verdict) -> None:
        self._known[verdict.key] = verdict
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")


def _read(line: str) -> Verdict | None:
    try:
        return Verdict(**json.loads(line))
    except (ValueError, TypeError):
        return None


def wilson_lower(hits: int, trials: int) -> float:
    """Lower end of Wilson's interval: (p + z²/2n − z√(p(1−p)/n + z²/4n²)) / (1 + z²/n); 0 without trials."""
    if not trials:
        return 0.0
    share, spread = hits / trials, Z**2 / trials
    middle, half = share + spread / 2, Z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return (middle - half) / (1 + spread)


@dataclass(frozen=True)
class Tally:
    """Of one package: how many mutants there are, were tried, and what became of those."""

    package: str
    all: int
    tried: int
    killed: int
    explained: int
    unexplained: tuple[str, ...]
    is_complete: bool
    """Whether every mutant has to be noticed, or only most of them."""

    @property
    def share(self) -> float:
        """Of those that nobody explained, the share that was noticed: of a sample, what it is at least."""
        trials = self.tried - self.explained
        if self.tried == self.all:
            return self.killed / trials if trials else 1.0
        return wilson_lower(self.killed, trials)

    @property
    def is_good(self) -> bool:
        return not self.unexplained if self.is_complete else self.share >= LEAST_SHARE

    def __str__(self) -> str:
        text = (
            f"{self.package}: {self.tried} of {self.all} tried, {self.killed} killed, "
            f"{self.explained} explained, {len(self.unexplained)} survive"
        )
        return text if self.is_complete else f"{text}; at least {self.share:.1%} are noticed"


def tally(
    package: str,
    mutants: Sequence[Mutant],
    verdicts: Mapping[str, Verdict],
    reasons: Mapping[str, str],
    *,
    is_complete: bool,
) -> Tally:
    """Count what is known of a package's mutants by their names."""
    tried = [verdicts[mutant.name] for mutant in mutants if mutant.name in verdicts]
    alive = [each.name for each in tried if each.lives]
    return Tally(
        package,
        len(mutants),
        len(tried),
        len(tried) - len(alive),
        sum(name in reasons for name in alive),
        tuple(name for name in alive if name not in reasons),
        is_complete,
    )


def stale(reasons: Iterable[str], mutants: Iterable[Mutant], verdicts: Mapping[str, Verdict]) -> list[str]:
    """Explanations of mutants that do not exist any more, or that a test notices by now."""
    existing = {mutant.name for mutant in mutants}
    return [
        name for name in reasons if name not in existing or (name in verdicts and not verdicts[name].lives)
    ]
