package redisstore

import (
	"context"
	"embed"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var scriptFiles embed.FS

// The scripts, by what they do.
var (
	scriptReserve = newScript("reserve")
	scriptAccept  = newScript("accept")
	scriptCancel  = newScript("cancel")
	scriptSettle  = newScript("settle")
	scriptClaim   = newScript("claim")
	scriptStock   = newScript("stock")
	scriptBegin   = newScript("begin")
	scriptRestore = newScript("restore")
	scriptOpen    = newScript("open")
	scriptRemind  = newScript("remind")
)

// script is one Lua script and the digest that Redis knows it by.
type script struct {
	name   string
	source string
	digest string
}

// newScript reads an embedded script; a name that is not there is a mistake of this package.
func newScript(name string) script {
	source, err := scriptFiles.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	return script{name: name, source: string(source), digest: redis.NewScript(string(source)).Hash()}
}

// run executes the script exactly once, or not at all, or reports that this cannot be
// known: see classify. Redis forgets scripts when it restarts and says so before it
// executes anything; the source is sent then.
func (s script) run(ctx context.Context, client redis.UniversalClient, keys []string, args ...any) (any, error) {
	reply, err := call(ctx, client, "evalsha", s.digest, keys, args)
	if hasPrefix(err, "NOSCRIPT") {
		reply, err = call(ctx, client, "eval", s.source, keys, args)
	}
	return reply, err
}

// call sends one command. Its error tells whether the command can have reached Redis.
func call(ctx context.Context, client redis.UniversalClient, command, body string, keys []string, args []any) (any, error) {
	written := &mark{text: body}
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, command, written, len(keys))
	for _, key := range keys {
		all = append(all, key)
	}
	cmd := redis.NewCmd(ctx, append(all, args...)...)
	_ = client.Process(ctx, cmd) // cmd has the error too
	reply, err := cmd.Result()
	return reply, classify(err, written.set.Load())
}

// mark is an argument that notes when it is written out: until then a connection was
// still being waited for, dialled or greeted, and Redis has nothing of the command.
type mark struct {
	text string
	set  atomic.Bool
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (m *mark) MarshalBinary() ([]byte, error) {
	m.set.Store(true)
	return []byte(m.text), nil
}

func hasPrefix(err error, prefix string) bool {
	return err != nil && strings.HasPrefix(redisMessage(err), prefix)
}
