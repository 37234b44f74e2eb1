"""What may be read of somebody's address where others read it, too."""


def mask_email(address: str) -> str:
    """Return an address of which only the first letter of the mailbox can be read (P-09)."""
    mailbox, _at, domain = address.rpartition("@")
    return f"{mailbox[:1]}•••@{domain}"
