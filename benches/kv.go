// The kv server of kv.go with Go's net/rpc/jsonrpc, and a client that measures a server.
//
//	kv serve                      prints its address, and serves until it is killed
//	kv calls ADDR CLIENTS KIND MS prints how many calls a second so many clients make; KIND is
//	                              "fresh", a connection for each call, or "kept"
package main

import (
	"fmt"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type KV struct {
	mu   sync.Mutex
	data map[string]string
}

type PutArgs struct{ Key, Value string }
type PutReply struct{}
type GetArgs struct{ Key string }
type GetReply struct{ Value string }

func (kv *KV) Put(args *PutArgs, reply *PutReply) error {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.data[args.Key] = args.Value
	return nil
}

func (kv *KV) Get(args *GetArgs, reply *GetReply) error {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	reply.Value = kv.data[args.Key]
	return nil
}

func serve() {
	server := rpc.NewServer()
	check(server.RegisterName("KV", &KV{data: map[string]string{}}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	for {
		conn, err := listener.Accept()
		check(err)
		go server.ServeCodec(jsonrpc.NewServerCodec(conn))
	}
}

func dial(addr string) *rpc.Client {
	conn, err := net.Dial("tcp", addr)
	check(err)
	return rpc.NewClientWithCodec(jsonrpc.NewClientCodec(conn))
}

func get(client *rpc.Client) {
	var reply GetReply
	check(client.Call("KV.Get", &GetArgs{"subject"}, &reply))
	if reply.Value != "6.824" {
		log.Fatal("the server must answer what was put")
	}
}

func calls(addr string, clients int, kept bool, length time.Duration) float64 {
	client := dial(addr)
	check(client.Call("KV.Put", &PutArgs{"subject", "6.824"}, &PutReply{}))
	client.Close()
	var all sync.WaitGroup
	var count int64
	begun := time.Now()
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			client := dial(addr)
			for time.Since(begun) < length {
				get(client)
				atomic.AddInt64(&count, 1)
				if !kept {
					client.Close()
					client = dial(addr)
				}
			}
			client.Close()
		}()
	}
	all.Wait()
	return float64(count) / time.Since(begun).Seconds()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	if os.Args[1] == "serve" {
		serve()
	}
	clients, err := strconv.Atoi(os.Args[3])
	check(err)
	ms, err := strconv.Atoi(os.Args[5])
	check(err)
	fmt.Println(calls(os.Args[2], clients, os.Args[4] == "kept", time.Duration(ms)*time.Millisecond))
}
