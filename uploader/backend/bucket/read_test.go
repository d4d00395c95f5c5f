package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/backend/s3test"
)

var picture = []byte("a picture of a shelf")

// reply is what a server that may lie says of an object.
type reply struct {
	status    int
	header    map[string]string
	body      []byte
	length    int // 0: the body's
	codeInXML string
}

func sum64(body []byte) string {
	digest := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(digest[:])
}

func encryptedWith(key string) map[string]string {
	return map[string]string{
		"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key,
		"x-amz-checksum-sha256": sum64(picture),
	}
}

func (r reply) with(name, value string) reply {
	header := map[string]string{}
	for n, v := range r.header {
		header[n] = v
	}
	header[name] = value
	r.header = header
	return r
}

func (r reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, value := range r.header {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	if r.codeInXML != "" {
		w.WriteHeader(r.status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", r.codeInXML)
		return
	}
	if r.length > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(r.length))
	}
	w.Write(r.body)
}

// TestFaultsAreToldApart speaks to a server that answers everything that S3 may, and things that it never should.
func TestFaultsAreToldApart(t *testing.T) {
	good := reply{header: encryptedWith(testKey), body: picture}
	flipped := bytes.Clone(picture)
	flipped[3] ^= 1
	tests := []struct {
		name  string
		reply reply
		key   string // "": the picture's
		fault Fault  // "": none, if ok; else another error
		ok    bool
	}{
		{name: "whole", reply: good, ok: true},
		{name: "whole, and S3 keeps no checksum", reply: good.with("x-amz-checksum-sha256", ""), ok: true},
		{name: "whole, at a key without a digest", reply: good, key: "raw/4711/a.jpg", ok: true},
		{name: "dual-layer encryption with the key", reply: good.with("x-amz-server-side-encryption", "aws:kms:dsse"), ok: true},
		{name: "a flipped bit", reply: reply{header: good.header, body: flipped}, fault: Damaged},
		{name: "a flipped bit, and S3 keeps no checksum", reply: reply{header: good.header, body: flipped}.with("x-amz-checksum-sha256", ""), fault: Damaged},
		{name: "a flipped bit, and S3 keeps the checksum of that", fault: Damaged,
			reply: reply{header: good.header, body: flipped}.with("x-amz-checksum-sha256", sum64(flipped))},
		{name: "a flipped bit at a key without a digest", reply: reply{header: good.header, body: flipped}, key: "raw/4711/a.jpg", fault: Damaged},
		{name: "the whole picture of another key", reply: good, key: keyOf([]byte("another")), fault: Damaged},
		{name: "nothing to hold it against", reply: good.with("x-amz-checksum-sha256", ""), key: "raw/4711/a.jpg", fault: Damaged},
		{name: "empty", reply: reply{header: good.header}, fault: Damaged},
		{name: "cut off", reply: reply{header: good.header, body: picture[:5], length: len(picture)}},
		{name: "longer", reply: reply{header: good.header, body: append(bytes.Clone(picture), '!')}, fault: Damaged},
		{name: "not encrypted", reply: good.with("x-amz-server-side-encryption", ""), fault: WrongKey},
		{name: "encrypted by S3's own key", reply: good.with("x-amz-server-side-encryption", "AES256"), fault: WrongKey},
		{name: "encrypted with another key", reply: reply{header: encryptedWith(otherKey), body: picture}, fault: WrongKey},
		{name: "encrypted with a key that has no name", reply: reply{header: encryptedWith(""), body: picture}, fault: WrongKey},
		{name: "another key and damaged", reply: reply{header: encryptedWith(otherKey), body: flipped}, fault: WrongKey},
		{name: "no object", reply: reply{status: 404, codeInXML: "NoSuchKey"}, fault: Absent},
		{name: "deleted", reply: reply{status: 404, codeInXML: "NoSuchKey", header: map[string]string{"x-amz-delete-marker": "true"}}, fault: Absent},
		{name: "no bucket", reply: reply{status: 404, codeInXML: "NoSuchBucket"}, fault: Absent},
		{name: "forbidden", reply: reply{status: 403, codeInXML: "AccessDenied"}, fault: Denied},
		{name: "may not decrypt", reply: reply{status: 403, codeInXML: "KMS.DisabledException"}, fault: Denied},
		{name: "archived", reply: reply{status: 403, codeInXML: "InvalidObjectState"}, fault: Archived},
		{name: "a page of somebody else", reply: reply{status: 404, codeInXML: "Whatever"}},
		{name: "a bad request", reply: reply{status: 400, codeInXML: "InvalidRequest"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.reply)
			defer server.Close()
			b := open(t, at(server.URL), nil)
			key := test.key
			if key == "" {
				key = keyOf(picture)
			}
			path := filepath.Join(t.TempDir(), "frame.jpg")
			var out bytes.Buffer
			_, saved := b.Save(t.Context(), key, path, false)
			_, printed := b.Print(t.Context(), key, &out)
			for _, err := range []error{saved, printed} {
				var fault *Error
				switch {
				case test.ok && err != nil:
					t.Error(err)
				case test.fault != "":
					wantFault(t, err, test.fault)
				case !test.ok && (err == nil || errors.As(err, &fault)):
					t.Errorf("error %v, want one that is no fault of the object", err)
				}
			}
			wantOnly(t, filepath.Dir(path), test.ok)
			if test.ok != (out.Len() > 0) {
				t.Errorf("%d bytes were printed", out.Len())
			}
		})
	}
}

// wantOnly wants the one whole file, or nothing at all.
func wantOnly(t *testing.T, dir string, whole bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !whole {
		if len(entries) > 0 {
			t.Errorf("left behind: %v", entries)
		}
		return
	}
	if len(entries) != 1 {
		t.Fatalf("%v, want the one file", entries)
	}
	got, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil || !bytes.Equal(got, picture) {
		t.Errorf("%q (%v)", got, err)
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	b := open(t, at(server.URL), nil)
	_, err := b.Read(t.Context(), keyOf(picture), &bytes.Buffer{})
	var fault *Error
	if err == nil || errors.As(err, &fault) || !strings.Contains(err.Error(), "cannot be asked") {
		t.Errorf("error %v, want that S3 cannot be asked", err)
	}
}

func TestSaveReplacesOnlyWhenTold(t *testing.T) {
	server := httptest.NewServer(reply{header: encryptedWith(testKey), body: picture})
	defer server.Close()
	b := open(t, at(server.URL), nil)
	path := filepath.Join(t.TempDir(), "frame.jpg")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Save(t.Context(), keyOf(picture), path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("the file is now %q", got)
	}
	if _, err := b.Save(t.Context(), keyOf(picture), path, true); err != nil {
		t.Error(err)
	}
	wantOnly(t, filepath.Dir(path), true)
}

// What is refused halfway leaves the old file as it was.
func TestOldFileOutlivesADamagedNewOne(t *testing.T) {
	server := httptest.NewServer(reply{header: encryptedWith(testKey), body: []byte("something else")})
	defer server.Close()
	b := open(t, at(server.URL), nil)
	path := filepath.Join(t.TempDir(), "frame.jpg")
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := b.Save(t.Context(), keyOf(picture), path, true)
	wantFault(t, err, Damaged)
	wantOnly(t, filepath.Dir(path), true)
}

func TestReadFromMoto(t *testing.T) {
	b := open(t, at(mototest.Start(t)), nil)
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.name}); err != nil {
		t.Fatal(err)
	}
	b.put(t, keyOf(picture), picture, testKey)
	b.put(t, "raw/4711/foreign", picture, otherKey)
	var out bytes.Buffer
	got, err := b.Read(t.Context(), keyOf(picture), &out)
	if err != nil || !bytes.Equal(out.Bytes(), picture) || got.ContentType != "image/jpeg" || got.Metadata["store"] != "4711" || got.Bytes != int64(len(picture)) {
		t.Errorf("%+v, %q (%v)", got, &out, err)
	}
	_, err = b.Read(t.Context(), "raw/4711/foreign", &out)
	wantFault(t, err, WrongKey)
	_, err = b.Read(t.Context(), "raw/4711/absent", &out)
	wantFault(t, err, Absent)
	elsewhere := at(*b.client.Options().BaseEndpoint)
	elsewhere.Bucket = "nobodys"
	_, err = open(t, elsewhere, nil).Read(t.Context(), keyOf(picture), &out)
	wantFault(t, err, Absent)
}

// TestReadFromARealServer: versitygw keeps checksums, checks signatures, and knows no SSE-KMS. Its objects are therefore
// refused, unless something in between says what S3 would say.
func TestReadFromARealServer(t *testing.T) {
	server := s3test.Start(t)
	server.CreateBucket(t, testBucket)
	o := at(server.Endpoint)
	o.Credentials = server.Credentials()
	b := open(t, o, server.HTTPClient())
	b.put(t, keyOf(picture), picture, "")
	_, err := b.Read(t.Context(), keyOf(picture), &bytes.Buffer{})
	wantFault(t, err, WrongKey)
	_, err = b.Read(t.Context(), "raw/4711/absent", &bytes.Buffer{})
	wantFault(t, err, Absent)

	stranger := at(server.Endpoint)
	_, err = open(t, stranger, server.HTTPClient()).Read(t.Context(), keyOf(picture), &bytes.Buffer{})
	wantFault(t, err, Denied)

	says := *server.HTTPClient()
	says.Transport = kmsSayer{says.Transport}
	var out bytes.Buffer
	if _, err = open(t, o, &says).Read(t.Context(), keyOf(picture), &out); err != nil || !bytes.Equal(out.Bytes(), picture) {
		t.Errorf("%q (%v)", &out, err)
	}
	b.put(t, keyOf([]byte("another")), picture, "")
	_, err = open(t, o, &says).Read(t.Context(), keyOf([]byte("another")), &out)
	wantFault(t, err, Damaged)
}

// kmsSayer adds the headers that S3 would send.
type kmsSayer struct{ http.RoundTripper }

func (k kmsSayer) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := k.RoundTripper.RoundTrip(r)
	if err == nil {
		for name, value := range encryptedWith(testKey) {
			if !strings.Contains(name, "checksum") {
				response.Header.Set(name, value)
			}
		}
	}
	return response, err
}

func TestReadStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply{header: encryptedWith(testKey), body: picture[:4], length: len(picture)}.ServeHTTP(w, r)
		http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	dir := t.TempDir()
	if _, err := open(t, at(server.URL), nil).Save(ctx, keyOf(picture), filepath.Join(dir, "frame.jpg"), false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantOnly(t, dir, false)
}
