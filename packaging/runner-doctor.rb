# Template of the Homebrew formula: .ci/release fills in @VERSION@, @REPOSITORY@ and the checksums.
class RunnerDoctor < Formula
  desc "Diagnose hanging and failing builds in Docker-in-Docker runners"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "MIT"
  depends_on :linux

  on_intel do
    url "@REPOSITORY@/releases/download/v@VERSION@/runner-doctor-linux-amd64.tar.gz"
    sha256 "@SHA256_AMD64@"
  end
  on_arm do
    url "@REPOSITORY@/releases/download/v@VERSION@/runner-doctor-linux-arm64.tar.gz"
    sha256 "@SHA256_ARM64@"
  end

  def install
    bin.install "runner-doctor"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/runner-doctor --version")
  end
end
