"""Masking e-mail addresses for other readers."""


def mask_email(address: str) -> str:
    """Return an address with only the first letter of the mailbox (P-09)."""
    mailbox, _at, domain = address.rpartition("@")
    return f"{mailbox[:1]}•••@{domain}"
