package ws

import (
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reading is a socket that somebody reads, with the client's end of it.
func reading(t *testing.T) (s *socket, client net.Conn, end func() (code int, took time.Duration)) {
	client, server := net.Pipe()
	s = &socket{Conn: server, in: frames{limit: testLimit, most: maxFragments}, limit: messageTime, patience: writeTime}
	t.Cleanup(func() { client.Close(); s.cut() })
	result := make(chan error, 1)
	begun := time.Now()
	go func() {
		_, err := io.Copy(io.Discard, s)
		result <- err
	}()
	return s, client, func() (int, time.Duration) {
		return CloseCode(<-result), time.Since(begun)
	}
}

func TestMessagesHaveHalfAMinuteFromFirstToLastByte(t *testing.T) {
	t.Parallel()
	for name, pieces := range map[string][]string{
		"fragment every 29 s":      {said(0x01, "{"), said(0x00, " "), said(0x00, " ")},
		"fragments and pings":      {said(0x01, "{"), said(0x89, ""), said(0x89, "")},
		"header dripped":           {"\x81", "\xfe", "\x01"},
		"header of a ping dripped": {"\x89", "\x85", "\x01"},
		"payload dripped":          {said(0x81, "hello")[:7], said(0x81, "hello")[7:8], said(0x81, "hello")[8:9]},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, client, end := reading(t)
			var writer sync.WaitGroup
			writer.Go(func() {
				time.Sleep(time.Hour) // an idle connection is none of this
				for _, piece := range pieces {
					_, _ = io.WriteString(client, piece)
					time.Sleep(29 * time.Second)
				}
			})
			if code, took := end(); code != 1008 || took != time.Hour+30*time.Second {
				t.Errorf("%s: ended with %d after %v", name, code, took)
			}
			s.cut()
			writer.Wait()
		})
	}
}

func TestEachMessageHasItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client, end := reading(t)
		go func() {
			for range 10 {
				text := said(0x81, "hello")
				_, _ = io.WriteString(client, text[:3])
				time.Sleep(20 * time.Second)
				_, _ = io.WriteString(client, text[3:])
				time.Sleep(time.Second)
			}
			// A message and, with its end, the beginning of the next.
			text := said(0x81, "hello")
			_, _ = io.WriteString(client, text[:3])
			for range 10 {
				time.Sleep(20 * time.Second)
				_, _ = io.WriteString(client, text[3:]+text[:3])
			}
			client.Close()
		}()
		if code, took := end(); code != 0 || took != 10*21*time.Second+10*20*time.Second {
			t.Errorf("ended with %d after %v", code, took)
		}
	})
}

// While nobody reads, no time passes for the peer.
func TestTimeInWhichWeDoNotReadDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		s := &socket{Conn: server, in: frames{limit: testLimit, most: maxFragments}, limit: messageTime, patience: writeTime}
		defer s.cut()
		text := said(0x81, "hello")
		go func() {
			for _, piece := range []string{text[:3], text[3:5], text[5:]} {
				_, _ = io.WriteString(client, piece)
			}
		}()
		buf := make([]byte, 64)
		for _, n := range []int{3, 2, len(text) - 5} {
			if got, err := s.Read(buf); got != n || err != nil {
				t.Fatalf("read %d bytes, %v", got, err)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestFramesThatComeWholeAreHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, client, end := reading(t)
		heard := 0
		hear := func() { heard++ }
		s.heard.Store(&hear)
		for _, piece := range []string{said(0x01, "{"), "\x89", "\x80\x00\x00\x00\x00", said(0x8A, ""), said(0x80, "}")} {
			_, _ = io.WriteString(client, piece)
			synctest.Wait()
		}
		if heard != 4 {
			t.Errorf("heard of %d frames", heard)
		}
		client.Close()
		end()
	})
}
