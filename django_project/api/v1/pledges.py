"""Pledges of whoever is signed in; nobody sees another's. Reports about one need its reference instead."""

import secrets
import uuid
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.accounts.selectors import wallet_address
from django_project.api.endpoint import Endpoint
from django_project.api.errors import NOT_ALLOWED, NOT_THERE, SIGNED_OUT, UNDER_WAY
from django_project.api.framework import plain, read_body, signed_in_user
from django_project.api.lookups import listing_or_404
from django_project.api.types import CampaignKeyText, HashText, Input, parse_key
from django_project.api.v1.schemas import PledgeCreated, PledgeOut
from django_project.campaigns.selectors import cards_by_key
from django_project.core import rate_limits
from django_project.core.addresses import format_address, format_hash, parse_hash
from django_project.core.money import AmountTextError, parse_units
from django_project.pledges import services
from django_project.pledges.errors import UnreadableAmountError, WrongAccountError
from django_project.pledges.following import for_user, pledge_status
from django_project.pledges.models import PledgeIntent
from django_project.pledges.terms import currency_of

NO_STORE = {"Cache-Control": "no-store"}


class PledgeRequest(Input):
    """`amount` is what a person types, such as "0.5" or "1,000", in the campaign's token.

    `again`: the backer was told of an earlier pledge to the campaign that may have been paid, and goes on.
    """

    campaign: CampaignKeyText
    amount: str
    tier_id: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0
    again: Annotated[bool, Field(strict=True)] = False


class ReportRequest(Input):
    """`ref` is the pledge's own: who knows it made the pledge."""

    ref: HashText


class SubmittedRequest(ReportRequest):
    tx_hash: HashText


class PledgesView(Endpoint):
    post_limit = rate_limits.PLEDGE

    @extend_schema(
        summary="Write down a pledge before the wallet opens",
        request=PledgeRequest,
        responses={201: PledgeCreated, **SIGNED_OUT, **NOT_ALLOWED, **NOT_THERE, **UNDER_WAY},
    )
    def post(self, request: Request) -> Response:
        user = signed_in_user(request)
        body = read_body(PledgeRequest, request)
        backer = wallet_address(plain(request))
        if backer is None:
            raise WrongAccountError
        key = parse_key(body.campaign)
        listing = listing_or_404(*key)
        currency = currency_of(cards_by_key([key])[key])
        try:
            amount = parse_units(body.amount, currency.decimals, currency.symbol)
        except AmountTextError as error:
            raise UnreadableAmountError(error, currency.symbol, currency.decimals) from None
        intent = services.create_intent(user, listing, amount, body.tier_id, backer, is_further=body.again)
        created = PledgeCreated(
            id=intent.public_id,
            ref=format_hash(intent.ref),
            status_url=reverse("web:pledge-status", args=[intent.public_id]),
            chain_id=intent.chain_id,
            campaign_address=format_address(intent.campaign_address),
            token=format_address(intent.token),
            amount=str(intent.amount),
            tier_id=intent.tier_id,
        )
        return Response(created.model_dump(mode="json"), status=201, headers=NO_STORE)


class PledgeView(Endpoint):
    @extend_schema(summary="How a pledge stands", responses={200: PledgeOut, **SIGNED_OUT})
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        return _answer(_own_pledge(request, public_id))


class ReportView(Endpoint, ABC):
    """What the browser says that the wallet did: a hint for the pledge's page, never money.

    A report has to arrive after the session ended, too. So nothing of a session is read here, nothing can be
    done in its name, and the pledge's secret reference stands for it.
    """

    authentication_classes = ()
    post_limit = rate_limits.PLEDGE_REPORT
    body_class: ClassVar[type[ReportRequest]] = ReportRequest

    @extend_schema(
        description=(
            "A hint for the pledge's page: only the indexer confirms. Needs neither a session, which may "
            "have ended, nor a CSRF token; may be sent late and again."
        ),
        request=ReportRequest,
        responses=PledgeOut,
        auth=[],
    )
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        body = read_body(self.body_class, request)
        return _answer(self.report(_reported_pledge(public_id, body), body))

    @abstractmethod
    def report(self, intent: PledgeIntent, body: Any) -> PledgeIntent:
        """Write down what is said of a pledge."""


@extend_schema_view(post=extend_schema(summary="Report that the wallet is asked now"))
class OpenedView(ReportView):
    def report(self, intent: PledgeIntent, body: ReportRequest) -> PledgeIntent:
        return services.report_opened(intent)


@extend_schema_view(
    post=extend_schema(summary="Report the transaction that the wallet sent", request=SubmittedRequest)
)
class SubmittedView(ReportView):
    body_class = SubmittedRequest

    def report(self, intent: PledgeIntent, body: SubmittedRequest) -> PledgeIntent:
        return services.report_submitted(intent, parse_hash(body.tx_hash))


@extend_schema_view(post=extend_schema(summary="Report that the wallet's owner declined"))
class RejectedView(ReportView):
    def report(self, intent: PledgeIntent, body: ReportRequest) -> PledgeIntent:
        return services.report_rejected(intent)


def _own_pledge(request: Request, public_id: uuid.UUID) -> PledgeIntent:
    """Another's pledge is as unknown as one that does not exist."""
    intent = for_user(signed_in_user(request)).filter(public_id=public_id).first()
    if intent is None:
        raise Http404("No such pledge")
    return intent


def _reported_pledge(public_id: uuid.UUID, body: ReportRequest) -> PledgeIntent:
    """The pledge of a report; with another's reference it is as unknown as one that does not exist."""
    intent = PledgeIntent.objects.filter(public_id=public_id).first()
    if intent is None or not secrets.compare_digest(bytes(intent.ref), parse_hash(body.ref)):
        raise Http404("No such pledge")
    return intent


def _answer(intent: PledgeIntent) -> Response:
    return Response(PledgeOut.of(pledge_status(intent)).model_dump(mode="json"), headers=NO_STORE)
