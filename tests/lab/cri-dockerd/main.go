// cri-dockerd: the CRI for a kubelet whose node runs Docker.
package main

import (
	"os"

	"github.com/Mirantis/cri-dockerd/cmd"
)

func main() {
	if err := cmd.NewDockerCRICommand(make(chan struct{})).Execute(); err != nil {
		os.Exit(1)
	}
}
