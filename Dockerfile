# The doctor's image: one static program, no shell, no root. Built without pulling anything:
#
#   rustup target add x86_64-unknown-linux-musl      # and a C compiler for it: musl-tools
#   cargo build --release --target x86_64-unknown-linux-musl
#   docker build -t registry.example/runner-doctor:0.1.0 .
#
# BINARY is where the program lies under this folder.
FROM scratch
ARG BINARY=target/x86_64-unknown-linux-musl/release/runner-doctor
COPY ${BINARY} /runner-doctor
# Nobody, as `runner-doctor job` also demands.
USER 65532:65532
ENTRYPOINT ["/runner-doctor"]
