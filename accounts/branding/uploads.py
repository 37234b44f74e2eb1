"""The one file that anybody may send: an account's logo. No other is kept, not even for a moment."""

from io import BytesIO
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.urls import reverse

from accounts.branding.logos import MOST_BYTES

MOST_READ = 4 * 1024 * 1024  # what is too large for a logo is still told so, up to here


class LogoUploadHandler(FileUploadHandler):
    """Keep in memory what may be a logo, and a byte more where it is too large to be one."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any) -> None:  # noqa: N803 (Django's)
        """Refuse what is larger than anybody's mistake."""
        if content_length > MOST_READ:
            raise RequestDataTooBig("larger than any form of ours")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a file anywhere but where a logo is sent to."""
        super().new_file(*args, **kwargs)
        if not self.request or self.request.path_info != reverse("account-logo"):
            raise TooManyFilesSent("no form here takes a file")
        self.kept = b""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep the beginning."""
        self.kept += raw_data[: MOST_BYTES + 1 - len(self.kept)]

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Return what was kept."""
        return InMemoryUploadedFile(BytesIO(self.kept), self.field_name, "logo", None, len(self.kept), None)
