package status

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// asset is a file of the page. Its address changes with its content, so a browser may keep it for good.
type asset struct {
	path, contentType string
	content           []byte
	sum               [sha256.Size]byte
}

func newAsset(path, contentType string, content []byte) asset {
	return asset{path, contentType, content, sha256.Sum256(content)}
}

// URL is the address for the page.
func (a asset) URL() string { return a.path + "?v=" + a.version() }

// Integrity is what the page says that the content must be.
func (a asset) Integrity() string { return "sha256-" + base64.StdEncoding.EncodeToString(a.sum[:]) }

func (a asset) version() string { return hex.EncodeToString(a.sum[:6]) }

func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", `"`+a.version()+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version() {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

// assets are all files of the page.
type assets struct {
	style, script asset
	icons         map[Verdict]asset // "": of a verdict that is not known
	build         string            // changes with any of them, and with the page
}

func readAssets() assets {
	read := func(name string) []byte {
		content, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is part of the program
		}
		return content
	}
	a := assets{
		style:  newAsset("/page.css", "text/css; charset=utf-8", read("page.css")),
		script: newAsset("/page.js", "text/javascript; charset=utf-8", read("page.js")),
		icons:  map[Verdict]asset{},
	}
	for verdict, colour := range iconColours {
		name := string(verdict)
		if name == "" {
			name = "unknown"
		}
		a.icons[verdict] = newAsset("/"+name+".svg", "image/svg+xml", fmt.Appendf(nil, icon, colour))
	}
	all := sha256.New()
	for _, content := range [][]byte{a.style.content, a.script.content, read("page.html"), read("find.html")} {
		all.Write(content)
	}
	a.build = hex.EncodeToString(all.Sum(nil)[:6])
	return a
}

func (a assets) all() []asset {
	return append(slices.Collect(maps.Values(a.icons)), a.style, a.script)
}

// icon is the dot in the browser's tab.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="%s"/></svg>`

var iconColours = map[Verdict]string{Healthy: "#2da44e", Degraded: "#d4a017", Down: "#d1242f", "": "#808a96"}

func (a assets) icon(v Verdict) asset {
	if icon, known := a.icons[v]; known {
		return icon
	}
	return a.icons[""]
}
