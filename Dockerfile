# The operator's image. It is built from the wheels in dist/wheels (deploy/build-image.sh puts them there,
# hash-checked against requirements.lock), so the build needs no network of its own.
#
# BASE_IMAGE needs: Python 3.11 with venv, CA certificates, and gpg. The default lacks gpg alone, which is
# then installed with apt; behind an air gap, name a base that has it.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS base
RUN if ! [ -s /etc/ssl/certs/ca-certificates.crt ]; then \
      echo "The base image has no CA certificates: give a BASE_IMAGE with the package ca-certificates." >&2; \
      exit 1; \
    fi
RUN command -v gpg \
 || { apt-get update && apt-get install -y --no-install-recommends gpg && rm -rf /var/lib/apt/lists/*; }; \
    if ! command -v gpg; then \
      echo "The base image has no gpg, and apt cannot install it: give a BASE_IMAGE with gpg." >&2; \
      exit 1; \
    fi
RUN echo 'violet:x:65532:65532:violet-operator:/tmp:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'violet:x:65532:' >>/etc/group

FROM base AS build
COPY dist/wheels /wheels
# pip stays in an environment of its own: the one that ships holds the operator and its libraries only.
RUN python3 -m venv /pip \
 && python3 -m venv --without-pip /opt/violet-operator \
 && /pip/bin/pip --python /opt/violet-operator/bin/python install \
      --quiet --no-cache-dir --no-index --find-links /wheels violet-operator

FROM base
COPY --from=build /opt/violet-operator /opt/violet-operator

# The root file system is read-only in the cluster; /tmp is the one place to write.
ENV PATH=/opt/violet-operator/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="violet-operator" \
      org.opencontainers.image.description="Verifies software packages from object storage, pushes their images and publishes them on every target cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

EXPOSE 8080 8081
USER 65532:65532
ENTRYPOINT ["violet-operator"]
CMD ["run"]
