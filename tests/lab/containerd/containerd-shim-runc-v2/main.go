// containerd-shim-runc-v2 as its own main package has it.
package main

import (
	v2 "github.com/containerd/containerd/runtime/v2/runc/v2"
	"github.com/containerd/containerd/runtime/v2/shim"
)

func main() {
	shim.Run("io.containerd.runc.v2", v2.New)
}
