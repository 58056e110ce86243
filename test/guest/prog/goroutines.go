// SPDX-License-Identifier: GPL-2.0-only
// Goroutines: channels, a busy one that is preempted, a server, children, the collector.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func pipeline() {
	numbers, squares := make(chan int), make(chan int, 8)
	var workers sync.WaitGroup
	for i := 0; i < 6; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := range numbers {
				squares <- n * n
			}
		}()
	}
	go func() {
		for i := 0; i < 2000; i++ {
			numbers <- i
		}
		close(numbers)
		workers.Wait()
		close(squares)
	}()
	sum := 0
	for s := range squares {
		sum += s
	}
	fmt.Println("pipeline", sum)
}

// One of them makes no call at all: the run-time library stops it by SIGURG, or nobody else runs.
func preempted() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop, turns atomic.Int64
	started, done := make(chan bool), make(chan bool)
	go func() {
		close(started)
		for stop.Load() == 0 {
		}
		close(done)
	}()
	<-started
	for turns.Load() < 20 {
		runtime.Gosched()
		turns.Add(1)
	}
	stop.Store(1)
	<-done
	fmt.Println("preempted", turns.Load())
}

func server() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, strings.ToUpper(string(body)))
	}))
	answers := make([]string, 12)
	var clients sync.WaitGroup
	for i := range answers {
		clients.Add(1)
		go func(i int) {
			defer clients.Done()
			url := fmt.Sprintf("http://%s/%d", listener.Addr(), i)
			reply, err := http.Post(url, "text/plain", strings.NewReader("body"))
			must(err)
			text, err := io.ReadAll(reply.Body)
			must(err)
			answers[i] = string(text)
		}(i)
	}
	clients.Wait()
	fmt.Println("server", answers)
}

func children() {
	var each sync.WaitGroup
	outputs := make([]string, 5)
	for i := range outputs {
		each.Add(1)
		go func(i int) {
			defer each.Done()
			out, err := exec.Command("sh", "-c", fmt.Sprintf("echo child %d; exit %d", i, i)).Output()
			outputs[i] = fmt.Sprint(strings.TrimSpace(string(out)), " ", err)
		}(i)
	}
	each.Wait()
	fmt.Println("children", outputs)
}

type node struct {
	left, right *node
	value       int
}

func grow(depth int) *node {
	if depth == 0 {
		return &node{value: 1}
	}
	return &node{grow(depth - 1), grow(depth - 1), 1}
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func collected() {
	sums := make(chan int)
	for i := 0; i < 4; i++ {
		go func() {
			sum := 0
			for round := 0; round < 6; round++ {
				sum += grow(12).sum()
				runtime.GC()
			}
			sums <- sum
		}()
	}
	total := 0
	for i := 0; i < 4; i++ {
		total += <-sums
	}
	fmt.Println("collected", total)
}

func main() {
	pipeline()
	preempted()
	server()
	children()
	collected()
}
