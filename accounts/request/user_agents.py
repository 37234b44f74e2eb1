"""The name of a browser, from its User-Agent."""

import re

from django.utils.translation import gettext as _

# In this order: the later names also occur in the User-Agents of the earlier ones.
BROWSERS = (
    (r"\bEdgA?(iOS)?/", "Edge"),
    (r"\bOPR/|\bOpera", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bFirefox/|\bFxiOS/", "Firefox"),
    (r"\bChrome/|\bCriOS/|\bChromium/", "Chrome"),
    (r"\bSafari/", "Safari"),
    (r"\bcurl/", "curl"),
)
SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bWindows\b", "Windows"),
    (r"\bMac OS X\b|\bMacintosh\b", "macOS"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bLinux\b", "Linux"),
)


def named(user_agent: str) -> str:
    """Return "Chrome on Windows" for a User-Agent; empty for an unknown one."""
    browser, system = _found(BROWSERS, user_agent), _found(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system


def family(user_agent: str) -> str:
    """Return the part that stays when a browser is updated, not translated: "Chrome Windows"."""
    return f"{_found(BROWSERS, user_agent)} {_found(SYSTEMS, user_agent)}".strip()


def _found(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, text)), "")
