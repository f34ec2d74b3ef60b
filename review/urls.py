"""The people's door. Every view says whom it is open to; what does not is closed (review/access.py)."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.urls import path

from review.access import everyone, signed_in, without_second_factor
from review.views import bulk, care, cases, decisions, known, log, notices, overview, pictures, sealed

urlpatterns = [
    path("", overview.root, name="root"),
    path("healthz", overview.healthz, name="healthz"),
    path("review/", overview.overview, name="review"),
    path("review/queues", overview.queues_now, name="queues"),
    path("review/next", cases.take, name="take"),
    path("review/claim", cases.renew, name="renew"),
    path("review/decisions", log.log, name="decisions"),
    path("review/decisions/searches", log.save, name="save_search"),
    path("review/decisions/searches/<uuid:search_id>/rename", log.rename, name="rename_search"),
    path("review/decisions/searches/<uuid:search_id>/delete", log.delete, name="delete_search"),
    path("review/decisions/export", log.export, name="export_decisions"),
    path("review/bulk/", bulk.choose, name="bulk"),
    path("review/bulk/deny", bulk.deny, name="bulk_deny"),
    path("review/bulk/<uuid:batch>/", bulk.show, name="bulk_batch"),
    path("review/bulk/<uuid:batch>/undo", bulk.undo, name="bulk_undo"),
    path("review/known/", known.index, name="known"),
    path("review/known/<uuid:known_id>/retire", known.retire, name="retire_known"),
    path("review/break/", care.rest, name="break"),
    path("review/break/begin", care.begin_break, name="begin_break"),
    path("review/day/", care.day, name="day"),
    path("review/settings/", care.settings_page, name="settings"),
    path("review/settings/notices", notices.page, name="notices"),
    path("review/settings/keys", care.keys_page, name="keys"),
    path("review/settings/keys/import", care.import_keys, name="import_keys"),
    path("review/settings/keys.json", care.export_keys, name="export_keys"),
    path("review/cases/<uuid:case_id>/", cases.show, name="case"),
    path("review/cases/<uuid:case_id>/blurred", pictures.blurred, name="blurred"),
    path("review/cases/<uuid:case_id>/reveal", pictures.reveal, name="reveal"),
    path("review/cases/<uuid:case_id>/look", pictures.look, name="look"),
    path("review/cases/<uuid:case_id>/decide", decisions.decide, name="decide"),
    path("review/cases/<uuid:case_id>/undo", decisions.undo, name="undo"),
    path("review/cases/<uuid:case_id>/seal", cases.seal, name="seal_case"),
    path("review/sealed/", sealed.index, name="sealed"),
    path("review/sealed/seal", sealed.seal, name="seal"),
    path("review/sealed/requesters/<uuid:hold_id>/let-go", sealed.let_go, name="let_go"),
    path("review/sealed/<uuid:seal_id>/", sealed.item, name="sealed_item"),
    path("review/sealed/<uuid:seal_id>/note", sealed.note, name="sealed_note"),
    path("review/sealed/<uuid:seal_id>/ask", sealed.ask, name="sealed_ask"),
    path("review/sealed/<uuid:seal_id>/agree", sealed.agree, name="sealed_agree"),
    path("review/sealed/<uuid:seal_id>/end", sealed.end, name="sealed_end"),
    path("review/sealed/<uuid:seal_id>/hold", sealed.hold, name="sealed_hold"),
    path("review/sealed/<uuid:seal_id>/wrapped", sealed.wrapped, name="sealed_wrapped"),
    path("review/sealed/<uuid:seal_id>/words", sealed.words, name="sealed_words"),
    path("review/sealed/<uuid:seal_id>/view", sealed.view, name="sealed_view"),
    path("review/sealed/<uuid:seal_id>/lift", sealed.lift, name="sealed_lift"),
    path("accounts/login/", everyone(account.login), name="account_login"),
    path("accounts/logout/", everyone(account.logout), name="account_logout"),
    path("accounts/inactive/", everyone(account.account_inactive), name="account_inactive"),
    path("accounts/signup/", overview.no_sign_up, name="account_signup"),
    path(
        "accounts/reauthenticate/",
        without_second_factor(signed_in(account.reauthenticate)),
        name="account_reauthenticate",
    ),
    path("accounts/2fa/", without_second_factor(signed_in(mfa.index)), name="mfa_index"),
    path("accounts/2fa/authenticate/", everyone(mfa.authenticate), name="mfa_authenticate"),
    path("accounts/2fa/reauthenticate/", signed_in(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("accounts/2fa/totp/activate/", without_second_factor(signed_in(totp.activate_totp)), name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", signed_in(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("accounts/2fa/recovery-codes/", signed_in(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "accounts/2fa/recovery-codes/generate/",
        signed_in(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "accounts/2fa/recovery-codes/download/",
        signed_in(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]
