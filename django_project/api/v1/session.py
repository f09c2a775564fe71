"""Signing in with a wallet, and out; the texts that wallets sign for that and for acts of their account."""

from datetime import datetime
from typing import Annotated

from django.contrib.auth import logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.accounts import browsers, challenges, services
from django_project.accounts.challenges import Answer
from django_project.accounts.middleware import clear_site_data
from django_project.accounts.purposes import Purpose
from django_project.accounts.selectors import wallet_address
from django_project.api.endpoint import Endpoint
from django_project.api.errors import NOT_ALLOWED, NOT_YET, SIGNED_OUT
from django_project.api.framework import plain, read_body, signed_in_user
from django_project.api.types import AddressText, Input
from django_project.core import rate_limits
from django_project.core.addresses import format_address, parse_address
from django_project.core.mail_addresses import LONGEST


class ChallengeRequest(Input):
    """What is to be signed, by which wallet.

    `subject` is what an act is about: the other wallet of `add_wallet`, `join_account` and `remove_wallet`,
    the new address of `change_email`, or nothing.
    """

    address: AddressText
    chain_id: Annotated[int, Field(strict=True, ge=1, lt=2**63)]
    purpose: Purpose = Purpose.SIGN_IN
    subject: Annotated[str, StringConstraints(max_length=LONGEST)] = ""


class Challenge(BaseModel):
    """The EIP-4361 text to sign with `personal_sign`, exactly as it stands."""

    nonce: str
    message: str
    expires_at: datetime


class Signed(Input):
    """A challenge and its signature."""

    nonce: Annotated[str, StringConstraints(min_length=32, max_length=32, pattern=r"^[0-9a-f]+$")]
    # Those of contracts that are not deployed yet (ERC-6492) carry creation code: some kilobytes. Where a
    # contract's signers confirm on the chain it is empty.
    signature: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^0x(?:[0-9a-fA-F]{2})*$")]

    def answer(self) -> Answer:
        return Answer(self.nonce, bytes.fromhex(self.signature[2:]))


class SignedIn(BaseModel):
    address: str


class SessionState(BaseModel):
    """`csrf_token` goes back in the X-CSRFToken header of every request that changes something."""

    address: str | None
    csrf_token: str


class SessionView(Endpoint):
    post_limit = rate_limits.SIGN_IN

    @extend_schema(summary="Who is signed in", responses=SessionState)
    def get(self, request: Request) -> Response:
        address = wallet_address(plain(request))
        state = SessionState(
            address=format_address(address) if address else None, csrf_token=get_token(plain(request))
        )
        return Response(state.model_dump(), headers={"Cache-Control": "no-store"})

    @extend_schema(
        summary="Sign in with a signed challenge",
        request=Signed,
        responses={200: SignedIn, **NOT_ALLOWED, **NOT_YET},
    )
    def post(self, request: Request) -> Response:
        services.sign_in(plain(request), read_body(Signed, request).answer())
        address = wallet_address(plain(request))
        response = Response({"address": format_address(address) if address else None})
        browsers.forget(response)
        return response

    @extend_schema(summary="Sign out", request=None, responses={204: None, **NOT_ALLOWED})
    def delete(self, request: Request) -> Response:
        logout(plain(request))
        response = Response(status=204)
        clear_site_data(response, "cache")
        return response


class ChallengeView(Endpoint):
    post_limit = rate_limits.CHALLENGE

    @extend_schema(
        summary="Ask for a text to sign",
        description="All purposes but `sign_in` are for the account that is signed in.",
        request=ChallengeRequest,
        responses={201: Challenge, **SIGNED_OUT, **NOT_ALLOWED},
    )
    def post(self, request: Request) -> Response:
        body = read_body(ChallengeRequest, request)
        browser = browsers.read(plain(request)) or browsers.new()
        wanted = challenges.Request(browser, parse_address(body.address), body.chain_id)
        if body.purpose == Purpose.SIGN_IN:
            challenge = challenges.issue(wanted)
        else:
            challenge = challenges.issue_step_up(wanted, signed_in_user(request), body.purpose, body.subject)
        answer = Challenge(nonce=challenge.nonce, message=challenge.message, expires_at=challenge.expires_at)
        response = Response(
            answer.model_dump(mode="json"), status=201, headers={"Cache-Control": "private, no-store"}
        )
        browsers.remember(response, browser)
        return response
