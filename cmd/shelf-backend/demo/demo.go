package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
)

// What the demo's rig is called, and where its frames go.
const (
	store  = "demo-store"
	rig    = "demo-rig"
	bucket = "demo-frames"
	region = "us-east-1"
	keyARN = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000"
)

// settleTime is how long the last frames may take to arrive after the cameras have stopped.
const settleTime = time.Minute

// Options say how the demo runs.
type Options struct {
	// Agent is the shelf-agent program.
	Agent string
	// For is how long the cameras run; 0 means until ctx ends.
	For time.Duration
	// Out is where progress goes; Terminal says that it can be redrawn.
	Out      io.Writer
	Terminal bool
}

// Run plays the demo. It returns nil only when every captured frame was proven in the bucket, byte for byte,
// and nothing else was there. It leaves nothing behind.
func Run(ctx context.Context, opts Options) (err error) {
	dir, err := os.MkdirTemp("", "shelf-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{opts: opts, dir: dir}
	return d.play(ctx)
}

type demo struct {
	opts   Options
	dir    string
	bucket *bucketServer
	agent  *exec.Cmd
	exited chan error // the agent's end
}

func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.dir}, names...)...)
}

func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.opts.Out, format+"\n", args...) }

func (d *demo) play(ctx context.Context) error {
	// Servers outlive ctx: after Ctrl-C the frames under way still arrive and are counted.
	servers, stopServers := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stopServers()

	if err := d.startServers(servers, &running); err != nil {
		return err
	}
	if err := d.startAgent(); err != nil {
		return err
	}
	defer d.killAgent()
	if err := d.awaitAgent(ctx); err != nil {
		return err
	}
	cameras := newCameras(d.path("capture"))
	if err := d.film(ctx, cameras); err != nil {
		return err
	}
	if err := d.stopAgent(); err != nil {
		return err
	}
	return d.judge(cameras)
}

// startServers starts S3 and the backend on free ports, over TLS, and writes the agent's configuration.
func (d *demo) startServers(ctx context.Context, running *sync.WaitGroup) error {
	pki, err := devpki.Create(d.path("pki"), devpki.Options{Rigs: []devpki.Rig{{Store: store, Rig: rig}}, Valid: 7 * 24 * time.Hour})
	if err != nil {
		return err
	}
	d.bucket, err = startBucket(pki)
	if err != nil {
		return err
	}
	running.Go(func() { <-ctx.Done(); d.bucket.close() })
	d.say("S3       %s/%s  (a development server: in memory, nothing is encrypted or kept)", d.bucket.endpoint, bucket)

	log, err := os.Create(d.path("backend.log"))
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	handler, err := backend.New(ctx, backend.Options{
		TrustDomain: pki.TrustDomain, Log: logger, Policy: backend.Policy{CanariesPerHour: 60},
		S3: backend.S3{
			Bucket: bucket, Region: region, Endpoint: d.bucket.endpoint, PathStyle: true, KMSKeyARN: keyARN,
			Credentials: d.bucket.credentials(),
		},
	})
	if err != nil {
		return err
	}
	config, err := backend.LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Cert, logger)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	running.Go(func() {
		defer func() { _ = log.Close() }()
		if err := backend.Serve(ctx, listener, config, handler, logger); err != nil {
			logger.Error("the backend ended", "error", err)
		}
	})
	d.say("backend  https://%s", listener.Addr())
	return d.writeConfig(pki, listener.Addr().String())
}

func (d *demo) writeConfig(pki *devpki.PKI, backendAddr string) error {
	if err := os.Mkdir(d.path("capture"), 0o755); err != nil {
		return err
	}
	identity := pki.RigFiles(devpki.Rig{Store: store, Rig: rig})
	text := fmt.Sprintf(`state_dir = %q
[capture]
dir = %q
[backend]
url = "https://%s"
ca = %q
certificate = %q
key = %q
[upload]
hosts = ["%s/%s"]
ca = %q
kms_key_arn = %q
[queue]
min_free = "64 MiB"
[status]
socket = %q
listen = "127.0.0.1:0"
[log]
format = "text"
[development]
allow_loopback = true
`, d.path("state"), d.path("capture"), backendAddr, pki.CA.Cert, identity.Cert, identity.Key,
		d.bucket.addr, bucket, pki.CA.Cert, keyARN, d.path("agent.sock"))
	return os.WriteFile(d.path("config.toml"), []byte(text), 0o600)
}

// film lets the cameras run and then the last frames arrive.
func (d *demo) film(ctx context.Context, cameras []*camera) error {
	filming := ctx
	if d.opts.For > 0 {
		var cancel context.CancelFunc
		filming, cancel = context.WithTimeout(ctx, d.opts.For)
		defer cancel()
	}
	d.say("cameras  %s\n", names(cameras))
	var writing sync.WaitGroup
	broken := make(chan error, len(cameras))
	for _, c := range cameras {
		writing.Go(func() {
			if err := c.run(filming); err != nil {
				broken <- err
			}
		})
	}
	board := newBoard(d.opts.Out, d.opts.Terminal, cameras)
	if err := d.watch(filming, board, func(status.Snapshot) bool { return false }); err != nil {
		return err
	}
	writing.Wait()
	select {
	case err := <-broken:
		return fmt.Errorf("a camera cannot write: %w", err)
	default:
	}
	arrived, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	err := d.watch(arrived, board, func(s status.Snapshot) bool { return settled(s, cameras) })
	board.end()
	return err
}

// settled says whether everything that was captured has come to its end.
func settled(s status.Snapshot, cameras []*camera) bool {
	var ended, captured int64
	for _, c := range s.Cameras {
		ended += c.Delivered + c.Rejected + c.Parked
		if c.Files+c.Waiting > 0 {
			return false
		}
	}
	for _, c := range cameras {
		captured += c.counts().captured + c.counts().spoiled
	}
	return ended >= captured
}

// watch shows progress until ctx ends or done says so. It fails when the agent has ended.
func (d *demo) watch(ctx context.Context, board *board, done func(status.Snapshot) bool) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		snapshot, err := status.Ask(ask, d.path("agent.sock"))
		cancel()
		if err == nil {
			board.show(snapshot)
			if done(snapshot) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.exited:
			d.exited <- err
			return fmt.Errorf("the agent ended by itself (%w); its log:\n%s", cmp.Or(err, errEnded), d.logTail())
		case <-tick.C:
		}
	}
}
