package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"shelfagent/uploader/backend/lambdatest"
	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/backend/pipeline"
)

// TestPipelineStaysWithinItsMemory: one rig with the largest frames there can be does not end the function, in which its
// neighbours' frames are too.
func TestPipelineStaysWithinItsMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own; make test runs this once more without it")
	}
	mototest.Start(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pipelineCloud(t, cfg)
	const mebibytes = 512 // the least that the function may have
	t.Setenv(memoryEnv, strconv.Itoa(mebibytes))
	t.Setenv("GOMEMLIMIT", "") // this machine's is not the function's
	s3event := arrive(t, cfg, deepPNG(t, 4000, pipeline.DefaultMaxBytes-1<<20), "image/png")
	cmd, err := childOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	function := lambdatest.Start(t, cmd)
	record := strings.TrimSuffix(strings.TrimPrefix(s3event, `{"Records":[`), `]}`)
	// In one message: of several, those that a slow machine leaves no time for are postponed.
	often := `{"Records":[` + strings.Join(slices.Repeat([]string{record}, 3), ",") + `]}`
	if answer := string(function.Invoke(queued(t, often))); answer != `{"batchItemFailures":null}` {
		t.Errorf("the answer: %s", answer)
	}
	// Without a limit the heap grows beyond the function's memory on some days, and not on all.
	for _, want := range []string{`"pipeline_result":"valid"`, `"heap_limit":402653184`} {
		if !strings.Contains(function.Log(), want) {
			t.Errorf("the log lacks %s:\n%s", want, function.Log())
		}
	}
	peak := peakMemory(t, cmd.Process.Pid)
	t.Logf("%d MiB of %d", peak>>20, mebibytes)
	if peak > mebibytes<<20 {
		t.Errorf("the function took %d MiB of its %d", peak>>20, mebibytes)
	}
}

// deepPNG is square, with 16 bits for each of four colours, and in its first bytes nothing is predictable.
func deepPNG(t *testing.T, edge, noise int) []byte {
	t.Helper()
	pixels := make([]byte, edge*(1+edge*8))
	_, _ = rand.NewChaCha8([32]byte{}).Read(pixels[:noise]) // never fails
	for y := range edge {
		pixels[y*(1+edge*8)] = 0 // no filter
	}
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(pixels); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, content []byte) {
		file = binary.BigEndian.AppendUint32(file, uint32(len(content)))
		named := append([]byte(name), content...)
		file = binary.BigEndian.AppendUint32(append(file, named...), crc32.ChecksumIEEE(named))
	}
	size := binary.BigEndian.AppendUint32(nil, uint32(edge))
	chunk("IHDR", append(append(size, size...), 16, 6, 0, 0, 0))
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return file
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("SKIPPED: the memory of the pipeline: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		t.Fatalf("VmHWM in /proc/PID/status: %v", err)
	}
	return kib << 10
}
