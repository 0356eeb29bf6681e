# moue serve in a container.
#
#   docker build -t moue .
#   docker run --rm -p 127.0.0.1:8000:8000 -e MOUE_API_KEY moue
#
# A reverse proxy with TLS belongs in front of it, see docs/server.md.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/moue && /opt/moue/bin/pip install --no-cache-dir ".[serve]"
COPY scripts/page_material.py ./scripts/
COPY web ./web
RUN /opt/moue/bin/python scripts/page_material.py

# The page, as `make page` builds it.
FROM node:22-slim AS page
WORKDIR /source/web
COPY --from=build /source /source
RUN npm ci --no-audit --no-fund && npm run build

FROM python:3.11-slim
RUN useradd --uid 10001 --system --no-create-home --shell /usr/sbin/nologin moue
COPY --from=build /opt/moue /opt/moue
COPY --from=page /source/src/moue/page/static /opt/moue/lib/python3.11/site-packages/moue/page/static
ENV PATH=/opt/moue/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
# Docker waits 10 seconds after SIGTERM before it kills; requests may take 25: docker stop --time 30.
STOPSIGNAL SIGTERM
ENTRYPOINT ["moue", "serve", "--host", "0.0.0.0", "--port", "8000"]
