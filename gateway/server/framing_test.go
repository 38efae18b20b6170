package server

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestFramingTakesWhatIsClear(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no body":         "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"old":             "GET / HTTP/1.0\r\n\r\n",
		"body":            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\n\x00\r",
		"empty body":      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		"two":             "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"chunks":          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
		"trailer":         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n",
		"after chunks":    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"tab and UTF-8":   "GET / HTTP/1.1\r\nHost: a\r\nX:\t\u00e9 \r\n\r\n",
		"long name":       "GET / HTTP/1.1\r\n" + strings.Repeat("x", 100) + ": " + strings.Repeat("y", 100) + "\r\n\r\n",
		"upgraded":        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n\x81\x85\x00\x00\r\n\r\n\x00",
		"unknown coding":  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n\x00\x00",
		"begun, not done": "GET / HTT",
	} {
		for step := range len(text) {
			f := new(framing)
			for rest := text; rest != ""; {
				piece := rest[:min(step+1, len(rest))]
				if n := f.take([]byte(piece)); n != len(piece) {
					t.Fatalf("%s, in pieces of %d: stops before %q", name, step+1, rest[n:])
				}
				rest = rest[len(piece):]
			}
		}
	}
}

func TestFramingStopsWhereReadersDiffer(t *testing.T) {
	t.Parallel()
	const head = "POST / HTTP/1.1\r\nHost: a\r\n"
	for name, text := range map[string]string{
		"length and chunks": head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n|\r\n",
		"chunks and length": head + "transfer-ENCODING: chunked\r\nContent-Length:4\r\n|\r\n",
		"chunks twice":      head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n|\r\n",
		"two lengths":       head + "Content-Length: 4\r\nContent-Length: 4\r\n|\r\n",
		"list of lengths":   head + "Content-Length: 4, 4\r\n|\r\n",
		"signed length":     head + "Content-Length: +5\r\n|\r\n",
		"negative length":   head + "Content-Length: -1\r\n|\r\n",
		"hex length":        head + "Content-Length: 0x5\r\n|\r\n",
		"huge length":       head + "Content-Length: 9223372036854775808\r\n|\r\n",
		"no length":         head + "Content-Length:\r\n|\r\n",
		"long length":       head + "Content-Length: " + strings.Repeat("0", 30) + "\r\n|\r\n",
		"chunks of old":     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n|\r\n",
		"folded":            head + "X: a\r\n| b\r\n",
		"folded by tab":     head + "X: a\r\n|\tb\r\n",
		"bare line feed":    head + "X: a|\nY: b\r\n",
		"bare return":       head + "X: a\r|b\r\n",
		"NUL":               head + "X: a|\x00\r\n",
		"escape":            head + "X: a|\x1b[2J\r\n",
		"DEL":               head + "X: a|\x7f\r\n",
		"space before":      head + "X| : a\r\n",
		"NUL in name":       head + "X|\x00: a\r\n",
		"no name":           head + "|: a\r\n",
		"TLS":               "|\x16\x03\x01",
		"SSH":               "SSH-2.0-x|\r\n",
		"HTTP/2":            "PRI * HTTP/2.0|\r\n\r\nSM\r\n\r\n",
		"HTTP/0.9":          "GET /|\r\n",
		"other case":        "GET / http/1.1|\r\n",
		"line feeds alone":  "GET / HTTP/1.1|\nHost: a\n\n",
		"empty line first":  "|\r\nGET / HTTP/1.1\r\n",
		"no size":           head + "Transfer-Encoding: chunked\r\n\r\n|\r\n",
		"signed size":       head + "Transfer-Encoding: chunked\r\n\r\n|-1\r\n",
		"hex prefix":        head + "Transfer-Encoding: chunked\r\n\r\n0|x1\r\n",
		"huge size":         head + "Transfer-Encoding: chunked\r\n\r\nffffffffff|f\r\n",
		"space after size":  head + "Transfer-Encoding: chunked\r\n\r\n1| \r\n",
		"size by line feed": head + "Transfer-Encoding: chunked\r\n\r\n1|\na",
		"extra control":     head + "Transfer-Encoding: chunked\r\n\r\n1;a|\x00\r\n",
		"longer than said":  head + "Transfer-Encoding: chunked\r\n\r\n1\r\na|b\r\n",
		"length in trailer": head + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n|\r\n",
		"coding in trailer": head + "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n|\r\n",
		"folded trailer":    head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n| b\r\n",
	} {
		good, _, marked := strings.Cut(text, "|")
		if !marked {
			t.Fatalf("%s: no mark", name)
		}
		if n := new(framing).take([]byte(strings.Replace(text, "|", "", 1))); n != len(good) {
			t.Errorf("%s: takes %q, want %q", name, strings.Replace(text, "|", "", 1)[:n], good)
		}
	}
}

// FuzzFraming checks that what framing lets through net/http divides into
// requests at the same places, and that it makes no difference in which pieces
// it comes.
func FuzzFraming(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var whole, bytewise framing
		good := whole.take([]byte(text))
		n := 0
		var ends []int // of requests
		for n < len(text) && bytewise.take([]byte(text[n:n+1])) == 1 {
			n++
			if bytewise.stage == beginning {
				ends = append(ends, n)
			}
			if bytewise.stage == transparent {
				n = len(text)
			}
		}
		if n != good {
			t.Fatalf("takes %d bytes at once, %d one by one", good, n)
		}
		taken := strings.NewReader(text[:good])
		r := bufio.NewReader(taken)
		for _, end := range ends {
			req, err := http.ReadRequest(r)
			if err != nil {
				return // it is stricter, and hangs up
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if at := good - taken.Len() - r.Buffered(); at != end {
				t.Fatalf("net/http ends a request at %d, framing at %d", at, end)
			}
		}
	})
}
