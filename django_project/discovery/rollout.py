"""Which version of the lists is shown to whom: shadow → a tenth of the users → all, and back.

Everything that is shown or staged is named by one row, so that a page needs no further query to know its
version; the steps themselves are in `services`.
"""

import hashlib

from django_project.discovery.models import ModelVersion, RankingPublication

Stage = RankingPublication.Stage

CANARY_PERCENT = 10


def bucket(user_key: str) -> int:
    """0 to 99, the same for a user in every process and for every model, evenly spread."""
    return int.from_bytes(hashlib.sha256(f"rollout:{user_key}".encode()).digest()[:8]) % 100


def version_for(publication: RankingPublication, user_key: str | None) -> ModelVersion:
    """The version that somebody sees; who has no key sees what is live."""
    candidate = publication.candidate
    if candidate and publication.stage == Stage.CANARY and user_key and bucket(user_key) < CANARY_PERCENT:
        return candidate
    return publication.version
