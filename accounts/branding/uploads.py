"""The only file that anybody may upload: an account's logo. No other file is kept."""

from io import BytesIO
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.urls import reverse

from accounts.branding.logos import MAX_BYTES

MAX_READ = 4 * 1024 * 1024  # up to this size a file that is too large gets an error that says so


class LogoUploadHandler(FileUploadHandler):
    """Keep in memory a file that may be a logo; one byte more shows that it is too large."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any) -> None:  # noqa: N803 (Django's)
        """Refuse a request that is too large for any mistake."""
        if content_length > MAX_READ:
            raise RequestDataTooBig("larger than any form of ours")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a file at any other address than the logo's."""
        super().new_file(*args, **kwargs)
        if not self.request or self.request.path_info != reverse("account-logo"):
            raise TooManyFilesSent("no form here takes a file")
        self.kept = b""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep the beginning of the file."""
        self.kept += raw_data[: MAX_BYTES + 1 - len(self.kept)]

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Return the bytes that were kept."""
        return InMemoryUploadedFile(BytesIO(self.kept), self.field_name, "logo", None, len(self.kept), None)
