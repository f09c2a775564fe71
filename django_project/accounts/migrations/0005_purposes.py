from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def bind_contracts(apps: Any, _schema: Any) -> None:
    """A contract wallet spoke from one of the site's chains only. Which that was is known where a text that it
    signed is still kept, or where there is one chain; the others are bound when they sign in next."""
    chains = list(apps.get_model("ledger", "Chain").objects.values_list("chain_id", flat=True))
    challenges = apps.get_model("accounts", "Challenge").objects.filter(consumed_at__isnull=False)
    for wallet in apps.get_model("accounts", "Wallet").objects.filter(is_contract=True):
        signed = challenges.filter(address=wallet.address).order_by("-consumed_at").first()
        if signed is not None:
            wallet.contract_chain_id = signed.chain_id
        elif len(chains) == 1:
            wallet.contract_chain_id = chains[0]
        wallet.save(update_fields=["contract_chain_id"])


def forget_the_forgotten(apps: Any, _schema: Any) -> None:
    """The audit trail named wallets of accounts that were deleted since, and hashes of what was erased."""
    entries = apps.get_model("core", "AuditEntry").objects
    known = {
        str(each) for each in apps.get_model("accounts", "User").objects.values_list("public_id", flat=True)
    }
    of_accounts = entries.filter(action__startswith="accounts.")
    gone = [pk for pk, subject in of_accounts.values_list("pk", "subject") if subject not in known]
    erased = entries.filter(action__in=["privacy.account.forgotten", "discovery.erased"])
    for rows in (entries.filter(pk__in=gone), erased):
        rows.update(subject="a forgotten account", details={})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_staff_apart"),
        ("core", "0001_initial"),
        ("ledger", "0001_initial"),
    ]

    operations = [
        migrations.RenameModel("SignInChallenge", "Challenge"),
        migrations.AddField(
            model_name="challenge",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("sign_in", "Sign In"),
                    ("add_wallet", "Add Wallet"),
                    ("join_account", "Join Account"),
                    ("remove_wallet", "Remove Wallet"),
                    ("change_email", "Change Email"),
                    ("delete_account", "Delete Account"),
                ],
                default="sign_in",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="challenge",
            name="user",
            field=models.ForeignKey(
                help_text="Whose act it permits.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="challenge",
            name="subject",
            field=models.CharField(
                blank=True, help_text="What the act is about: a wallet's or an email address.", max_length=254
            ),
        ),
        migrations.AddConstraint(
            model_name="challenge",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose", "sign_in"), ("user__isnull", False), _connector="XOR"),
                name="challenge_of_an_account_unless_sign_in",
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="contract_chain_id",
            field=models.BigIntegerField(
                blank=True,
                help_text="The chain whose code speaks for a contract; empty until it signs again, of the oldest.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="deletion_due_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Asked for without a signature: deleted then, unless somebody objects.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deletion_due_at__isnull", False)),
                fields=["deletion_due_at"],
                name="user_deletion_due",
            ),
        ),
        migrations.RunPython(bind_contracts, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(forget_the_forgotten, migrations.RunPython.noop, elidable=True),
    ]
