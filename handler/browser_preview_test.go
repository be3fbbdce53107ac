//go:build browser

package handler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ifmatch/handler"
)

// Every kind of preview shows what is in the file, and nothing in a file runs as a page of ours.
func TestPreviewsInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	p := visit(t, chromium(t), base)
	picture := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range picture.Pix {
		picture.Pix[i] = 200
	}
	var b bytes.Buffer
	png.Encode(&b, picture)
	put(t, base+"/picture.png", b.String())
	put(t, base+"/drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="50"><script>top.ran = 1</script><rect width="60" height="50" fill="teal" onload="top.ran = 1"/></svg>`)
	put(t, base+"/sound.wav", wav())
	put(t, base+"/film.webm", p.film())
	put(t, base+"/text.txt", "one\ntwo <b>\n")
	put(t, base+"/page.html", "<script>top.ran = 1</script><h1>a page</h1>")
	put(t, base+"/note.md", "# A note\n\n<script>top.ran = 1</script>\n\n[x](javascript:top.ran=1) ![p](picture.png)\n")
	put(t, base+"/paper.pdf", redPDF())

	p.open("/picture.png?view")
	p.has(`document.querySelector('.show img').naturalWidth === 40`)
	p.open("/drawing.svg?view")
	p.has(`document.querySelector('.show img').naturalWidth === 60`)
	p.open("/sound.wav?view")
	p.has(`document.querySelector('audio').duration > 0.4`)
	p.open("/film.webm?view")
	p.has(`document.querySelector('video').readyState >= 1 && document.querySelector('video').videoWidth === 64`)
	p.open("/text.txt?view")
	p.has(`document.querySelector('pre.text').textContent.trim() === 'one\ntwo <b>'`)
	p.open("/page.html?view")
	p.has(`document.querySelector('pre.text').textContent.includes('<h1>a page')`)
	p.open("/note.md?view")
	p.has(`document.querySelector('.prose h1').textContent === 'A note' && document.querySelector('.prose img').naturalWidth === 40`)
	p.has(`!document.querySelector('.prose a[href^=javascript]') && !document.querySelector('.prose script')`)
	p.has(`window.ran === undefined`)

	// Chromium shows a PDF in a frame that is not sandboxed; its own viewer runs in another process and origin.
	p.open("/paper.pdf?view")
	p.has(`document.querySelector('iframe.show')`)
	if !p.soonRed() {
		t.Error("the PDF is not shown")
	}
	p.shot("pdf")
	p.has(`[...document.querySelectorAll('.tools a')].some((a) => a.textContent === 'Open' && a.getAttribute('href') === '/paper.pdf')`)

	// What somebody else saves is told.
	p.open("/text.txt?view")
	p.sees("two <b>")
	p.has(`document.readyState === 'complete'`)
	put(t, base+"/text.txt", "three")
	p.sees("This file was changed")
	p.press("Show it")
	p.has(`document.querySelector('pre.text').textContent.trim() === 'three'`)
}

// soonRed waits until a part of what is seen is red.
func (p *person) soonRed() bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			p.t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			p.t.Fatal(err)
		}
		red := 0
		for y := 0; y < m.Bounds().Dy(); y += 4 {
			for x := 0; x < m.Bounds().Dx(); x += 4 {
				if c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA); c.R > 200 && c.G < 60 && c.B < 60 {
					red++
				}
			}
		}
		if red > 100 {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// film lets the browser itself record a short film, until there is something on it.
func (p *person) film() string {
	p.t.Helper()
	film, err := base64.StdEncoding.DecodeString(value[string](p, `(async () => {
		const c = document.createElement('canvas'); c.width = 64; c.height = 48; const g = c.getContext('2d');
		const r = new MediaRecorder(c.captureStream(20), { mimeType: 'video/webm' }); const parts = []; r.ondataavailable = (e) => parts.push(e.data);
		const ended = new Promise((f) => { r.onstop = f; }); r.start(100);
		for (let i = 0; i < 8 || parts.reduce((sum, b) => sum + b.size, 0) < 500; i++) { g.fillStyle = i % 2 ? 'red' : 'blue'; g.fillRect(0, 0, 64, 48); await new Promise((f) => setTimeout(f, 60)); }
		r.stop(); await ended;
		const bytes = new Uint8Array(await new Blob(parts).arrayBuffer()); let s = ''; for (const b of bytes) s += String.fromCharCode(b); return btoa(s); })()`))
	if err != nil || len(film) == 0 {
		p.t.Fatal("no film: ", err)
	}
	return string(film)
}

// wav is half a second of silence.
func wav() string {
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+4000))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(8000), uint32(8000), uint16(1), uint16(8)} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(4000))
	b.WriteString(strings.Repeat("\x80", 4000))
	return b.String()
}

// redPDF is one page, all red.
func redPDF() string {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.4\n")
	for i, object := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R>>", "<</Length 25>>\nstream\n1 0 0 rg 0 0 300 300 re f\nendstream"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 5\n0000000000 65535 f \n")
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Root 1 0 R/Size 5>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.String()
}

// Large texts: one at the bound is edited, saved and brought back after a reload; one above it says why not.
func TestLargeTextsInTheEditor(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	line := "the quick brown fox jumps over the lazy dog, and on it goes.\n"
	text := strings.Repeat(line, 1<<20/len(line)-1)
	put(t, base+"/large.txt", text)
	put(t, base+"/larger.txt", text+text)
	p := visit(t, chromium(t), base)
	p.open("/large.txt?edit")
	p.has(`document.querySelector('#text')?.value.length > 1000000`)
	p.do(chromedp.KeyEvent("mine "))
	p.has(`Object.keys(localStorage).some((k) => k.startsWith('ifmatch:draft:'))`)
	put(t, base+"/large.txt", text+"theirs\n")
	p.do(chromedp.Reload())
	p.sees("brought back")
	p.expect("412 (Precondition Failed)")
	p.has(`document.querySelector('#text')?.value.startsWith('mine the')`)
	p.press("#save")
	p.told("Saved, with the changes of somebody else merged in")
	if got := stored(t, base+"/large.txt"); got != "mine "+text+"theirs\n" {
		t.Errorf("%d bytes", len(got))
	}
	p.open("/larger.txt?edit")
	p.sees("This file has 2.0 MiB. Up to 1.0 MiB can be edited")
	p.open("/larger.txt?view")
	p.sees("This is the beginning")
	p.sees("The editor of this page takes files up to 1.0 MiB; a larger one is edited with “ifmatch edit”")
	p.has(`!document.querySelector('.tools .primary')`)
}
