package status

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is a real browser, without a window.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("chromium is missing: apt-get install chromium")
	}
	t.Skip("SKIPPED: THE PAGE IS NOT LOOKED AT IN A REAL BROWSER. apt-get install chromium")
	return ""
}

// chrome is one Chromium, with an empty profile, that speaks to nobody but the page.
type chrome struct{ ctx context.Context }

func start(t *testing.T) *chrome {
	t.Helper()
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox) // Chromium does not start as root with it
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(end)
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(log.New(os.Stderr, "chromium: ", 0).Printf))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return &chrome{ctx}
}

// tab is one page in the browser, and all that the browser had against it.
type tab struct {
	t     *testing.T
	ctx   context.Context
	close func()

	mu         sync.Mutex
	complaints []string // guarded by mu
}

// screen is what the page is looked at on.
type screen struct{ width, height int64 }

var (
	phone   = screen{360, 740}
	desktop = screen{1280, 900}
)

func (c *chrome) open(t *testing.T, s screen, steps ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, end := chromedp.NewContext(c.ctx, chromedp.WithListener(b.hear))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // it makes the tab, which lives as long as the context of this
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	b.ctx, b.close = ctx, end
	b.run(tell(cdplog.Enable, cdp.Empty{}), chromedp.EmulateViewport(s.width, s.height), inTheme("light"))
	b.run(steps...)
	return b
}

// inTheme makes a browser of somebody who likes it "light" or "dark".
func inTheme(theme string) chromedp.Action[chromedp.Void] {
	return tell(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
}

// tell is a command of the browser's own as a step.
func tell[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// hear notes errors and warnings: of scripts, and of the browser itself, such as what the content policy forbids.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
	case *cdplog.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
	}
}

func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		b.t.Errorf("the browser complains: %s", complaint)
	}
}

func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// value runs an action that has one.
func value[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// ask evaluates an expression in the page.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	return value(b, chromedp.Evaluate[T](expression))
}

// until waits for an expression to be true, on this page or on one that it leads to.
func (b *tab) until(expression string) {
	b.t.Helper()
	wait := fmt.Sprintf("new Promise((done) => { const look = () => ((%s) ? done(true) : setTimeout(look, 20)); look(); })", expression)
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	for {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](wait, chromedp.EvalAwaitPromise)); err == nil {
			return
		} else if ctx.Err() != nil {
			b.t.Fatalf("it does not become true: %s: %v\n%s", expression, err, ask[string](b, "document.body.innerText"))
		}
	}
}

// picture keeps what is seen for people: .artefacts/page/<name>.png.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir, err := filepath.Abs("../../.artefacts/page")
	if err != nil {
		b.t.Fatal(err)
	}
	png := value(b, chromedp.FullScreenshot(100))
	path := filepath.Join(dir, name+".png")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("a picture of the page: %s", path)
}

// words is all text that is shown.
func (b *tab) words() string {
	b.t.Helper()
	return strings.Join(strings.Fields(ask[string](b, "document.body.innerText")), " ")
}
