"""The form of a person's own data."""

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import SearchWord, User
from messaging.typed_text import TextField


class ProfileForm(forms.ModelForm):
    """The data that a person may change themselves."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("Same as the browser")), *settings.LANGUAGES],
        required=False,
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "language"]
        field_classes = {"first_name": TextField, "last_name": TextField}

    def save(self, commit: bool = True) -> User:
        """Write the form's fields only: locks and sessions may have changed since the person was read."""
        user: User = self.instance
        with transaction.atomic():
            user.save(update_fields=self._meta.fields)
            SearchWord.objects.renew(user)
        return user
