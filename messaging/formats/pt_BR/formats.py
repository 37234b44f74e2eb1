"""Brazilian Portuguese: Django writes months with a capital letter, which Portuguese does not."""

DATE_FORMAT = "d/m/Y"
DATETIME_FORMAT = r"d/m/Y \à\s H:i"
YEAR_MONTH_FORMAT = "m/Y"
MONTH_DAY_FORMAT = "d/m"
