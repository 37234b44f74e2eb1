"""The person together with their phone, in one statement."""

from accounts.backends import LoginOrEmailBackend


class PhoneBackend(LoginOrEmailBackend):
    """Load account and phone with the person, so that the gate costs nothing (architecture.md, decision 5)."""

    related = ("account", "phone_device")
