package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const label = "runner-doctor.lab/fleet"

// A fleet is what the API server is told of.
type fleet struct {
	client      kubernetes.Interface
	namespace   string
	address     string
	port        int
	nodes, pods int
	odd         []string
}

func (f *fleet) populate(ctx context.Context) error {
	space := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: f.namespace}}
	made := func() error {
		_, err := f.client.CoreV1().Namespaces().Create(ctx, space, meta.CreateOptions{})
		return err
	}
	// One of an earlier run may still be going.
	err := made()
	for tries := 0; errors.IsAlreadyExists(err) && tries < 600; tries++ {
		time.Sleep(100 * time.Millisecond)
		err = made()
	}
	if err != nil {
		return err
	}
	account := func() error {
		_, err := f.client.CoreV1().ServiceAccounts(f.namespace).Get(ctx, "default", meta.GetOptions{})
		return err
	}
	for tries := 0; account() != nil && tries < 50; tries++ {
		time.Sleep(100 * time.Millisecond)
	}
	if err := each(f.nodes, func(at int) error { return f.node(ctx, at) }); err != nil {
		return err
	}
	return each(f.pods+len(f.odd), func(at int) error {
		name := fmt.Sprintf("runner-%05d", at)
		if at >= f.pods {
			name = f.odd[at-f.pods]
		}
		return f.pod(ctx, name, at%f.nodes)
	})
}

func nodeName(at int) string { return fmt.Sprintf("fleet-%03d", at) }

// A node that is ready, and whose kubelet is ours.
func (f *fleet) node(ctx context.Context, at int) error {
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: nodeName(at), Labels: map[string]string{label: "true"}}, Spec: core.NodeSpec{Unschedulable: true}}
	nodes := f.client.CoreV1().Nodes()
	made, err := nodes.Create(ctx, node, meta.CreateOptions{})
	if err != nil {
		return err
	}
	now := meta.Now()
	made.Status = core.NodeStatus{
		Addresses:       []core.NodeAddress{{Type: core.NodeInternalIP, Address: f.address}},
		DaemonEndpoints: core.NodeDaemonEndpoints{KubeletEndpoint: core.DaemonEndpoint{Port: int32(f.port)}},
		NodeInfo:        core.NodeSystemInfo{KernelVersion: "6.1.0", OSImage: "Debian", OperatingSystem: "linux", ContainerRuntimeVersion: "containerd://2.1.9"},
		Conditions:      []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, LastHeartbeatTime: now, LastTransitionTime: now}},
		Allocatable:     core.ResourceList{core.ResourcePods: resource.MustParse("500")},
	}
	made.ResourceVersion = "" // whatever a controller did to it since
	_, err = nodes.UpdateStatus(ctx, made, meta.UpdateOptions{})
	return err
}

// A runner's pod as the article has it, running.
func (f *fleet) pod(ctx context.Context, name string, node int) error {
	privileged := true
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: core.PodSpec{
			NodeName:    nodeName(node),
			Tolerations: []core.Toleration{{Operator: core.TolerationOpExists}},
			Containers: []core.Container{
				{
					Name:  "runner",
					Image: "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1",
					Env:   []core.EnvVar{{Name: "RUNNER_UUID", Value: "{00000000-0000-4000-8000-000000000000}"}},
				},
				{
					Name:            "docker-in-docker",
					Image:           "docker:20.10.24-dind",
					SecurityContext: &core.SecurityContext{Privileged: &privileged},
				},
			},
		},
	}
	pods := f.client.CoreV1().Pods(f.namespace)
	made, err := pods.Create(ctx, pod, meta.CreateOptions{})
	if err != nil {
		return err
	}
	now := meta.Now()
	made.Status.Phase = core.PodRunning
	for _, container := range made.Spec.Containers {
		made.Status.ContainerStatuses = append(made.Status.ContainerStatuses, core.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true,
			State: core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}},
		})
	}
	made.ResourceVersion = ""
	_, err = pods.UpdateStatus(ctx, made, meta.UpdateOptions{})
	return err
}

// remove needs a context of its own: the one that ended the run is over.
func (f *fleet) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	at_once := int64(0)
	now := meta.DeleteOptions{GracePeriodSeconds: &at_once}
	_ = f.client.CoreV1().Nodes().DeleteCollection(ctx, now, meta.ListOptions{LabelSelector: label})
	_ = f.client.CoreV1().Pods(f.namespace).DeleteCollection(ctx, now, meta.ListOptions{})
	_ = f.client.CoreV1().Namespaces().Delete(ctx, f.namespace, now)
}

// each does it for 0 to count-1, some at once; the first error counts.
func each(count int, do func(int) error) error {
	const atOnce = 16
	var wait sync.WaitGroup
	failed := make(chan error, count)
	places := make(chan struct{}, atOnce)
	for at := range count {
		wait.Add(1)
		places <- struct{}{}
		go func() {
			defer func() { <-places; wait.Done() }()
			if err := do(at); err != nil {
				failed <- err
			}
		}()
	}
	wait.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
