package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"slices"
	"testing"
	"time"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/s3test"
)

// TestTheFakeKeepsTheContract: the S3 server of the demo is a fake, so it has to pass what the real one passes.
func TestTheFakeKeepsTheContract(t *testing.T) {
	s3test.Contract(t, func(t *testing.T) s3test.Target {
		pki, err := devpki.Create(t.TempDir(), devpki.Options{})
		if err != nil {
			t.Fatal(err)
		}
		server, err := startBucket(pki)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.close)
		return s3test.Target{
			Endpoint: server.endpoint, PKI: pki, Credentials: server.credentials(), Bucket: bucket, Lenient: true,
			Keys: func(t testing.TB) []string { return keys(t, server) },
			Read: func(t testing.TB, key string) s3test.Object { return read(t, server, key) },
		}
	})
}

func keys(t testing.TB, server *bucketServer) []string {
	objects, err := server.objects()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range objects {
		all = append(all, o.key)
	}
	return all
}

func read(t testing.TB, server *bucketServer, key string) s3test.Object {
	found, err := server.memory.GetObject(t.Context(), bucket, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Contents.Close()
	body, err := io.ReadAll(found.Contents)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	object := s3test.Object{
		Key: key, Body: body, ContentType: found.Metadata["Content-Type"], Metadata: map[string]string{},
		SHA256: base64.StdEncoding.EncodeToString(sum[:]),
	}
	for name, value := range found.Metadata {
		if short, ok := bytes.CutPrefix([]byte(name), []byte("X-Amz-Meta-")); ok {
			object.Metadata[string(bytes.ToLower(short))] = value
		}
	}
	return object
}

// The demo is only as good as its judgement.
func TestCompareFindsWhatIsWrong(t *testing.T) {
	at := func(digest string) object { return object{key: "raw/s/d/c/" + digest + ".jpg", digest: digest} }
	for _, tc := range []struct {
		story            string
		want             []string
		have             []object
		missing, surplus int
	}{
		{"all there", []string{"aaaa", "bbbb"}, []object{at("bbbb"), at("aaaa")}, 0, 0},
		{"one lost", []string{"aaaa", "bbbb"}, []object{at("aaaa")}, 1, 0},
		{"one twice", []string{"aaaa"}, []object{at("aaaa"), at("aaaa")}, 0, 1},
		{"one that nobody drew", nil, []object{at("aaaa")}, 0, 1},
		{"another content under a good key", []string{"aaaa"}, []object{{key: "raw/s/d/c/aaaa.jpg", digest: "bbbb"}}, 1, 1},
		{"the right content under a wrong key", []string{"aaaa"}, []object{{key: "raw/s/d/c/bbbb.jpg", digest: "aaaa"}}, 1, 1},
	} {
		missing, surplus := compare(tc.want, tc.have)
		if len(missing) != tc.missing || len(surplus) != tc.surplus {
			t.Errorf("%s: %d missing, %d surplus; want %d, %d", tc.story, len(missing), len(surplus), tc.missing, tc.surplus)
		}
	}
}

// TestCamerasTellTooMuch: the simulated cameras' EXIF is read like a real one's, and stripping it gives back the very
// picture that was drawn, which the demo relies on.
func TestCamerasTellTooMuch(t *testing.T) {
	picture, err := newScene(1).next()
	if err != nil {
		t.Fatal(err)
	}
	taken := time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.FixedZone("", 3600))
	file := withEXIF(picture, exif{make: "Demo", model: "ShelfCam", taken: taken, latitude: 52.52, longitude: 13.405})
	f, err := frame.New(file, frame.Source{ModTime: taken.Add(time.Hour)}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !f.CapturedAt.Equal(taken) || f.TimeSource != frame.TimeEXIF {
		t.Errorf("captured at %s by %s, want %s", f.CapturedAt, f.TimeSource, taken)
	}
	if !slices.Contains(f.Stripped, "gps") || !bytes.Equal(f.Bytes, picture) {
		t.Errorf("stripped %v; the picture itself is unchanged: %v", f.Stripped, bytes.Equal(f.Bytes, picture))
	}
}
