"""`manage.py staff …`: who works in the admin, from the machine's own console."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from django_project.accounts.models import User
from django_project.accounts.staff import services
from django_project.accounts.staff.secret_box import SecretUnreadableError
from django_project.core.errors import UserError


class Command(BaseCommand):
    help = "Enrol staff, help who lost a password or a second factor, list them, renew keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        enrol = commands.add_parser("enrol", help="make a staff account and print its one-time link")
        enrol.add_argument("name")
        enrol.add_argument(
            "--superuser", action="store_true", help="may do everything, staff's powers included"
        )
        enrol.add_argument("--reason", required=True, help="kept in the audit trail")
        reset = commands.add_parser(
            "reset", help="take password, second factor and sessions from somebody who lost one of them"
        )
        reset.add_argument("name")
        reset.add_argument("--reason", required=True, help="kept in the audit trail")
        commands.add_parser("list", help="name, powers, and which second factors there are")
        commands.add_parser(
            "renew-secrets", help="encrypt second factors with the first key that is configured"
        )

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command.replace('-', '_')}")(options)
        except (UserError, SecretUnreadableError) as error:
            raise CommandError(str(error)) from None

    def _enrol(self, options: dict[str, Any]) -> None:
        link = services.enrol(options["name"], is_superuser=options["superuser"], reason=options["reason"])
        self._hand_over(link)

    def _reset(self, options: dict[str, Any]) -> None:
        self._hand_over(services.reset(options["name"], reason=options["reason"]))

    def _hand_over(self, link: str) -> None:
        self.stdout.write("Hand over this link. It works once, within a day; a later one ends it:")
        self.stdout.write(link)

    def _list(self, options: dict[str, Any]) -> None:
        del options
        for user in User.objects.filter(is_staff=True).order_by("username"):
            factors = Authenticator.objects.filter(user=user).order_by("type").values_list("type", flat=True)
            state = "superuser" if user.is_superuser else "staff"
            state = state if user.is_active else "closed"
            self.stdout.write(f"{user.username}  {state}  {', '.join(factors) or 'no second factor'}")

    def _renew_secrets(self, options: dict[str, Any]) -> None:
        del options
        self.stdout.write(f"{services.renew_secrets()} secrets are under the first key now.")
