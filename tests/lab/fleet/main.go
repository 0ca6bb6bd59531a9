// A fleet of runners that do not exist: nodes and pods in the lab's real API
// server, and one kubelet that stands in for all of those nodes. It serves
// exec by the real protocol; instead of a walk it prints a recorded one.
//
// What a pod does in an exec is told by the beginning of its name (behaviours
// below), so that faults which a real node does not show on demand can be seen.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	var fleet fleet
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the lab's")
	flag.StringVar(&fleet.namespace, "namespace", "lab-fleet", "of the pods")
	flag.StringVar(&fleet.address, "address", "", "at which the API server finds this kubelet")
	flag.IntVar(&fleet.port, "port", 10260, "of this kubelet")
	flag.IntVar(&fleet.nodes, "nodes", 50, "how many nodes")
	flag.IntVar(&fleet.pods, "pods", 1000, "how many ordinary pods")
	behaviours := flag.String("behaviours", "", "one more pod for each of these, by comma: "+names())
	delay := flag.Duration("delay", 20*time.Millisecond, "before an exec prints")
	recording := flag.String("recording", "", "a walk as it was printed, its marker rdcapture")
	certificate := flag.String("certificate", "", "of the kubelet")
	key := flag.String("key", "", "of the kubelet")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := run(ctx, &fleet, *kubeconfig, *behaviours, kubelet{delay: *delay}, *recording, *certificate, *key)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// run stands until it is told to end, and then takes everything away.
func run(ctx context.Context, fleet *fleet, kubeconfig, behaviours string, kubelet kubelet, recording, certificate, key string) error {
	walk, err := os.ReadFile(recording)
	if err != nil {
		return err
	}
	kubelet.walk = walk
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 1000
	if fleet.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if fleet.odd, err = odd(behaviours); err != nil {
		return err
	}
	serving := make(chan error, 1)
	go func() { serving <- kubelet.serve(fmt.Sprintf("%s:%d", fleet.address, fleet.port), certificate, key) }()
	defer fleet.remove()
	if err := fleet.populate(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case err := <-serving:
		return err
	case <-ctx.Done():
		return nil
	}
}
