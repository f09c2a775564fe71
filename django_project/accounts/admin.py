"""People in the admin: what staff may do is changed by superusers alone, each time with a reason."""

from typing import Any

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401  # registers what is taken out below
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

from django_project.accounts.models import Challenge, User, Wallet
from django_project.accounts.staff import services
from django_project.accounts.staff.services import Powers
from django_project.core.addresses import format_address
from django_project.core.admin import REASON_LENGTH, ReadOnlyAdmin, ReasonForm, decide_each
from django_project.core.errors import UserError

# Staff have no mail addresses, and no second factor is changed but by its owner or `manage.py staff`.
admin.site.unregister([EmailAddress, Authenticator, Group])


class ReasonedForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Whose change is carried out by a service, with a reason, when it is found valid."""

    reason = forms.CharField(max_length=REASON_LENGTH, help_text="Kept with the change.")


class StaffForm(ReasonedForm):
    """What a staff account may do."""

    class Meta:
        model = User
        fields = ("is_active", "is_superuser", "groups", "user_permissions")

    def powers(self) -> Powers:
        told = self.cleaned_data
        return Powers(
            is_active=told["is_active"],
            is_superuser=told["is_superuser"],
            groups=frozenset(group.name for group in told["groups"]),
            permissions=_names(told["user_permissions"]),
        )


class NewStaffForm(ReasonedForm):
    """A staff account whose owner gets a one-time link."""

    class Meta:
        model = User
        fields = ("username", "is_superuser")


class WalletAccountForm(ReasonedForm):
    """A backer's or creator's account can be closed, and opened again; the rest is theirs."""

    class Meta:
        model = User
        fields = ("is_active",)


class ServedByServices(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Whose forms a service carries out; what it refuses is told on the page, and nothing has changed."""

    sudo_pages: tuple[str, ...] = ("add_view", "change_view")

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: Any = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except UserError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(request.path)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Nothing: the service set groups and permissions with the rest."""


class WalletInline(admin.TabularInline):  # type: ignore[type-arg]  # as above
    model = Wallet
    extra = 0
    fields = ["hex_address", "linked_at"]
    readonly_fields = ["hex_address", "linked_at"]
    can_delete = False

    @admin.display(description="address")
    def hex_address(self, wallet: Wallet) -> str:
        return format_address(wallet.address)

    def has_add_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ServedByServices, ReadOnlyAdmin):
    """Staff and wallets' accounts. Nobody sets another's password: its owner does, by the one-time link."""

    list_display = ["username", "display_name", "is_staff", "is_superuser", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    search_fields = ["username", "display_name", "public_id"]
    inlines = [WalletInline]
    filter_horizontal = ["groups", "user_permissions"]
    action_form = ReasonForm
    actions = ["end_sessions"]
    readonly_fields = [
        "username", "public_id", "display_name", "bio", "language", "anonymous_backer", "last_login",
        "date_joined",
    ]  # fmt: skip

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def end_sessions(self, request: HttpRequest, users: QuerySet[User]) -> None:
        try:
            decide_each(self, request, users, services.end_sessions)
        except UserError as error:
            self.message_user(request, str(error), messages.ERROR)

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewStaffForm
        else:
            kwargs["form"] = StaffForm if obj.is_staff else WalletAccountForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return ["username", "is_superuser", "reason"]
        powers = ["is_superuser", "groups", "user_permissions"] if obj.is_staff else []
        asked = ["reason"] if self.has_change_permission(request, obj) else []
        return [*self.readonly_fields, "is_active", *powers, *asked]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else list(self.readonly_fields)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [] if obj is None or obj.is_staff else list(self.inlines)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        if isinstance(obj, User) and obj.is_staff:
            return request.user.is_superuser
        return request.user.has_perm("accounts.change_user")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        actor: Any = request.user
        reason = form.cleaned_data["reason"]
        if not change:
            link = services.enrol(obj.username, is_superuser=obj.is_superuser, reason=reason, actor=actor)
            obj.pk = User.objects.get(username=obj.username).pk
            messages.warning(
                request, f"Hand this one-time link to {obj.username}; it is shown only now: {link}"
            )
        elif obj.is_staff:
            services.set_powers(obj, form.powers(), actor=actor, reason=reason)
        else:
            services.set_open(obj, is_open=form.cleaned_data["is_active"], actor=actor, reason=reason)


class GroupForm(ReasonedForm):
    class Meta:
        model = Group
        fields = ("name", "permissions")


@admin.register(Group)
class GroupAdmin(ServedByServices, StockGroupAdmin):
    """What several staff accounts may do together."""

    form = GroupForm
    fields = ["name", "permissions", "reason"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """Never: a group is emptied, which says why."""
        return False

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: Any) -> None:
        told = form.cleaned_data
        actor: Any = request.user
        services.set_group(obj, told["name"], _names(told["permissions"]), actor=actor, reason=told["reason"])


def _names(permissions: Any) -> frozenset[str]:
    """As `app.codename`."""
    rows: list[Permission] = list(permissions.select_related("content_type"))
    return frozenset(f"{row.content_type.app_label}.{row.codename}" for row in rows)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "user", "linked_at"]
    list_select_related = ["user"]


@admin.register(Challenge)
class ChallengeAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "purpose", "chain_id", "created_at", "expires_at", "consumed_at"]
    exclude = ["nonce", "browser_digest", "message", "subject"]
