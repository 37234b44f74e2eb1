"""Return in a header how many statements a request ran, only on demand, because counting takes time."""

import os
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

COUNTS = "COUNT_SQL" in os.environ
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class CountingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not COUNTS:
            return self.get_response(request)
        connection.force_debug_cursor = True
        connection.queries_log.clear()
        response = self.get_response(request)
        statements = [query["sql"] for query in connection.queries_log]
        of_transactions = sum(sql.startswith(TRANSACTION) for sql in statements)
        response["X-Statements"] = f"{len(statements) - of_transactions} {of_transactions}"
        return response
