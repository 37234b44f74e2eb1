"""The catalogue of audited actions: the name of each, the sentence of its events, and where they are shown.

One row for each action; there is no other list of them. ``record_event`` takes a row. The audit page, the home page,
the metrics, the notices and the index of events that are not routine read it.
"""

from django.utils.translation import gettext_lazy as _

from accounts.audit.action_rows import NOTICE, ON_HOME, PLAIN, REFUSAL, ROUTINE, ActionRow


class Action(ActionRow):
    """Who did what, by a dotted name.

    Each row: the stored name; where it is shown; the sentence of its events, with %(actor)s, %(person)s and values of
    the event's data; its label.
    """

    # One row is one or two lines; formatted, each would have ten.
    # fmt: off
    ACCOUNT_CREATED = "account.created", ON_HOME, _("The account was created for %(person)s."), _("Account created")
    ACCOUNT_ACCENT_CHANGED = ("account.accent_changed", PLAIN,
        _("%(actor)s changed the colour of the account from %(before)s to %(after)s."),
        _("Colour of the account changed"))
    ACCOUNT_NOTICES_CHANGED = ("account.notices_changed", PLAIN,
        _("%(actor)s changed which early notices are sent, from “%(before)s” to “%(after)s”, and to whom: %(reader)s."),
        _("Notices to administrators changed"))
    ACCOUNT_LOGO_CHANGED = ("account.logo_changed", PLAIN,
        _("%(actor)s changed the logo of the account."), _("Logo of the account changed"))
    ACCOUNT_COUNTRIES_CHANGED = ("account.countries_changed", PLAIN,
        _("%(actor)s changed the countries of the phones from %(before)s to %(after)s."),
        _("Countries of the phones changed"))

    POLICY_SWITCHED_ON = ("policy.switched_on", ON_HOME | NOTICE,
        _("%(actor)s switched two factor authentication on for everybody."),
        _("Two factor authentication switched on"))
    POLICY_SWITCHED_OFF = ("policy.switched_off", ON_HOME | NOTICE,
        _("%(actor)s switched two factor authentication off for everybody."),
        _("Two factor authentication switched off"))
    POLICY_OPTIONS_CHANGED = ("policy.options_changed", PLAIN,
        _("%(actor)s changed the options of the second step."), _("Options of the second step changed"))
    PASSKEYS_ALONE_ALLOWED = ("policy.passkeys_alone_allowed", ON_HOME,
        _("%(actor)s let passkeys sign in without the password."), _("Sign-in by passkey alone allowed"))
    PASSKEYS_ALONE_FORBIDDEN = ("policy.passkeys_alone_forbidden", ON_HOME,
        _("%(actor)s let passkeys sign in only after the password."), _("Sign-in by passkey alone forbidden"))
    POLICY_FACTORS_CHANGED = ("policy.factors_changed", ON_HOME | NOTICE,
        _("%(actor)s changed which second steps count, from %(before)s to %(after)s."),
        _("Kinds of second step changed"))
    POLICY_FACTORS_SCHEDULED = ("policy.factors_scheduled", ON_HOME | NOTICE,
        _("%(actor)s set a date, %(starts)s, from which only these second steps count: %(after)s."),
        _("Date set for the kinds of second step"))
    POLICY_FACTORS_UNSCHEDULED = ("policy.factors_unscheduled", ON_HOME | NOTICE,
        _("%(actor)s took back the date for the kinds of second step: %(starts)s."),
        _("Date for the kinds of second step cancelled"))
    POLICY_FACTORS_ANNOUNCED = ("policy.factors_announced", NOTICE,
        _("Everybody was told which second steps count."), _("Kinds of second step announced"))
    POLICY_FACTORS_REMINDED = ("policy.factors_reminded", NOTICE,
        _("Whoever has none of the second steps that will count was reminded: %(after)s."),
        _("Reminder of the kinds of second step sent"))
    POLICY_FACTORS_EMAIL_OFF = ("policy.factors_email_off", ON_HOME | NOTICE,
        _("%(actor)s switched e-mail off for whoever has an authenticator app or a passkey."),
        _("E-mail switched off for whoever has a stronger second step"))
    POLICY_FACTORS_EMAIL_ON = ("policy.factors_email_on", ON_HOME | NOTICE,
        _("%(actor)s let e-mail count again for whoever has an authenticator app or a passkey."),
        _("E-mail counts again for whoever has a stronger second step"))
    POLICY_ANNOUNCED = ("policy.announced", ON_HOME | NOTICE,
        _("%(actor)s told everybody that two factor authentication is coming."),
        _("Two factor authentication announced"))
    POLICY_SCHEDULED = ("policy.scheduled", ON_HOME | NOTICE,
        _("%(actor)s set a date from which two factor authentication is on: %(starts)s."),
        _("Date set for two factor authentication"))
    POLICY_UNSCHEDULED = ("policy.unscheduled", ON_HOME | NOTICE,
        _("%(actor)s took back the date for two factor authentication: %(starts)s."),
        _("Date for two factor authentication cancelled"))
    POLICY_REMINDED = ("policy.reminded", NOTICE,
        _("Everybody was reminded that two factor authentication is coming."),
        _("Reminder of two factor authentication sent"))

    USER_LOCKED = ("user.locked", ON_HOME | REFUSAL | NOTICE,
        _("%(person)s was locked until an administrator acts: %(reason)s."), _("User locked"))
    USER_UNLOCKED = "user.unlocked", ON_HOME, _("%(actor)s unlocked %(person)s."), _("User unlocked")
    USER_LIMITS_FORGOTTEN = ("user.limits_forgotten", ON_HOME,
        _("%(actor)s let %(person)s try again: their counts start from zero again."), _("Limits of a user forgotten"))
    USER_ROLE_CHANGED = ("user.role_changed", ON_HOME,
        _("%(actor)s changed the role of %(person)s from %(before)s to %(after)s."), _("Role changed"))
    USER_DEACTIVATED = "user.deactivated", ON_HOME, _("%(actor)s deactivated %(person)s."), _("User deactivated")
    USER_REACTIVATED = "user.reactivated", ON_HOME, _("%(actor)s let %(person)s in again."), _("User reactivated")

    INVITATION_SENT = "invitation.sent", ON_HOME, _("%(actor)s invited %(address)s."), _("Invitation sent")
    USER_ERASED = "user.erased", ON_HOME, _("%(actor)s erased %(person)s."), _("User erased")
    ADMINISTRATOR_INVITED = ("invitation.sent_to_administrator", ON_HOME,
        _("%(actor)s invited %(address)s as an administrator."), _("Invitation of an administrator sent"))
    INVITATION_REVOKED = ("invitation.revoked", PLAIN,
        _("%(actor)s revoked the invitation of %(address)s."), _("Invitation revoked"))
    INVITATION_ACCEPTED = ("invitation.accepted", ON_HOME,
        _("%(person)s accepted the invitation and joined the account."), _("Invitation accepted"))

    REMINDER_SENT = "reminder.sent", PLAIN, _("%(actor)s reminded %(person)s of the second step."), _("Reminder sent")

    REMINDERS_SENT = ("reminders.sent", PLAIN,
        _("%(actor)s reminded everybody without a second step: %(count)s."), _("Reminders sent"))

    PASSWORD_RESET_REQUESTED = ("password.reset_requested", PLAIN,
        _("A link to a new password was sent to %(person)s."), _("Link to a new password asked for"))
    PASSWORD_RESET_SENT = ("password.reset_sent", ON_HOME,
        _("%(actor)s had a link to a new password sent to %(person)s."),
        _("Link to a new password sent by an administrator"))
    PASSWORD_BREACH_CHECK_FAILED = ("password.breach_check_failed", REFUSAL,
        _("A new password was not compared with the leaked ones: the list did not answer."),
        _("List of leaked passwords did not answer"))
    PASSWORD_RESET_LIMITED = ("password.reset_limited", REFUSAL,
        _("No further link to a new password was sent to %(person)s: three were asked for within an hour."),
        _("Too many links to a new password"))
    PASSWORD_RESET = ("password.reset", ON_HOME | NOTICE,
        _("%(person)s chose a new password by the link in an e-mail."), _("Password chosen by e-mail"))
    PASSWORD_GUESSED = ("password.guessed", ON_HOME | REFUSAL | NOTICE,
        _("A hundred wrong passwords were typed for %(person)s: other browsers now need a link from the mailbox."),
        _("A hundred wrong guesses at a password"))
    BROWSER_LINK_SENT = ("browser.link_sent", PLAIN,
        _("A link that makes a browser known was sent to %(person)s."), _("Link for a browser sent"))
    BROWSER_MADE_KNOWN = ("browser.made_known", ON_HOME,
        _("%(person)s made a browser known by a link in an e-mail."), _("Browser made known by e-mail"))
    PASSWORD_CHANGED = ("password.changed", ON_HOME | NOTICE,
        _("%(person)s changed their own password."), _("Password changed"))
    PASSWORD_FAILED = ("password.failed", ROUTINE | REFUSAL,
        _("A wrong password was typed for %(person)s."), _("Wrong password"))

    SIGN_IN_UNFINISHED = ("sign_in.unfinished", ON_HOME | REFUSAL | NOTICE,
        _("Three sign-ins with the right password of %(person)s were begun in new browsers and not finished."),
        _("Sign-ins not finished"))
    SIGN_IN_PASSWORD_ONLY = ("sign_in.password_only", ROUTINE,
        _("%(person)s signed in with the password alone."), _("Sign-in by password alone"))
    SIGN_IN_PENDING = ("sign_in.pending", ROUTINE,
        _("%(person)s typed the right password; the second step comes next."), _("Right password"))
    SIGN_IN_VERIFIED = ("sign_in.verified", ROUTINE,
        _("%(person)s signed in with a token by %(channel)s."), _("Sign-in"))
    SIGN_IN_NEW_PLACE = ("sign_in.new_place", ON_HOME | NOTICE,
        _("%(person)s signed in from a device or a place that was not seen before."), _("Sign-in from a new place"))

    SIGN_IN_DISAVOWED = ("sign_in.disowned", ON_HOME | REFUSAL,
        _("Somebody at the mailbox of %(person)s said that a sign-in was not theirs; every session was ended."),
        _("Sign-in disputed"))

    SESSION_ENDED_BY_OWNER = ("session.ended_by_owner", PLAIN,
        _("%(person)s ended one of their own sessions."), _("Session ended"))
    SESSION_ENDED = "session.ended", PLAIN, _("%(person)s signed out."), _("Sign-out")

    SESSIONS_ENDED = "sessions.ended", PLAIN, _("The sessions of %(person)s were ended."), _("Sessions ended")

    CHALLENGE_ISSUED = ("challenge.issued", ROUTINE,
        _("A token %(purpose)s was sent to %(person)s by %(channel)s."), _("Token sent"))
    CHALLENGE_FAILED = ("challenge.failed", REFUSAL,
        _("A token %(purpose)s for %(person)s by %(channel)s could not be delivered."), _("Token not delivered"))
    CHALLENGE_WITHHELD = ("challenge.withheld", PLAIN,
        _("A token %(purpose)s for %(person)s was not sent: the limit “%(scope)s” was reached."), _("Token not sent"))

    TOKEN_REFUSED = ("token.refused", REFUSAL,
        _("A wrong token %(purpose)s was typed for %(person)s."), _("Wrong token"))

    SECOND_FACTOR_FAILING = ("second_factor.failing", ON_HOME | REFUSAL | NOTICE,
        _("Wrong tokens keep being typed after the right password of %(person)s."), _("Many wrong tokens"))
    SECOND_FACTOR_LOCKED = ("second_factor.locked", ON_HOME | REFUSAL | NOTICE,
        _("After too many wrong tokens the second step of %(person)s is locked for %(time)s."),
        _("Second step locked"))

    CAPTCHA_REFUSED = "captcha.refused", REFUSAL, _("The captcha of a sign-in was refused."), _("Captcha refused")
    CAPTCHA_OUTAGE = ("captcha.outage", PLAIN,
        _("reCAPTCHA does not answer; the other check takes its place."), _("The captcha service did not answer"))
    CAPTCHA_FALLBACK = ("captcha.fallback", PLAIN,
        _("Somebody passed by the check that stands in for reCAPTCHA."), _("Own captcha used in place of reCAPTCHA"))

    LIMIT_HIT = ("limit.hit", PLAIN,
        _("%(person)s was asked to wait: the limit “%(scope)s” was reached."), _("Limit reached"))

    EVENTS_LEFT_OUT = ("events.left_out", REFUSAL,
        _("%(count)s more events “%(counted)s” about %(person)s were counted, and not written one by one."),
        _("Events counted only"))

    MAILBOX_PROVED = ("mailbox.proved", PLAIN,
        _("%(person)s confirmed the mailbox before a first phone."), _("Mailbox confirmed"))

    PHONE_ENROLLED = ("phone.enrolled", ON_HOME | NOTICE,
        _("%(person)s confirmed the phone %(number)s."), _("Phone confirmed"))
    PHONE_CHANGE_STARTED = ("phone.change_started", PLAIN,
        _("%(person)s began to change the phone to %(number)s."), _("Change of phone begun"))
    PHONE_CHANGED = ("phone.changed", ON_HOME | NOTICE,
        _("%(person)s changed the phone from %(before)s to %(after)s."), _("Phone changed"))
    PHONE_CHANGE_CANCELLED = ("phone.change_cancelled", PLAIN,
        _("%(person)s cancelled the change of phone."), _("Change of phone cancelled"))
    PHONE_DISAVOWED = ("phone.disowned", ON_HOME,
        _("Somebody at the mailbox of %(person)s said that the phone was not theirs; it was removed."),
        _("Phone disputed and removed"))
    PHONE_RESET = ("phone.reset", ON_HOME | NOTICE,
        _("%(actor)s removed the phone %(number)s of %(person)s. Reason: %(reason)s"), _("Phone reset"))
    PHONE_REMOVED = ("phone.removed", ON_HOME | NOTICE,
        _("%(person)s removed the phone, which no longer counts as a second step."), _("Phone removed by its owner"))
    PHONE_SHARED = ("phone.shared", NOTICE,
        _("The phone %(number)s now serves %(people)s people, %(person)s among them."), _("Shared phone"))

    APP_ENROLLED = ("app.enrolled", ON_HOME | NOTICE,
        _("%(person)s set up an authenticator app."), _("Authenticator app set up"))
    APP_REPLACED = ("app.replaced", ON_HOME | NOTICE,
        _("%(person)s replaced the authenticator app."), _("Authenticator app replaced"))
    APP_REMOVED = ("app.removed", ON_HOME | NOTICE,
        _("%(person)s removed the authenticator app."), _("Authenticator app removed"))
    PASSKEY_ADDED = ("passkey.added", ON_HOME | NOTICE,
        _("%(person)s added the passkey “%(name)s”."), _("Passkey added"))
    PASSKEY_REMOVED = ("passkey.removed", ON_HOME | NOTICE,
        _("%(person)s removed the passkey “%(name)s”."), _("Passkey removed"))
    PASSKEY_STEPPED_BACK = ("passkey.stepped_back", ON_HOME | REFUSAL | NOTICE,
        _("The passkey “%(name)s” of %(person)s counted backwards and was refused: somebody may have a copy of it."),
        _("Passkey may have been copied"))
    PASSKEY_ALONE_REFUSED = ("passkey.alone_refused", REFUSAL,
        _("A sign-in of %(person)s by passkey alone was refused."), _("Sign-in by passkey alone refused"))
    CODES_ISSUED = ("codes.issued", ON_HOME | NOTICE,
        _("%(person)s made ten recovery codes."), _("Own recovery codes made"))
    CODES_REMOVED = ("codes.removed", ON_HOME | NOTICE,
        _("%(person)s removed the recovery codes."), _("Own recovery codes removed"))
    CODE_USED = ("codes.used", ON_HOME | NOTICE,
        _("%(person)s used a recovery code of their own; %(left)s are left."), _("Own recovery code used"))
    FACTOR_RENAMED = ("factor.renamed", PLAIN,
        _("%(person)s renamed a second step: %(channel)s."), _("Second step renamed"))
    FACTOR_PREFERRED = ("factor.preferred", PLAIN,
        _("%(person)s chose which second step comes first: %(channel)s."), _("Preferred second step chosen"))

    OLD_FACTOR_PROVED = ("factor.old_proved", PLAIN,
        _("%(person)s proved a second step that no longer counts (%(channel)s), to set up one that does."),
        _("Old second step proved"))

    RECOVERY_CODE_ISSUED = ("recovery_code.issued", ON_HOME | NOTICE,
        _("%(actor)s made a recovery code for %(person)s."), _("Recovery code made"))
    RECOVERY_CODE_USED = ("recovery_code.used", ON_HOME | NOTICE,
        _("%(person)s used the recovery code to set up a phone."), _("Recovery code used"))

    EMAIL_CHANGE_STARTED = ("email.change_started", PLAIN,
        _("%(person)s began to change the e-mail address to %(address)s."), _("Change of e-mail begun"))
    EMAIL_CHANGE_CANCELLED = ("email.change_cancelled", PLAIN,
        _("%(person)s cancelled the change of e-mail address."), _("Change of e-mail cancelled"))
    EMAIL_CHANGED = ("email.changed", NOTICE,
        _("%(person)s changed the e-mail address from %(before)s to %(after)s."), _("E-mail changed"))
    EMAIL_ASKED_FOR_BY_ANOTHER = ("email.wished_by_another", NOTICE,
        _("Somebody else entered the e-mail address of %(person)s as their new one; nothing was changed."),
        _("Change of e-mail asked for by somebody else"))

    REAUTHENTICATION_REFUSED = ("reauthentication.refused", REFUSAL,
        _("%(person)s could not prove who they are."), _("Proof of identity refused"))
    REAUTHENTICATION_STARTED = ("reauthentication.started", PLAIN,
        _("%(person)s was asked to prove who they are, %(purpose)s."), _("Proof of identity asked for"))
    REAUTHENTICATION_PROVED = ("reauthentication.proved", PLAIN,
        _("%(person)s proved who they are, %(purpose)s."), _("Identity confirmed"))
    REAUTHENTICATION_USED = ("reauthentication.used", PLAIN,
        _("%(person)s used the proof of who they are, %(purpose)s."), _("Proof of identity used"))
    REAUTHENTICATION_CANCELLED = ("reauthentication.cancelled", PLAIN,
        _("%(person)s did not go on to prove who they are, %(purpose)s."), _("Proof of identity cancelled"))

    RANGE_CLOSED = ("range.closed", ON_HOME | NOTICE,
        _("SMS to new numbers that begin with %(beginning)s are withheld: too few of the tokens there were typed."),
        _("Range of numbers closed"))
    ACCOUNT_SMS_HALF_USED_UP = ("account_sms.half_spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."), _("Half of the day's SMS have been sent"))
    ACCOUNT_SMS_NEARLY_USED_UP = ("account_sms.nearly_spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."), _("Most of the day's SMS have been sent"))
    ACCOUNT_SMS_NEW_USED_UP = ("account_sms.new_spent", NOTICE,
        _("New browsers and new phones have used up their %(limit)s SMS of the day."),
        _("The day's SMS for new browsers have been sent"))
    ACCOUNT_SMS_USED_UP = ("account_sms.spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."), _("All of the day's SMS have been sent"))

    SYSTEM_SMS_HALF_USED_UP = ("system_sms.half_spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."),
        _("Half of the day's SMS of all accounts have been sent"))
    SYSTEM_SMS_NEARLY_USED_UP = ("system_sms.nearly_spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."),
        _("Most of the day's SMS of all accounts have been sent"))
    SYSTEM_SMS_USED_UP = ("system_sms.spent", NOTICE,
        _("%(used)s of the day's %(limit)s SMS have been sent."),
        _("All of the day's SMS of all accounts have been sent"))

    AUDIT_ARCHIVED = ("audit.archived", PLAIN,
        _("The %(rows)s events of %(month)s went from the audit log into the archive, as file %(number)s."),
        _("Month of the audit log archived"))
    # fmt: on


# The actions that begin a session.
SIGN_INS = (Action.SIGN_IN_PASSWORD_ONLY, Action.SIGN_IN_VERIFIED)
