"""The portal's own settings, with a captcha that costs the client next to no work.

The portal's part of a captcha stays the same. Its work is the browser's: a client that did it on the same machine would
take the processor from the portal that is measured.
"""

from messaging.settings import *  # noqa: F403

ALTCHA_WORK = 2
