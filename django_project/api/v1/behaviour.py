"""Consent, and the beacon that reports what was seen with it."""

import uuid
from datetime import timedelta
from typing import Annotated, Literal

from drf_spectacular.utils import extend_schema
from pydantic import AwareDatetime, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.accounts.models import User
from django_project.accounts.selectors import wallet_address
from django_project.api.endpoint import Endpoint
from django_project.api.errors import NOT_ALLOWED
from django_project.api.framework import (
    BeaconAuthentication,
    LimitedJSONParser,
    PlainTextJSONParser,
    SameOrigin,
    plain,
    read_body,
)
from django_project.api.types import CampaignKeyText, Input, parse_key
from django_project.core import rate_limits
from django_project.core.rate_limits import Subject
from django_project.discovery import consent, services
from django_project.discovery.services import EVENTS_PER_POST, Observation

LONGEST_DWELL_SECONDS = 7 * 24 * 3600


class ConsentRequest(Input):
    granted: Annotated[bool, Field(strict=True)]


class BeaconEvent(Input):
    """`slot`, `propensity` and `model_version` repeat what came with a recommended campaign."""

    id: uuid.UUID
    kind: Literal["impression", "view"]
    campaign: CampaignKeyText
    occurred_at: AwareDatetime
    dwell_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_DWELL_SECONDS)] = 0
    slot: Annotated[int, Field(strict=True, ge=0, le=1000)] | None = None
    propensity: Annotated[float, Field(gt=0, le=1)] | None = None
    model_version: Annotated[str, StringConstraints(max_length=64, pattern=r"^[\w.:-]*$")] = ""

    def observation(self) -> Observation:
        return Observation(
            event_id=self.id,
            kind=self.kind,
            campaign=parse_key(self.campaign),
            occurred_at=self.occurred_at,
            dwell=timedelta(seconds=self.dwell_seconds),
            slot=self.slot,
            propensity=self.propensity,
            model_version=self.model_version,
        )


class BeaconRequest(Input):
    events: Annotated[list[BeaconEvent], Field(max_length=EVENTS_PER_POST)]


class ConsentView(Endpoint):
    post_limit = rate_limits.CONSENT

    @extend_schema(
        summary="Allow or refuse behaviour events",
        request=ConsentRequest,
        responses={204: None, **NOT_ALLOWED},
    )
    def post(self, request: Request) -> Response:
        granted = read_body(ConsentRequest, request).granted
        visitor_id = consent.visitor_id(plain(request))
        response = Response(status=204)
        if granted:
            visitor = services.grant_consent(visitor_id, _user(request))
            consent.remember(response, visitor.public_id)
        else:
            services.withdraw_consent(visitor_id)
            consent.remember(response, None)
        return response


class BeaconView(Endpoint):
    """Takes what `navigator.sendBeacon` posts. Without consent nothing is read, and nobody is told."""

    authentication_classes = (BeaconAuthentication,)
    permission_classes = (SameOrigin,)
    parser_classes = (LimitedJSONParser, PlainTextJSONParser)
    post_limit = rate_limits.BEACON_ADDRESS

    @extend_schema(
        summary="Report what was seen, up to 50 events",
        description=(
            "For this site's own pages: the browser's Sec-Fetch-Site or Origin header has to name the site. "
            "An event counts once by its id; unknown campaigns and old events are left out."
        ),
        request=BeaconRequest,
        responses={204: None, **NOT_ALLOWED},
    )
    def post(self, request: Request) -> Response:
        visitor_id = consent.visitor_id(plain(request))
        visitor = services.consenting_visitor(visitor_id, _user(request))
        response = Response(status=204)
        if visitor is None:
            return response
        rate_limits.require(rate_limits.BEACON, Subject("visitor", str(visitor.public_id)))
        events = read_body(BeaconRequest, request).events
        services.record(visitor, wallet_address(plain(request)), [event.observation() for event in events])
        if visitor.public_id != visitor_id:
            consent.remember(response, visitor.public_id)
        return response


def _user(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None
