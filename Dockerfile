# The doctor's image: one static program, no shell, no root. Built without pulling anything:
#
#   .ci/release
#   docker build -t registry.example/runner-doctor:0.1.0 .
#
# BINARY is where the program lies under this folder.
FROM scratch
ARG BINARY=target/handout/runner-doctor
COPY ${BINARY} /runner-doctor
# Nobody, as `runner-doctor job` also demands.
USER 65532:65532
ENTRYPOINT ["/runner-doctor"]
