package ws

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// problem is an answer that is no connection: RFC 9457 with the fields of the
// older error shape.
type problem struct {
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Success bool   `json:"success"`
	Text    string `json:"error"`
	Code    string `json:"code"`

	header http.Header
}

func refuse(status int, code, message string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: message, Text: message, Code: code}
}

func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // it holds texts only
		http.Error(w, p.Text, p.Status)
		return
	}
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // nobody is left to hear of an error
}
