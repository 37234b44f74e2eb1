#!/usr/bin/env python3
import os
import sys


def main() -> None:
    """Run a management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")  # noqa: TID251 (where they are)
    from django.core.management import execute_from_command_line

    from messaging.safety import load_settings

    load_settings()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
