# The image of a release: one static program, no shell, no root. .ci/release writes one program for each architecture.
#
#   .ci/release
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example/runner-doctor:0.2.0 .
FROM scratch
ARG TARGETARCH=amd64
ARG BINARY=target/handout/runner-doctor-linux-${TARGETARCH}
COPY ${BINARY} /runner-doctor
# `runner-doctor job` also demands a user that is not root.
USER 65532:65532
ENTRYPOINT ["/runner-doctor"]
