package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// A kubelet whose containers print a recorded walk.
type kubelet struct {
	walk  []byte
	delay time.Duration
}

// How a pod of that name behaves in an exec, instead of printing its walk and ending.
var behaviours = map[string]func(kubelet, []byte, io.Writer) error{
	// Says nothing, for longer than anybody waits.
	"never-answers": func(kubelet, []byte, io.Writer) error { time.Sleep(10 * time.Minute); return nil },
	// Prints all of it, and stays.
	"never-ends": func(_ kubelet, walk []byte, out io.Writer) error {
		_, err := out.Write(walk)
		time.Sleep(10 * time.Minute)
		return err
	},
	// The stream ends in the middle of a record.
	"cut": func(_ kubelet, walk []byte, out io.Writer) error {
		_, err := out.Write(walk[:len(walk)/2])
		return err
	},
	// Prints without end.
	"floods": func(_ kubelet, _ []byte, out io.Writer) error {
		block := make([]byte, 1<<16)
		_, _ = rand.Read(block)
		for {
			if _, err := out.Write(block); err != nil {
				return err
			}
		}
	},
	// Prints what is no walk: bytes of every kind.
	"lies": func(_ kubelet, _ []byte, out io.Writer) error {
		block := make([]byte, 1<<20)
		_, _ = rand.Read(block)
		_, err := out.Write(block)
		return err
	},
	// Comes byte by byte.
	"drips": func(_ kubelet, walk []byte, out io.Writer) error {
		for at := range walk {
			if _, err := out.Write(walk[at : at+1]); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	},
	"fails": func(kubelet, []byte, io.Writer) error { return fmt.Errorf("container is not running") },
}

func names() string {
	var all []string
	for name := range behaviours {
		all = append(all, name)
	}
	sort.Strings(all)
	return strings.Join(all, ",")
}

func odd(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	odd := strings.Split(list, ",")
	for _, name := range odd {
		if behaviours[name] == nil {
			return nil, fmt.Errorf("there is no behaviour %q: choose among %s", name, names())
		}
	}
	return odd, nil
}

func (k kubelet) serve(address, certificate, key string) error {
	routes := http.NewServeMux()
	routes.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		remotecommand.ServeExec(w, r, k, r.PathValue("pod"), "", r.PathValue("container"),
			r.URL.Query()["command"], options, 10*time.Minute, 30*time.Second, remotecommand.SupportedStreamingProtocols)
	})
	routes.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", func(http.ResponseWriter, *http.Request) {})
	return http.ListenAndServeTLS(address, certificate, key, routes)
}

var length = regexp.MustCompile(`head -c (\d+)`)
var marker = regexp.MustCompile(`(?m)^walk (\S+)`)

// ExecInContainer reads the script as a shell would, and prints what it printed when it was recorded.
func (k kubelet) ExecInContainer(_ context.Context, pod, _, _ string, command []string, in io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	told := length.FindStringSubmatch(strings.Join(command, " "))
	if told == nil {
		return fmt.Errorf("not a walk: %q", command)
	}
	size, err := strconv.Atoi(told[1])
	if err != nil {
		return err
	}
	script := make([]byte, size)
	if _, err := io.ReadFull(in, script); err != nil {
		return err
	}
	mark := marker.FindSubmatch(script)
	if mark == nil {
		return fmt.Errorf("the walk has no marker")
	}
	time.Sleep(k.delay)
	walk := bytes.ReplaceAll(k.walk, []byte("rdcapture"), mark[1])
	if behave := behaviours[pod]; behave != nil {
		return behave(k, walk, out)
	}
	_, err = out.Write(walk)
	return err
}
