"""What an account does only when one of its wallets has just signed for it."""

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.accounts import browsers, services
from django_project.accounts.middleware import clear_site_data
from django_project.accounts.purposes import Purpose
from django_project.api.endpoint import Endpoint
from django_project.api.errors import NOT_ALLOWED, NOT_YET, SIGNED_OUT
from django_project.api.framework import plain, read_body, signed_in_user
from django_project.api.types import Input
from django_project.api.v1.session import Signed, SignedIn
from django_project.core import rate_limits
from django_project.core.addresses import format_address
from django_project.notifications import mail
from django_project.privacy import services as privacy


class LinkRequest(Input):
    """Two signatures, each of a text whose subject is the other's wallet.

    `approval` answers `add_wallet`, signed by a wallet of the account; `joining` answers `join_account`,
    signed by the new one.
    """

    approval: Signed
    joining: Signed


class WalletsView(Endpoint):
    post_limit = rate_limits.SIGN_IN

    @extend_schema(
        summary="Link a further wallet to the account that is signed in",
        description="A wallet of the account and the one to be linked sign a challenge each.",
        request=LinkRequest,
        responses={200: SignedIn, **SIGNED_OUT, **NOT_ALLOWED, **NOT_YET},
    )
    def post(self, request: Request) -> Response:
        user = signed_in_user(request)
        body = read_body(LinkRequest, request)
        wallet = services.link_wallet(plain(request), user, body.approval.answer(), body.joining.answer())
        return Response({"address": format_address(wallet.address)})


class WalletRemovalView(Endpoint):
    post_limit = rate_limits.SIGN_IN

    @extend_schema(
        summary="Take a wallet from the account that is signed in",
        description="Another wallet of the account, which stays, signs a challenge `remove_wallet`.",
        request=Signed,
        responses={204: None, **SIGNED_OUT, **NOT_ALLOWED, **NOT_YET},
    )
    def post(self, request: Request) -> Response:
        user = signed_in_user(request)
        services.unlink_wallet(plain(request), user, read_body(Signed, request).answer())
        return Response(status=204)


class EmailView(Endpoint):
    post_limit = rate_limits.SIGN_IN

    @extend_schema(
        summary="Change the email address of the account that is signed in",
        description="A wallet of the account signs a challenge `change_email`, whose subject is the address.",
        request=Signed,
        responses={204: None, **SIGNED_OUT, **NOT_ALLOWED, **NOT_YET},
    )
    def post(self, request: Request) -> Response:
        user = signed_in_user(request)
        answer = read_body(Signed, request).answer()
        rate_limits.require(rate_limits.MAIL, *rate_limits.asker(plain(request)))
        proof = services.step_up(plain(request), user, Purpose.CHANGE_EMAIL, answer)
        mail.change_mailbox(user, proof.subject)
        return Response(status=204)


class DeletionView(Endpoint):
    post_limit = rate_limits.SIGN_IN

    @extend_schema(
        summary="Delete the account that is signed in",
        description="A wallet of the account signs a challenge `delete_account`. It happens at once.",
        request=Signed,
        responses={204: None, **SIGNED_OUT, **NOT_ALLOWED, **NOT_YET},
    )
    def post(self, request: Request) -> Response:
        user = signed_in_user(request)
        answer = read_body(Signed, request).answer()
        services.step_up(plain(request), user, Purpose.DELETE_ACCOUNT, answer)
        privacy.forget(user)
        logout(plain(request))
        response = Response(status=204)
        # Language and theme say nothing of the account: their cookies stay.
        clear_site_data(response, "cache", "storage")
        browsers.forget(response)
        return response
