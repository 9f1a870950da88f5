# The web app and HTTP API of `mnist-cnn serve`, on the base install, without TensorFlow (docs/serving.md).
#
#   docker build --tag mnist-cnn .
#   docker run --rm --publish 8000:8000 --env MNIST_CNN_TOKEN=secret mnist-cnn
#   docker run --rm --volume "$PWD:/data:ro" mnist-cnn read /data/photo.jpg
FROM python:3.12-slim

COPY constraints.txt pyproject.toml README.md LICENSE NOTICE /build/
COPY src /build/src
# The pinned versions, without the hashes, which pip would then ask of the package itself as well.
RUN sed -E -e '/^ /d' -e 's/ \\$//' /build/constraints.txt > /build/pins.txt \
    && pip install --disable-pip-version-check --no-cache-dir --no-input --constraint /build/pins.txt /build \
    && rm -r /build
RUN useradd --create-home --shell /usr/sbin/nologin digits

USER digits
WORKDIR /home/digits
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Without a shell in between, so that `docker stop` reaches the server, which then finishes what it has begun.
ENTRYPOINT ["mnist-cnn"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
