package handler

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

func status(err error) int {
	var e *statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.status
	}
	return -1
}

const davNS = ` xmlns:D="DAV:"`

func TestHostileXML(t *testing.T) {
	propfind := func(inside string) string { return `<D:propfind` + davNS + `>` + inside + `</D:propfind>` }
	for _, c := range []struct {
		name, doc string
		want      int
	}{
		{"well formed", propfind("<D:allprop/>"), 0},
		{"byte order mark", "\xef\xbb\xbf" + propfind("<D:allprop/>"), 0},
		{"comments and instructions are ignored", propfind("<!-- x --><?php die ?><D:allprop/>"), 0},
		{"unknown elements are ignored", propfind(`<x xmlns="urn:x"><y/></x><D:allprop/>`), 0},
		{"nothing but space", "  ", 400},
		{"not XML", "hello", 400},
		{"breaks off", "<D:propfind" + davNS + "><D:allprop/>", 400},
		{"breaks off in a tag", "<D:propfind" + davNS + "><D:allp", 400},
		{"end tags crossed", propfind("<D:prop><a></D:prop></a>"), 400},
		{"end tag too many", propfind("<D:allprop/>") + "</D:propfind>", 400},
		{"two roots", propfind("<D:allprop/>") + propfind("<D:allprop/>"), 400},
		{"text behind the root", propfind("<D:allprop/>") + "x", 400},
		{"document type", "<!DOCTYPE D [<!ENTITY a 'b'>]>" + propfind("<D:allprop/>"), 400},
		{"document type that looks away", `<!DOCTYPE D SYSTEM "file:///etc/passwd">` + propfind("<D:allprop/>"), 403},
		{"an entity outside", `<!DOCTYPE D [<!ENTITY a PUBLIC "-//x//" "http://example.org/">]>` + propfind("<D:a>&a;</D:a>"), 403},
		{"entity", propfind("<D:prop><a>&lol;</a></D:prop>"), 400},
		{"prefix not declared", propfind("<D:prop><x:a/></D:prop>"), 400},
		{"prefix bound to nothing", propfind(`<D:prop><x:a xmlns:x=""/></D:prop>`), 400},
		{"prefix xmlns declared", propfind(`<D:prop><a xmlns:xmlns="urn:x"/></D:prop>`), 400},
		{"prefix xml for something else", propfind(`<D:prop><a xmlns:xml="urn:x"/></D:prop>`), 400},
		{"prefix declared twice", propfind(`<D:prop><a xmlns:x="urn:x" xmlns:x="urn:y"/></D:prop>`), 400},
		{"attribute twice", propfind(`<D:prop><a b="1" b="2"/></D:prop>`), 400},
		{"attribute twice by namespace", propfind(`<D:prop><a xmlns:x="u:" xmlns:y="u:" x:b="1" y:b="2"/></D:prop>`), 400},
		{"two colons", propfind(`<D:prop><D:a:b/></D:prop>`), 400},
		{"control character", propfind("<D:prop><a>\x01</a></D:prop>"), 400},
		{"not UTF-8", propfind("<D:prop><a>\xff</a></D:prop>"), 400},
		{"another encoding", `<?xml version="1.0" encoding="iso-8859-1"?>` + propfind("<D:allprop/>"), 415},
		{"another version", `<?xml version="2.0"?>` + propfind("<D:allprop/>"), 400},
		{"deep", propfind(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)), 413},
		{"wide", propfind(strings.Repeat("<a/>", maxXMLElements)), 413},
		{"long name", propfind("<" + strings.Repeat("a", 2000) + "/>"), 413},
		{"long namespace", propfind(`<a xmlns="` + strings.Repeat("a", 2000) + `"/>`), 413},
		{"long prefix", propfind(`<D:allprop/><a xmlns:` + strings.Repeat("a", 2000) + `="u:"/>`), 413},
		{"as many attributes as may be", propfind("<D:allprop/><a b='=\"=' c=\"=>'=\"" + attributes(maxXMLAttrs-2) + "/><a" + attributes(maxXMLAttrs) + ">=</a>"), 0},
		{"many attributes", propfind("<D:allprop/><a" + attributes(maxXMLAttrs+1) + "/>"), 413},
		{"many attributes with a greater-than sign", propfind("<D:allprop/><a b='>'" + attributes(maxXMLAttrs) + "/>"), 413},
		{"as many namespaces in scope as may be", propfind("<D:allprop/>" + namespaces(maxXMLDecls-1) + namespaces(maxXMLDecls-1)), 0},
		{"many namespaces in scope", propfind("<D:allprop/>" + namespaces(maxXMLDecls)), 413},
		{"many properties", propfind("<D:prop>" + names(300) + "</D:prop>"), 413},
		{"another root", `<D:lockinfo` + davNS + `/>`, 422},
		{"root in no namespace", `<propfind><allprop/></propfind>`, 422},
		{"says nothing", propfind(""), 422},
		{"says two things", propfind("<D:allprop/><D:propname/>"), 422},
		{"says a thing twice", propfind("<D:prop/><D:prop/>"), 422},
		{"include alone", propfind("<D:include/>"), 422},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parsePropfind([]byte(c.doc))
			if got := status(err); got != c.want {
				t.Errorf("got %d (%v), want %d", got, err, c.want)
			}
		})
	}
}

// What is refused for its attributes was not built before: the document may be 2 MiB, and clients are many.
func TestManyAttributesAreNotBuilt(t *testing.T) {
	doc := []byte("<a" + strings.Repeat(` a=""`, 400_000) + "/>")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parsePropfind(doc)
	runtime.ReadMemStats(&after)
	if got := status(err); got != 413 {
		t.Errorf("got %d (%v), want 413", got, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

// namespaces nests elements that declare n of them.
func namespaces(n int) string {
	var b strings.Builder
	for i := range n {
		if i%maxXMLAttrs == 0 {
			b.WriteString(strings.Repeat(">", min(i, 1)) + "<a")
		}
		fmt.Fprintf(&b, ` xmlns:p%d="urn:p"`, i)
	}
	return b.String() + ">" + strings.Repeat("</a>", (n+maxXMLAttrs-1)/maxXMLAttrs)
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `<a%d/>`, i)
	}
	return b.String()
}

// Who promises a large body and sends nothing takes no memory for it.
func TestReadXMLBodyThatDoesNotCome(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		r := httptest.NewRequest("PROPFIND", "/", broken{})
		r.ContentLength = maxXMLBytes
		if _, err := readXMLBody(r); err == nil {
			t.Fatal("no error")
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 100*(64<<10) {
		t.Errorf("it took %d bytes each", took/100)
	}
}

func TestReadXMLBody(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   io.Reader
		header string
		want   int
	}{
		{"empty", http.NoBody, "", 0},
		{"small", strings.NewReader("<a/>"), "", 0},
		{"too large by its length", strings.NewReader(strings.Repeat("x", maxXMLBytes+1)), "", 413},
		{"too large, chunked: the rest is not read", io.MultiReader(io.LimitReader(endless{}, maxXMLBytes+1), broken{}), "", 413},
		{"coded", strings.NewReader("<a/>"), "gzip", 415},
		{"breaks off", io.MultiReader(strings.NewReader("<a"), broken{}), "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("PROPFIND", "/", c.body)
			if c.header != "" {
				r.Header.Set("Content-Encoding", c.header)
			}
			if _, err := readXMLBody(r); status(err) != c.want {
				t.Errorf("got %v, want %d", err, c.want)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read(p []byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestXMLInUTF16(t *testing.T) {
	doc := `<?xml version="1.0" encoding="utf-16"?><D:propfind xmlns:D="DAV:"><D:prop><näme𝄞/></D:prop></D:propfind>`
	for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		b := make([]byte, 2)
		order.PutUint16(b, 0xfeff)
		for _, u := range utf16.Encode([]rune(strings.ReplaceAll(doc, "𝄞", "x"))) {
			b = append(b, 0, 0)
			order.PutUint16(b[len(b)-2:], u)
		}
		got, err := parsePropfind(b)
		if err != nil || len(got.names) != 1 || got.names[0].Local != "nämex" {
			t.Errorf("%v: got %v, %v", order, got, err)
		}
	}
}

func TestPropfindBody(t *testing.T) {
	for _, c := range []struct {
		doc  string
		want propfindBody
	}{
		{"", propfindBody{mode: findAll}},
		{`<propfind xmlns="DAV:"><allprop/></propfind>`, propfindBody{mode: findAll}},
		{`<propfind xmlns="DAV:"><propname/></propfind>`, propfindBody{mode: findNames}},
		{`<propfind xmlns="DAV:"><prop/></propfind>`, propfindBody{mode: findByName}},
		{`<propfind xmlns="DAV:"><allprop/><include><a/><b xmlns="urn:b"/></include></propfind>`,
			propfindBody{mode: findAll, names: []xml.Name{{Space: "DAV:", Local: "a"}, {Space: "urn:b", Local: "b"}}}},
		{`<propfind xmlns="DAV:"><prop><a/><a/><b xmlns=""/>text<c>value</c></prop></propfind>`,
			propfindBody{mode: findByName, names: []xml.Name{{Space: "DAV:", Local: "a"}, {Local: "b"}, {Space: "DAV:", Local: "c"}}}},
	} {
		got, err := parsePropfind([]byte(c.doc))
		if err != nil || got.mode != c.want.mode || !slices.Equal(got.names, c.want.names) {
			t.Errorf("%s:\ngot  %v, %v\nwant %v", c.doc, got, err, c.want)
		}
	}
}

// A value keeps elements, attributes, text, prefixes and the language, and stands alone. RFC 4918 §4.3.
func TestPropertyValues(t *testing.T) {
	for _, c := range []struct{ name, prop, want string }{
		{"text", `<a xmlns="urn:a">x &lt; y</a>`, `<a xmlns="urn:a">x &lt; y</a>`},
		{"empty", `<a xmlns="urn:a"></a>`, `<a xmlns="urn:a"/>`},
		{"no namespace", `<a>x</a>`, `<a>x</a>`},
		{"prefix from outside", `<o:a><o:b/></o:a>`, `<o:a xmlns:o="urn:outside"><o:b/></o:a>`},
		{"prefix of an attribute from outside", `<a><b o:c="d"/></a>`, `<a><b xmlns:o="urn:outside" o:c="d"/></a>`},
		{"declarations inside stay, used or not", `<a><b xmlns:q="urn:q">q:name</b></a>`, `<a><b xmlns:q="urn:q">q:name</b></a>`},
		{"default namespace taken back", `<a xmlns="urn:a"><b xmlns=""/></a>`, `<a xmlns="urn:a"><b xmlns=""/></a>`},
		{"prefix declared anew", `<o:a><o:b xmlns:o="urn:i"/><o:c/></o:a>`, `<o:a xmlns:o="urn:outside"><o:b xmlns:o="urn:i"/><o:c/></o:a>`},
		{"language in scope", `<a xml:lang="de">x</a>`, `<a xml:lang="de">x</a>`},
		{"language inside", `<a><b xml:lang="fr"/></a>`, `<a><b xml:lang="fr"/></a>`},
		{"attributes of the property are no value", `<a x="y">z</a>`, `<a>z</a>`},
		{"character data", `<a><![CDATA[<b>&amp;]]></a>`, `<a>&lt;b&gt;&amp;amp;</a>`},
		{"comments are dropped", `<a>x<!-- y -->z</a>`, `<a>xz</a>`},
		{"white space in attributes", "<a><b c=\"&#10;&#9;&quot;\"/></a>", `<a><b c="&#10;&#9;&#34;"/></a>`},
		{"carriage return", "<a>&#13;</a>", "<a>&#13;</a>"},
		{"beyond the basic plane", "<a>\U0001d11e</a>", "<a>\U0001d11e</a>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := `<D:propertyupdate xmlns:D="DAV:" xmlns:o="urn:outside"><D:set><D:prop>` + c.prop + `</D:prop></D:set></D:propertyupdate>`
			changes, err := parsePropertyUpdate([]byte(doc))
			if err != nil || len(changes) != 1 {
				t.Fatal(changes, err)
			}
			if got := string(changes[0].value.xml); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if err := xml.Unmarshal(changes[0].value.xml, new(struct{})); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPropertyUpdateOrderAndLanguage(t *testing.T) {
	changes, err := parsePropertyUpdate([]byte(`<propertyupdate xmlns="DAV:" xml:lang="en">
		<remove><prop><a/></prop></remove>
		<set><prop xml:lang="de"><a>1</a><b xmlns="urn:b"/></prop></set>
		<remove><prop><a/></prop></remove></propertyupdate>`))
	must(t, err)
	type instruction struct {
		remove       bool
		space, local string
	}
	var got []instruction
	for _, c := range changes {
		got = append(got, instruction{c.remove, c.name.Space, c.name.Local})
	}
	want := []instruction{{true, "DAV:", "a"}, {false, "DAV:", "a"}, {false, "urn:b", "b"}, {true, "DAV:", "a"}}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if x := string(changes[1].value.xml); !strings.Contains(x, `xml:lang="de"`) {
		t.Error("the language of DAV:prop is lost: " + x)
	}
}

// Names, prefixes and namespaces must not let a small body become a large value.
func TestPropertyValueIsBounded(t *testing.T) {
	long := strings.Repeat("n", maxXMLName)
	doc := `<D:propertyupdate xmlns:D="DAV:" xmlns:o="` + long + `"><D:set><D:prop><a>` + strings.Repeat("<o:b/>", 19000) +
		`</a><c/></D:prop></D:set></D:propertyupdate>`
	changes, err := parsePropertyUpdate([]byte(doc))
	if err != nil || len(changes) != 2 {
		t.Fatal(len(changes), err)
	}
	if !changes[0].value.tooLarge || changes[0].value.xml != nil || changes[1].value.tooLarge {
		t.Error("a value beyond the bound was kept, or spoiled the next one")
	}
}

func TestLockInfo(t *testing.T) {
	lockinfo := func(scope, kind, rest string) string {
		return `<D:lockinfo` + davNS + `><D:lockscope>` + scope + `</D:lockscope><D:locktype>` + kind + `</D:locktype>` + rest + `</D:lockinfo>`
	}
	for _, c := range []struct {
		name, doc string
		want      int
		shared    bool
		owner     string
	}{
		{"RFC 4918 §9.10.7", lockinfo("<D:exclusive/>", "<D:write/>", "<D:owner><D:href>http://example.org/~ejw/contact.html</D:href></D:owner>"),
			0, false, `<D:href xmlns:D="DAV:">http://example.org/~ejw/contact.html</D:href>`},
		{"shared", lockinfo("<D:shared/>", "<D:write/>", ""), 0, true, ""},
		{"owner is text", lockinfo("<D:exclusive/>", "<D:write/>", "<D:owner>J. &amp; K.</D:owner>"), 0, false, "J. &amp; K."},
		{"owner in a language", lockinfo("<D:exclusive/>", "<D:write/>", "<D:owner xml:lang='de'>J.</D:owner>"), 0, false, "J.de"},
		{"both scopes", lockinfo("<D:exclusive/><D:shared/>", "<D:write/>", ""), 422, false, ""},
		{"no scope", lockinfo("", "<D:write/>", ""), 422, false, ""},
		{"another type", lockinfo("<D:exclusive/>", "<D:read/>", ""), 422, false, ""},
		{"long owner", lockinfo("<D:exclusive/>", "<D:write/>", "<D:owner>"+strings.Repeat("x", 10000)+"</D:owner>"), 413, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := parseLockInfo([]byte(c.doc))
			if status(err) != c.want || err == nil && (l.shared != c.shared || string(l.owner)+l.lang != c.owner) {
				t.Errorf("got %v %q, %v", l.shared, l.owner, err)
			}
		})
	}
}

func TestDates(t *testing.T) {
	for _, ns := range []int64{0, 1, -1, 1e18, -1e18, 951782400e9, 1709210096e9 + 999999999, 1<<63 - 1, -1 << 63} {
		at := time.Unix(0, ns).UTC()
		if got, want := string(appendHTTPDate(nil, ns)), at.Format(http.TimeFormat); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
		if got, want := string(appendRFC3339(nil, ns)), at.Format("2006-01-02T15:04:05Z"); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
	}
}

func TestXMLTextHoldsAnything(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, s := range []string{string(every), "a\xc3", "\xed\xa0\x80", "\uffff\ufffe", "ok é 𝄞"} {
		out := appendXMLText(nil, s)
		if !utf8.Valid(out) {
			t.Errorf("%q: not UTF-8: %q", s, out)
		}
		var back struct {
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal(slices.Concat([]byte("<a>"), out, []byte("</a>")), &back); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// What a body is read into can be written and read again, and means the same.
func FuzzPropertyUpdate(f *testing.F) {
	f.Add([]byte(`<propertyupdate xmlns="DAV:"><set><prop><a xml:lang="de" xmlns:x="urn:x"><x:b x:c="&#10;">t</x:b></a></prop></set></propertyupdate>`))
	f.Add([]byte(`<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><b:note xmlns:b="urn:bench"/></D:prop></D:remove></D:propertyupdate>`))
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>\x00"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		changes, err := parsePropertyUpdate(doc)
		if err != nil {
			if s := status(err); s < 400 || s > 499 {
				t.Fatal(err)
			}
			return
		}
		for _, c := range changes {
			again := slices.Concat([]byte(`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>`), c.value.xml, []byte(`</D:prop></D:set></D:propertyupdate>`))
			if c.value.tooLarge || len(c.value.xml) > maxXMLBytes/2 {
				continue
			}
			back, err := parsePropertyUpdate(again)
			if err != nil || len(back) != 1 {
				t.Fatalf("%s: %v", again, err)
			}
			if back[0].name != c.name || string(back[0].value.xml) != string(c.value.xml) {
				t.Fatalf("%s\ncame back as\n%s", c.value.xml, back[0].value.xml)
			}
		}
	})
}

func FuzzPropfindBody(f *testing.F) {
	f.Add([]byte(`<propfind xmlns="DAV:"><prop><a/><b xmlns="urn:b"/></prop></propfind>`))
	f.Add([]byte(`<propfind xmlns="DAV:"><allprop/><include><a/></include></propfind>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := parsePropfind(doc)
		if s := status(err); err != nil && (s < 400 || s > 499) {
			t.Fatal(err)
		}
		// Whatever names were asked for, the answer is XML.
		p := planProps(b)
		m := newMultistatus(httptest.NewRecorder(), p.spaces)
		defer m.close()
		for _, i := range p.items {
			m.buf = append(m.buf, i.empty...)
		}
		m.buf = append(m.buf, "</D:multistatus>"...)
		if err := xml.Unmarshal(m.buf, new(struct{})); err != nil {
			t.Fatalf("%v: %s", err, m.buf)
		}
	})
}

func FuzzLockInfo(f *testing.F) {
	f.Add([]byte(`<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>x</owner></lockinfo>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		l, err := parseLockInfo(doc)
		if s := status(err); err != nil && (s < 400 || s > 499) {
			t.Fatal(err)
		}
		whole := slices.Concat([]byte(`<D:owner xmlns:D="DAV:">`), l.owner, []byte(`</D:owner>`))
		if err := xml.Unmarshal(whole, new(struct{})); err != nil {
			t.Fatalf("%v: %s", err, whole)
		}
	})
}
