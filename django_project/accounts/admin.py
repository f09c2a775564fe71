from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin

from django_project.accounts.models import SignInChallenge, User, Wallet
from django_project.core.admin import ReadOnlyAdmin


class WalletInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Wallet
    extra = 0
    readonly_fields = ["address", "linked_at"]
    can_delete = False

    def has_add_permission(self, request: object, obj: object | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(StockUserAdmin):  # type: ignore[type-arg]  # as above
    list_display = ["username", "display_name", "is_staff", "is_active", "date_joined"]
    search_fields = ["username", "display_name", "public_id"]
    inlines = [WalletInline]
    readonly_fields = ["public_id", "last_login", "date_joined"]
    fieldsets = [
        *(StockUserAdmin.fieldsets or ()),
        ("Profile", {"fields": ["public_id", "display_name", "bio", "language", "anonymous_backer"]}),
    ]


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "user", "linked_at"]
    list_select_related = ["user"]


@admin.register(SignInChallenge)
class SignInChallengeAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "chain_id", "created_at", "expires_at", "consumed_at"]
    exclude = ["nonce", "browser_digest", "message"]
