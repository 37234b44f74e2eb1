"""Brazilian Portuguese, with months in lower case: Django writes them with a capital letter."""

DATE_FORMAT = "d/m/Y"
DATETIME_FORMAT = r"d/m/Y \à\s H:i"
YEAR_MONTH_FORMAT = "m/Y"
MONTH_DAY_FORMAT = "d/m"
