"""Forms of staff's own accounts."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from django_project.accounts.models import User
from django_project.accounts.staff.adapters import WRONG_PASSWORD


class NewPasswordForm(forms.Form):
    """A password of one's own, typed twice."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 15 characters; several words are good. No rules about digits or signs."),
    )
    repeated = forms.CharField(
        label=_("The same again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.label_suffix = user, ""

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        password, repeated = told.get("new_password"), told.get("repeated")
        if password and repeated and password != repeated:
            self.add_error("repeated", _("The two passwords are not the same."))
        elif password:
            try:
                validate_password(password, self.user)
            except forms.ValidationError as error:
                self.add_error("new_password", error)
        return told


class ChangePasswordForm(NewPasswordForm):
    """The same for who has one: it is asked for first."""

    old_password = forms.CharField(
        label=_("Password until now"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("old_password", "new_password", "repeated")
    is_refused = False

    def refuse(self) -> None:
        """Take no password for right: there were too many tries."""
        self.is_refused = True

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not self.user.check_password(password) or self.is_refused:
            raise forms.ValidationError(WRONG_PASSWORD, code="wrong_password")
        return password
