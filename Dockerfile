FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 VAR_DIR=/srv/var
WORKDIR /srv/messaging

COPY requirements.txt .
# --no-deps: the lock is complete, and pip cannot resolve extras under hashes.
RUN pip install --require-hashes --no-deps -r requirements.txt

COPY . .
# The two keys only let settings load while static files are collected; nothing is signed here
# and neither stays in the image. Production refuses to start without its own.
RUN EMBEDDED=1 SECRET_KEY=build TOKEN_KEY=build python manage.py collectstatic --noinput \
    && python -m compileall -q . \
    && useradd --system --uid 10001 messaging
USER messaging

EXPOSE 8000
# The number of processes is WEB_CONCURRENCY, read by gunicorn itself.
CMD ["gunicorn", "messaging.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["scripts/healthy"]
