package status

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"shelfagent/agent/health"
)

// TestInABrowser looks at the page as people do: in a real browser, on a phone and on a screen.
func TestInABrowser(t *testing.T) {
	c := start(t)
	for name, look := range map[string]func(*testing.T, *chrome){
		"content": lookAtContent, "news": lookAtNews, "the agent goes": lookAtTheEnd, "one too many": lookOverShoulders, "keyboard": useTheKeyboard,
		"without script": useNoScript, "assistive": listenToIt, "pictures": takePictures,
	} {
		t.Run(name, func(t *testing.T) { look(t, c) })
	}
}

// wrong is a shop with three things wrong, in the words that people read.
func wrong() Options {
	opts := shown(down(5))
	s := opts.Snapshot()
	began := map[health.Code]time.Duration{health.LinkDown: 42 * time.Minute, health.CameraFrozen: 3 * time.Hour, health.CertificateEnds: 26 * time.Hour}
	s.Conditions = nil
	for _, code := range []health.Code{health.LinkDown, health.CameraFrozen, health.CertificateEnds} {
		for _, c := range health.All() {
			if c.Code == code {
				s.Conditions = append(s.Conditions, Condition{
					Code: string(c.Code), Severity: c.Severity.String(), Title: c.Title, Meaning: c.Meaning, Do: c.Do, Since: time.Now().Add(-began[code]),
				})
			}
		}
	}
	s.Conditions[0].Detail = "S3: no answer in time"
	s.Conditions[1].Subject, s.Conditions[1].Detail = "aisle-3", "104 frames in a row look the same"
	s.Conditions[2].Detail = "it ends on " + time.Now().Add(30*time.Hour).UTC().Format("2006-01-02 15:04 MST")
	s.Link.CertificateExpires = time.Now().Add(30 * time.Hour)
	s.Cameras[4].Picture = time.Time{}
	s.Cameras[4].Files, s.Cameras[4].Parked = 3, 1
	opts.Snapshot = func() Snapshot { return s }
	return opts
}

func lookAtContent(t *testing.T, c *chrome) {
	s := show(t, wrong())
	p := c.open(t, desktop, chromedp.Navigate(s.Page()))
	p.until(`document.querySelectorAll("img").length === 4 && [...document.images].every(i => i.complete && i.naturalWidth === 320)`)
	text := p.words()
	for _, words := range []string{
		"Not working. The link is down.", "What to do: Check the router and the network cable", "critical, for 42 min", "A camera sends the same picture again and again: aisle-3",
		"20160 frames waiting (9.7 GB)", "down for 42 min: no answer in time", "41 GB free of 62 GB", "no picture yet", "Where is my picture?", "IMG_00429.jpg",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("the page does not say %q:\n%s", words, text)
		}
	}
	if title := ask[string](p, "document.title"); title != "down – 4711/left" {
		t.Errorf("title %q", title)
	}
	for expression, want := range map[string]bool{
		`document.querySelector("h1").getBoundingClientRect().bottom < 200`:                                                                  true, // the verdict first
		`document.querySelector(".condition").compareDocumentPosition(document.querySelector(".card")) === Node.DOCUMENT_POSITION_FOLLOWING`: true,
		`document.querySelectorAll("svg rect").length === 5 * 24`:                                                                            true,
		`document.cookie === "" && localStorage.length === 0`:                                                                                true,
		`performance.getEntriesByType("resource").every(e => e.name.startsWith(location.origin))`:                                            true,
	} {
		if got := ask[bool](p, expression); got != want {
			t.Errorf("%s is %v", expression, got)
		}
	}
	p.quiet()
}

// lookAtNews: a camera goes silent, and the page says so by itself, while somebody types.
func lookAtNews(t *testing.T, c *chrome) {
	var silent atomic.Bool
	opts := shown(healthy(3))
	well := opts.Snapshot()
	opts.Snapshot = func() Snapshot {
		s := well
		if !silent.Load() {
			return s
		}
		s.Verdict = Degraded
		s.Conditions = []Condition{{
			Code: "camera_silent", Severity: "warning", Title: "A camera is silent", Subject: "aisle-2", Since: time.Now(),
			Meaning: "It has written no frame for too long.", Do: "Check its power and its network cable.",
		}}
		return s
	}
	s := quickly(t, opts, 50*time.Millisecond, time.Hour)
	p := c.open(t, desktop, chromedp.Navigate(s.Page()))
	p.until(`document.querySelector("h1").textContent === "All is well."`)
	p.run(chromedp.SendKeys(chromedp.CSS("input[name=file]"), "IMG_"))
	ask[bool](p, `document.querySelector("h1").mine = true; document.images[1].onload = () => { document.images[1].again = true }; document.images[1].mine = true`)
	silent.Store(true)
	p.until(`document.querySelector("h1").textContent === "Frames flow, but someone should look. A camera is silent."`)
	p.until(`document.querySelector(".condition h2").textContent === "A camera is silent: aisle-2"`)
	p.until(`document.querySelectorAll(".card")[1].classList.contains("warning")`)
	p.until(`document.title === "degraded – 4711/left"`)
	for _, expression := range []string{
		`document.querySelector("h1").mine && document.images[1].mine && !document.images[1].again`, // nothing flickers
		`document.activeElement.name === "file" && document.activeElement.value === "IMG_"`,
		`document.querySelector("#connection").textContent === ""`,
	} {
		if !ask[bool](p, expression) {
			t.Errorf("it is not so: %s", expression)
		}
	}
	silent.Store(false)
	p.until(`document.querySelector("h1").textContent === "All is well." && !document.querySelector(".condition")`)
	p.quiet()
}

// lookAtTheEnd: a page without an agent must not look well.
func lookAtTheEnd(t *testing.T, c *chrome) {
	opts := shown(healthy(1))
	opts.Socket = shortDir(t) + "/agent.sock"
	server := mustListen(t, opts)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	p := c.open(t, desktop, chromedp.Navigate(server.Page()))
	p.until(`document.querySelector("h1").textContent === "All is well."`)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.until(`/^The agent does not answer\. This is how it was at \d\d:\d\d:\d\d\.$/.test(document.querySelector("#connection").textContent)`)
	if !ask[bool](p, `document.querySelector("#connection").getBoundingClientRect().top < 100`) {
		t.Error("it is not said where people look")
	}
	if green := ask[string](p, `getComputedStyle(document.querySelector(".verdict")).backgroundColor`); green != "rgb(233, 237, 242)" {
		t.Errorf("the old verdict still looks well: %s", green)
	}
	p.measure("agent gone")
	p.picture("agent-gone-desktop-light")
}

// lookOverShoulders: a page that finds no place reloads itself, and does not say that the agent is gone.
func lookOverShoulders(t *testing.T, c *chrome) {
	s := show(t, shown(healthy(1)))
	for range maxSubscribers {
		watch(t, s).until("event: hello")
	}
	p := c.open(t, desktop, chromedp.Navigate(s.Page()))
	p.until(`performance.getEntriesByType("navigation")[0].type === "reload" && document.querySelector("#connection").textContent === ""`)
}

// useTheKeyboard: everything that can be used is reached by Tab, in the order of the page, and is seen to be.
func useTheKeyboard(t *testing.T, c *chrome) {
	p := c.open(t, phone, chromedp.Navigate(show(t, shown(degraded(2))).Page()))
	const usable = `[...document.querySelectorAll("a[href], input, select, button")].map(e => e.name || e.textContent.trim())`
	want := ask[[]string](p, usable)
	if len(want) < 10 {
		t.Fatalf("what can be used: %v", want)
	}
	for i, name := range want {
		p.run(chromedp.KeyEvent(kb.Tab))
		if got := ask[string](p, `document.activeElement.name || document.activeElement.textContent.trim()`); got != name {
			t.Errorf("stop %d is %q, want %q", i, got, name)
		}
		if !ask[bool](p, `getComputedStyle(document.activeElement).outlineStyle !== "none" && document.activeElement.getBoundingClientRect().width > 0`) {
			t.Errorf("nothing shows that %q has the focus", name)
		}
	}
	p.run(chromedp.Focus(chromedp.CSS("input[name=file]")), chromedp.KeyEvent("IMG_00042.jpg"+kb.Enter))
	p.until(`location.pathname === "/find" && document.querySelector(".trail")`)
	if text := p.words(); !strings.Contains(text, "needs a person") || !strings.Contains(text, "frame_refused: the policy says no") {
		t.Error(text)
	}
	p.quiet()
}

// useNoScript: what the page is for works in a browser that runs none.
func useNoScript(t *testing.T, c *chrome) {
	s := show(t, wrong())
	p := c.open(t, phone, tell(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}), chromedp.Navigate(s.Page()))
	body, meta := value(p, chromedp.OuterHTML(chromedp.CSS("body"))), value(p, chromedp.OuterHTML(chromedp.CSS("head")))
	for _, part := range []string{"Not working. The link is down.", "What to do:", "<svg", `<img src="/picture/aisle-1?`, "The last frames"} {
		if !strings.Contains(body, part) {
			t.Errorf("without a script there is no %s", part)
		}
	}
	if !strings.Contains(meta, `<noscript><meta http-equiv="refresh" content="10"></noscript>`) {
		t.Errorf("the page does not renew itself: %s", meta)
	}
	p.run(chromedp.SendKeys(chromedp.CSS("input[name=file]"), "IMG_00042.jpg"+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".trail")))
	if trail := value(p, chromedp.Text(chromedp.CSS(".trail"))); !strings.Contains(trail, "It waits in the queue for a person.") {
		t.Error(trail)
	}
	p.quiet()
}

// listenToIt reads the page as a screen reader does.
func listenToIt(t *testing.T, c *chrome) {
	p := c.open(t, desktop, chromedp.Navigate(show(t, wrong()).Page()))
	p.until(`[...document.images].every(i => i.complete)`)
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		name := ""
		if n.Name != nil {
			name = strings.Trim(string(n.Name.Value), `"`)
		}
		said[role] = append(said[role], name)
		switch role {
		case "image", "textbox", "combobox", "button", "link", "region", "search", "heading":
			if name == "" {
				t.Errorf("a %s has no name", role)
			}
		}
	}
	for role, least := range map[string]int{"banner": 1, "main": 1, "contentinfo": 1, "search": 1, "region": 4, "heading": 12, "status": 2, "image": 9, "listitem": 8} {
		if len(said[role]) < least {
			t.Errorf("%d of role %s, want %d: %q", len(said[role]), role, least, said[role])
		}
	}
	if live := ask[int](p, `document.querySelectorAll("[aria-live], [role=status], [role=alert]").length`); live != 2 {
		t.Errorf("%d things interrupt whoever listens, want 2: the verdict, and that the agent is gone", live)
	}
	if levels := ask[string](p, `[...document.querySelectorAll("h1, h2, h3")].map(h => h.tagName[1]).join("")`); strings.Count(levels, "1") != 1 || levels[0] != '1' {
		t.Errorf("headings of levels %s", levels)
	}
	p.quiet()
}

// tooWide lists what is beyond the right edge.
const tooWide = `[...document.querySelectorAll("body *")].filter(e => !e.closest(".skip") && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 120))`

// pale lists the words whose contrast with what is behind them is less than WCAG's AA, as they are drawn.
const pale = `(() => {
  const rgb = (c) => c.match(/[\d.]+/g).map(Number);
  const lum = (c) => [0.2126, 0.7152, 0.0722].reduce((s, w, i) => { const v = c[i] / 255; return s + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bad = [];
  let seen = 0;
  for (let n; (n = walk.nextNode());) {
    if (!n.data.trim() || n.parentElement.closest("noscript, datalist, option")) continue;
    const [a, b] = [lum(rgb(getComputedStyle(n.parentElement).color)), lum(ground(n.parentElement))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen++;
    if (ratio < 4.5) bad.push(ratio.toFixed(2) + ": " + n.data.trim());
  }
  return seen > 10 ? bad : ["only " + seen + " texts were looked at"];
})()`

// takePictures looks at every scene on every screen, in both themes, holds it against what can be measured, and keeps what
// people may want to see.
func takePictures(t *testing.T, c *chrome) {
	for _, scene := range []struct {
		name string
		opts Options
		path string
		keep bool
	}{
		{"all-well", shown(healthy(5)), "", true}, {"three-wrong", wrong(), "", true}, {"long-names", longNames(), "", false},
		{"before-anything", shown(healthy(0)), "", false}, {"found", shown(healthy(5)), "find?file=IMG_00042.jpg", true}, {"found-many", shown(healthy(5)), "find?file=many.jpg", true},
		{"not-found", shown(healthy(5)), "find?camera=aisle-1&at=14:05", false}, {"no-query", shown(healthy(5)), "find?at=25:00", false},
	} {
		page := show(t, scene.opts).Page() + scene.path
		for name, at := range map[string]screen{"phone": phone, "desktop": desktop} {
			p := c.open(t, at, chromedp.Navigate(page))
			p.until(`[...document.images].every(i => i.complete)`)
			for _, theme := range []string{"light", "dark"} {
				p.run(inTheme(theme))
				p.measure(scene.name + "-" + name + "-" + theme)
				if scene.keep {
					p.picture(scene.name + "-" + name + "-" + theme)
				}
			}
			if scene.name != "no-query" { // whose answer is a 400, which the browser notes
				p.quiet()
			}
			p.close()
		}
	}
}

// longNames is a shop whose names fit nowhere.
func longNames() Options {
	opts := shown(degraded(2))
	s := opts.Snapshot()
	s.Cameras[0].ID = ("aisle-" + strings.Repeat("with-a-name-of-", 4))[:63]
	s.Conditions[0].Subject, s.Conditions[0].Detail = s.Cameras[0].ID, strings.Repeat("/a/very/long/path", 12)
	s.Recent[0].File = strings.Repeat("IMG", 60) + ".jpg"
	opts.Snapshot = func() Snapshot { return s }
	return opts
}

// measure holds what is seen against what needs no eyes.
func (b *tab) measure(scene string) {
	b.t.Helper()
	if wide := ask[[]string](b, tooWide); len(wide) > 0 || ask[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
		b.t.Errorf("%s scrolls sideways: %q", scene, wide)
	}
	if faint := ask[[]string](b, pale); len(faint) > 0 {
		b.t.Errorf("%s: too little contrast: %q", scene, faint)
	}
}
