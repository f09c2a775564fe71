"""What chains are called where money is named, so that two of them are never taken for one.

The name stands beside every amount once the index has more than one chain. Chains of one name are told apart
by their ids.
"""

from django.db.models import BooleanField, Case, CharField, Exists, F, OuterRef, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat

from django_project.ledger.models import Chain


def network_name(chain: str = "") -> Case:
    """What a row's chain is called, as an expression; `chain` is the path to it, empty from its own rows."""
    path = f"{chain}__" if chain else ""
    name, chain_id = F(f"{path}name"), F(f"{path}chain_id")
    namesakes = Chain.objects.filter(name=OuterRef(f"{path}name")).exclude(pk=OuterRef(f"{path}chain_id"))
    told_apart = Concat(name, Value(" ("), Cast(chain_id, CharField()), Value(")"))
    return Case(When(Exists(namesakes), then=told_apart), default=name, output_field=CharField())


def has_others(chain_id: str) -> Combinable:
    """Whether there is a chain beside that of a row, as an expression; `chain_id` is the path to its id."""
    return Exists(Chain.objects.exclude(pk=OuterRef(chain_id)))


def is_play_among_real(chain: str) -> Case:
    """Whether a row's chain is a test network and another one is not: the two have to be told apart."""
    real = Exists(Chain.objects.filter(is_test_network=False))
    return Case(
        When(real, then=F(f"{chain}__is_test_network")),
        default=Value(value=False),
        output_field=BooleanField(),
    )


def network_names() -> dict[int, str]:
    """What each chain is called, in one query."""
    return dict(Chain.objects.annotate(called=network_name()).values_list("chain_id", "called"))
