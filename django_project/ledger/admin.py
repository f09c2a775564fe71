"""The stock admin over the index, to look at; what operators decide here is kept in the audit trail."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from django_project.core.addresses import format_address, format_hash
from django_project.core.admin import REASON_LENGTH, ReadOnlyAdmin, ReasonForm, decide_each
from django_project.ledger import models, services
from django_project.ledger.symbols import LONGEST_SYMBOL, MOST_DECIMALS, clean_symbol


def _address(field: str) -> Callable[[Any], str]:
    @admin.display(description=field.replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        return format_address(getattr(row, field))

    return column


def _hash(field: str) -> Callable[[Any], str]:
    @admin.display(description=field.replace("_", " "))
    def column(row: Any) -> str:
        return format_hash(getattr(row, field))

    return column


@admin.register(models.Chain)
class ChainAdmin(ReadOnlyAdmin):
    """To retire a chain, and to take that back, is a decision with a reason, kept in the audit trail."""

    list_display = ["chain_id", "name", "state", "halt_reason", "finality_depth", "is_test_network"]
    list_filter = ["state"]
    action_form = ReasonForm
    actions = ["retire", "reinstate"]

    @admin.action(description="Retire: readable, not followed any more", permissions=["operate"])
    def retire(self, request: HttpRequest, chains: QuerySet[models.Chain]) -> None:
        decide_each(self, request, chains, _retire)

    @admin.action(description="Follow again", permissions=["operate"])
    def reinstate(self, request: HttpRequest, chains: QuerySet[models.Chain]) -> None:
        decide_each(self, request, chains, _reinstate)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ledger.change_chain")


def _retire(chain: models.Chain, *, actor: Any, reason: str) -> None:
    services.retire(chain.chain_id, reason=reason, actor=actor)


def _reinstate(chain: models.Chain, *, actor: Any, reason: str) -> None:
    services.reinstate(chain.chain_id, reason=reason, actor=actor)


@admin.register(models.RpcEndpoint)
class RpcEndpointAdmin(ReadOnlyAdmin):
    # The URL may carry a provider's key.
    exclude = ["url"]
    list_display = [
        "name",
        "chain",
        "weight",
        "latency_seconds",
        "requests",
        "errors",
        "quarantined_until",
        "quarantine_reason",
        "learnt",
    ]


@admin.register(models.Cursor)
class CursorAdmin(ReadOnlyAdmin):
    list_display = [
        "chain",
        "next_block",
        "node_head",
        "finalized_block",
        "lease_owner",
        "lease_until",
        "fence",
        "problem_since",
        "problem",
    ]


@admin.register(models.Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ["chain", "number", _hash("hash"), "timestamp"]
    ordering = ["-number"]
    show_full_result_count = False


@admin.register(models.Contract)
class ContractAdmin(ReadOnlyAdmin):
    list_display = ["chain", _address("address"), "kind", "start_block", "created_block"]
    list_filter = ["kind", "chain"]


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What an operator may say of a token, and has to say why."""

    plain_symbol = forms.CharField(max_length=LONGEST_SYMBOL, label="Symbol")
    decimals = forms.IntegerField(min_value=0, max_value=MOST_DECIMALS)
    reason = forms.CharField(
        max_length=REASON_LENGTH,
        help_text="Kept with the change. What backers are asked to pay in this token follows from it.",
    )

    class Meta:
        model = models.Token
        fields = ("plain_symbol", "decimals")

    def clean_plain_symbol(self) -> str:
        symbol = str(self.cleaned_data["plain_symbol"])
        if not clean_symbol(symbol).text:
            raise forms.ValidationError("This shows nothing that can be read.")
        return symbol


@admin.register(models.Token)
class TokenAdmin(ReadOnlyAdmin):
    """Contracts tell what tokens are; where one does not, an operator can, in the audit trail."""

    form = TokenForm
    sudo_pages = ("change_view",)
    list_display = ["__str__", "chain", _address("address"), "decimals", "source", "problem"]
    list_filter = ["chain", "source", ("decimals", admin.EmptyFieldListFilter)]
    list_select_related = ["chain"]
    ordering = [F("decimals").asc(nulls_first=True), "chain", "symbol"]
    readonly_fields = ["chain", "hex_address", "source", "read_block", "asked_at", "problem"]
    fields = [*readonly_fields, "plain_symbol", "decimals", "reason"]
    action_form = ReasonForm
    actions = ["ask_again"]

    @admin.display(description="address")
    def hex_address(self, token: models.Token) -> str:
        return format_address(token.address)

    @admin.action(description="Ask the contract again", permissions=["change"])
    def ask_again(self, request: HttpRequest, tokens: QuerySet[models.Token]) -> None:
        decide_each(self, request, tokens, services.ask_token_again)

    def save_model(self, request: HttpRequest, obj: models.Token, form: Any, change: Any) -> None:
        del change
        told = form.cleaned_data
        actor: Any = request.user
        services.mend_token(obj, told["plain_symbol"], told["decimals"], actor=actor, reason=told["reason"])

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        del obj
        return request.user.has_perm("ledger.change_token")


@admin.register(models.RawLog)
class RawLogAdmin(ReadOnlyAdmin):
    list_display = ["chain", "block_number", "log_index", _address("address"), _hash("tx_hash")]
    ordering = ["-block_number", "-log_index"]
    show_full_result_count = False


class EventAdmin(ReadOnlyAdmin):
    ordering = ["-block_number", "-log_index"]
    show_full_result_count = False
    date_hierarchy = "block_time"


@admin.register(models.CampaignLaunched)
class CampaignLaunchedAdmin(EventAdmin):
    list_display = [_address("address"), _address("creator"), "mode", "goal", "deadline", "block_time"]
    list_filter = ["mode", "chain"]


@admin.register(models.CampaignTotals)
class CampaignTotalsAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "raised", "refunded", "withdrawn", "contributions", "backers", "cancelled_at"]
    list_select_related = ["campaign"]


@admin.register(models.Contribution)
class ContributionAdmin(EventAdmin):
    list_display = ["campaign", _address("backer"), "amount", "tier_id", "seq", "block_time"]


@admin.register(models.Refund)
class RefundAdmin(EventAdmin):
    list_display = ["campaign", _address("backer"), "amount", "seq", "block_time"]


@admin.register(models.Withdrawal)
class WithdrawalAdmin(EventAdmin):
    list_display = ["campaign", _address("recipient"), "amount", "seq", "block_time"]


@admin.register(models.FeeAccrual)
class FeeAccrualAdmin(EventAdmin):
    list_display = ["campaign", "amount", "total_fees", "seq", "block_time"]


@admin.register(models.FeeClaim)
class FeeClaimAdmin(EventAdmin):
    list_display = ["campaign", _address("treasury"), "amount", "seq", "block_time"]


@admin.register(models.Tier)
class TierAdmin(EventAdmin):
    list_display = ["campaign", "tier_id", "price", "supply"]


@admin.register(models.Cancellation)
class CancellationAdmin(EventAdmin):
    list_display = ["campaign", _address("by"), "reason", "block_time"]


@admin.register(models.UpdatePost)
class UpdatePostAdmin(EventAdmin):
    list_display = ["campaign", "uri", _hash("content_hash"), "block_time"]


@admin.register(models.ContributionPause)
class ContributionPauseAdmin(EventAdmin):
    list_display = ["campaign", "paused", _address("by"), "block_time"]


@admin.register(models.TakeBack)
class TakeBackAdmin(EventAdmin):
    list_display = ["campaign", _address("backer"), "amount", "total_raised", "seq", "block_time"]


@admin.register(models.Milestone)
class MilestoneAdmin(EventAdmin):
    list_display = ["campaign", "milestone_id", "share_bps", "due"]


@admin.register(models.MilestoneSubmission)
class MilestoneSubmissionAdmin(EventAdmin):
    list_display = ["campaign", "milestone_id", "uri", "window_end", "objection_limit", "block_time"]


@admin.register(models.Objection, models.ObjectionWithdrawal)
class ObjectionAdmin(EventAdmin):
    list_display = [
        "campaign",
        "milestone_id",
        _address("backer"),
        "weight",
        "total_objections",
        "block_time",
    ]


@admin.register(models.MilestoneRelease)
class MilestoneReleaseAdmin(EventAdmin):
    list_display = ["campaign", "milestone_id", "amount", "total_released", "seq", "block_time"]


@admin.register(models.WindDown)
class WindDownAdmin(EventAdmin):
    list_display = ["campaign", _address("by"), "since", "remaining", "block_time"]


@admin.register(models.CreatorTransferStart)
class CreatorTransferStartAdmin(EventAdmin):
    list_display = ["campaign", _address("creator"), _address("new_creator"), "block_time"]


@admin.register(models.CreatorTransfer)
class CreatorTransferAdmin(EventAdmin):
    list_display = ["campaign", _address("old_creator"), _address("new_creator"), "block_time"]


@admin.register(models.SurplusSweep)
class SurplusSweepAdmin(EventAdmin):
    list_display = ["campaign", _address("token"), "amount", _address("treasury"), "block_time"]


@admin.register(models.FactoryEvent)
class FactoryEventAdmin(EventAdmin):
    list_display = ["kind", _address("factory"), "arguments", "seq", "block_time"]
    list_filter = ["kind"]


@admin.register(models.ReorgEvent)
class ReorgEventAdmin(ReadOnlyAdmin):
    list_display = ["chain", "detected_at", "ancestor_block", "depth", "logs_removed"]


@admin.register(models.SuspectRange)
class SuspectRangeAdmin(ReadOnlyAdmin):
    list_display = ["chain", "from_block", "to_block", "reason", "detected_at", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter)]


@admin.register(models.Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ["topic", "chain", "payload", "created_at"]
    list_filter = ["topic"]


@admin.register(models.OutboxReader)
class OutboxReaderAdmin(ReadOnlyAdmin):
    list_display = ["name", "chain", "position", "read_at"]
    list_filter = ["name"]


@admin.register(models.FetchedRange)
class FetchedRangeAdmin(ReadOnlyAdmin):
    # Megabytes that nobody reads.
    exclude = ["headers", "logs"]
    list_display = ["chain", "from_block", "to_block", "fetched_at", "endpoint", "is_refused", "seconds"]
    list_filter = ["is_refused", ("fetched_at", admin.EmptyFieldListFilter)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer("headers", "logs")
