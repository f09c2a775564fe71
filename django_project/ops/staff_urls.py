"""Staff's own pages. Of django-allauth's, those that are listed here are all there are: nobody signs up."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, path

from django_project.ops import staff
from django_project.ops.staff_access import freshly_signed_in, half_signed_in, signed_in, signing_in

urlpatterns: list[URLPattern] = [
    path("sign-in/", signing_in(account.login), name="account_login"),
    path("sign-in/second-factor/", signing_in(mfa.authenticate), name="mfa_authenticate"),
    path("enrol/<uuid:public_id>/<str:token>/", staff.follow_link, name="staff-enrol"),
    path("enrol/", staff.first_password, name="staff-first-password"),
    path("password/", freshly_signed_in(staff.change_password), name="staff-password"),
    path("second-factor/", signed_in(mfa.index), name="mfa_index"),
    path("second-factor/again/", half_signed_in(mfa.reauthenticate), name="mfa_reauthenticate"),
    path(
        "second-factor/again/key/",
        half_signed_in(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("second-factor/app/", freshly_signed_in(totp.activate_totp), name="mfa_activate_totp"),
    path("second-factor/app/remove/", freshly_signed_in(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("second-factor/keys/", signed_in(webauthn.list_webauthn), name="mfa_list_webauthn"),
    path("second-factor/keys/add/", freshly_signed_in(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(
        "second-factor/keys/<int:pk>/remove/", freshly_signed_in(staff.remove_key), name="mfa_remove_webauthn"
    ),
    path(
        "second-factor/recovery-codes/",
        freshly_signed_in(recovery_codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "second-factor/recovery-codes/renew/",
        freshly_signed_in(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
]
