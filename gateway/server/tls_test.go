package server_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/server"
)

// pair are the files of a certificate that this test signs itself.
type pair struct {
	t         testing.TB
	cert, key string
	roots     *x509.CertPool
}

func newPair(t testing.TB) *pair {
	dir := t.TempDir()
	return &pair{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), roots: x509.NewCertPool()}
}

// write puts a new certificate into the files.
func (p *pair) write(name string) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	if made, err := x509.ParseCertificate(der); err == nil {
		p.roots.AddCert(made)
	}
	p.put(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.put(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// put replaces a file whole.
func (p *pair) put(name string, data []byte) {
	p.t.Helper()
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		p.t.Fatal(err)
	}
}

// dial shakes hands and says which certificate is shown.
func (p *pair) dial(addr string, change func(*tls.Config)) (*tls.Conn, string, error) {
	config := &tls.Config{RootCAs: p.roots, ServerName: "localhost"}
	if change != nil {
		change(config)
	}
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return nil, "", err
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c, c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestServesOverTLS(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.write("first")
	s := serveInside(t, func(c *server.Config) { c.TLSCert, c.TLSKey = p.cert, p.key })
	if !strings.HasPrefix(s.URL, "https://127.0.0.1:") {
		t.Fatalf("it says that it is at %s", s.URL)
	}
	s.HTTP.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, ForceAttemptHTTP2: true}
	if _, err := s.CreateProject(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	made, err := s.CreateDevice(t.Context(), "home", newDevice("lamp", "light"))
	if err != nil || made.URL != "wss://"+s.addr+"/v1/connect" {
		t.Fatalf("devices are sent to %q, %v", made.URL, err)
	}
	c, _, err := p.dial(s.addr, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState(); got.NegotiatedProtocol != "http/1.1" || got.Version != tls.VersionTLS13 {
		t.Errorf("speaks %q over %x", got.NegotiatedProtocol, got.Version)
	}
	if _, err := io.WriteString(c, upgrade(s.addr, made.Token)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, "101") {
		t.Errorf("a device over TLS: %q, %v", line, err)
	}
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		_, _, err := p.dial(s.addr, func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		if (err == nil) != good {
			t.Errorf("version %x: %v", version, err)
		}
	}
	// HTTP without TLS gets no answer of HTTP.
	plain := s.raw()
	plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if got := plain.heard("GET"); got.status >= 200 && got.status < 300 {
		t.Errorf("without TLS: %d", got.status)
	}
}

func TestCertificateIsReplacedWithoutRestart(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.write("first")
	reload := make(chan struct{})
	s := serveInside(t, func(c *server.Config) { c.TLSCert, c.TLSKey, c.Reload = p.cert, p.key, reload })
	old, name, err := p.dial(s.addr, nil)
	if err != nil || name != "first" {
		t.Fatalf("shows %q, %v", name, err)
	}
	ask := func() {
		t.Helper()
		if _, err := io.WriteString(old, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(old), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("the connection of the first certificate: %v", err)
		}
		_ = resp.Body.Close()
	}
	ask()
	shown := func() string {
		t.Helper()
		c, name, err := p.dial(s.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		return name
	}
	shows := func(want string) {
		t.Helper()
		eventually(t, func() bool { return shown() == want })
	}
	p.write("second")
	shows("second")

	// What cannot be read changes nothing, and is told.
	p.put(p.cert, []byte("nonsense"))
	eventually(t, func() bool {
		if got := shown(); got != "second" {
			t.Fatalf("with a broken file it shows %q", got)
		}
		return strings.Contains(s.log.String(), "the certificate is not replaced")
	})
	p.write("third")
	reload <- struct{}{}
	shows("third")

	ask()
	if strings.Contains(s.log.String(), "PRIVATE") {
		t.Error("the log shows the key")
	}
}
