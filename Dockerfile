FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 VAR_DIR=/srv/var
WORKDIR /srv/messaging

COPY requirements.txt scripts/trim-packages ./
# --no-deps: the lock is complete, and pip cannot resolve extras under hashes.
RUN pip install --require-hashes --no-deps -r requirements.txt \
    && python trim-packages "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && rm trim-packages

COPY . .
RUN pybabel --quiet compile --domain django --directory messaging/locale
# The two keys only let settings load while static files are collected; nothing is signed here
# and neither stays in the image. Production refuses to start without its own.
RUN EMBEDDED=1 SECRET_KEY=build TOKEN_KEY=build FACTOR_KEYS=build python manage.py collectstatic --noinput \
    && python -m compileall -q . \
    && useradd --system --uid 10001 messaging
USER messaging

EXPOSE 8000
# The number of processes is WEB_CONCURRENCY, read by gunicorn itself.
CMD ["gunicorn", "--config", "python:messaging.gunicorn", "messaging.wsgi"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["scripts/healthy"]
