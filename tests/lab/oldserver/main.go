// kube-apiserver of Kubernetes 1.28, whose exec is older than the lab's: v4.channel.k8s.io only.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
