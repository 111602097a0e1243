# Two images: `--target exporter` and `--target facade`. Each holds its own package, its locked dependencies and no more.
#
#   docker build --target exporter --tag cloud-monitoring/exporter:0.1.0 .
#   docker build --target facade --tag cloud-monitoring/facade:0.1.0 .
#
# PYTHON_DIGEST pins the base's content: `--build-arg PYTHON_DIGEST=@sha256:…`.
ARG PYTHON_VERSION=3.13.9
ARG PYTHON_DIGEST=

FROM python:${PYTHON_VERSION}-slim${PYTHON_DIGEST} AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# Dependencies come as wheels with the hashes of the lock: nothing is compiled, in this stage or later.
FROM base AS exporter-dependencies
COPY requirements-exporter.lock /tmp/requirements.lock
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement /tmp/requirements.lock

FROM base AS facade-dependencies
COPY requirements-facade.lock /tmp/requirements.lock
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement /tmp/requirements.lock

FROM base AS exporter
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Cloud Monitoring exporter" \
      org.opencontainers.image.description="What a Kubernetes node and its pods use, for Prometheus" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# One thread runs at a time: an arena of the allocator for each would only keep memory apart (bench/exporter.py).
ENV PATH=/opt/venv/bin:$PATH \
    MALLOC_ARENA_MAX=1
COPY --from=exporter-dependencies /opt/venv /opt/venv
COPY LICENSE ./
# The exporter knows the metrics' names, and nothing else of promql.
COPY promql/__init__.py promql/names.py promql/
COPY exporter exporter
# The root file system is read-only at run time: what Python would write beside its modules is written now.
RUN python -m compileall -q /app
USER 65532:65532
EXPOSE 9477
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + (os.environ.get('EXPORTER_PORT') or '9477') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "exporter"]

FROM base AS facade
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Cloud Monitoring facade" \
      org.opencontainers.image.description="What a Kubernetes cluster uses, over REST" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:$PATH \
    DEBUG=false
COPY --from=facade-dependencies /opt/venv /opt/venv
COPY LICENSE ./
COPY promql promql
COPY facade facade
RUN python -m compileall -q /app
USER 65532:65532
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + (os.environ.get('PORT') or '5000') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "facade"]
