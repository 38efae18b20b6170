package sqlite

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// blob is content on its way into the database, under its SHA-256.
type blob struct {
	hash     [32]byte
	encoding string
	size     int
	data     []byte
}

// pack compresses content where that makes it smaller.
func pack(content []byte) (blob, error) {
	b := blob{hash: sha256.Sum256(content), encoding: "identity", size: len(content), data: content}
	if content == nil {
		b.data = []byte{}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(content); err != nil {
		return blob{}, err
	}
	if err := z.Close(); err != nil {
		return blob{}, err
	}
	if packed.Len() < len(content) {
		b.encoding, b.data = "gzip", packed.Bytes()
	}
	return b, nil
}

// insert stores content that is not there yet.
func (b *blob) insert(c *conn) error {
	_, err := c.exec(`INSERT INTO blobs (hash, encoding, size, data) VALUES (?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`,
		b.hash[:], b.encoding, b.size, b.data)
	return err
}

// readBlob reads content and checks it against its hash.
func readBlob(c *conn, hash []byte) ([]byte, error) {
	var encoding string
	var size int64
	var data []byte
	found, err := c.one(func(r row) { encoding, size, data = r.text(0), r.int(1), r.blob(2) },
		`SELECT encoding, size, data FROM blobs WHERE hash = ?`, hash)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("content %x is missing", hash)
	}
	content, err := unpack(encoding, data, size)
	if err == nil && sha256.Sum256(content) != [32]byte(hash) {
		err = errors.New("it is not what was stored")
	}
	if err != nil {
		return nil, fmt.Errorf("content %x: %w", hash, err)
	}
	return content, nil
}

func unpack(encoding string, data []byte, size int64) ([]byte, error) {
	switch encoding {
	case "identity":
		return data, nil
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		content := make([]byte, 0, size)
		buf := bytes.NewBuffer(content)
		_, err = io.Copy(buf, io.LimitReader(z, size+1))
		return buf.Bytes(), err
	}
	return nil, fmt.Errorf("unknown encoding %q", encoding)
}
