# The tracking server: MLflow, with the drivers of its database and its store.
ARG BASE
FROM ${BASE}
COPY ground.txt /ground.txt
RUN python3 -m venv /mlflow \
    && /mlflow/bin/pip install --quiet --disable-pip-version-check --no-cache-dir \
        --require-hashes --requirement /ground.txt
ENV PATH=/mlflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 65532:65532
WORKDIR /tmp
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/health', timeout=5)"]
ENTRYPOINT ["mlflow"]
