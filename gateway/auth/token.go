package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
)

const (
	base62   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	checksum = 6 // base62 characters that hold 32 bits
)

// Random characters of a token. Boards have a slot of 32 bytes, so a device
// token is its prefix and 28 characters: 131 random bits and the checksum. The
// others carry 256 bits.
const (
	deviceRandom = 22
	longRandom   = 43
)

// New makes a token of a kind and the hash that is stored in its place. It
// returns "" for a kind that is unknown.
func New(kind Kind) (token string, hash [32]byte) {
	n := randomLength(kind)
	if n == 0 {
		return "", hash
	}
	text := append([]byte(kind), randomText(n)...)
	text = appendChecksum(text, crc32.ChecksumIEEE(text))
	return string(text), sha256.Sum256(text)
}

// Check tells the kind and hash of a token, or ErrToken for a text that New
// cannot have made. It asks no store: a valid one may still open nothing.
func Check(token string) (Kind, [32]byte, error) {
	kind := kindOf(token)
	n := randomLength(kind)
	body := len(kind) + n
	if n == 0 || len(token) != body+checksum {
		return "", [32]byte{}, ErrToken
	}
	for i := len(kind); i < len(token); i++ {
		if !inBase62(token[i]) {
			return "", [32]byte{}, ErrToken
		}
	}
	sum := appendChecksum(nil, crc32.ChecksumIEEE([]byte(token[:body])))
	if subtle.ConstantTimeCompare(sum, []byte(token[body:])) != 1 {
		return "", [32]byte{}, ErrToken
	}
	return kind, sha256.Sum256([]byte(token)), nil
}

func kindOf(token string) Kind {
	const prefix = len(DeviceToken)
	if len(token) < prefix {
		return ""
	}
	return Kind(token[:prefix])
}

// randomLength is 0 for a kind that is unknown.
func randomLength(kind Kind) int {
	switch kind {
	case DeviceToken:
		return deviceRandom
	case APIToken, ProvisionToken:
		return longRandom
	}
	return 0
}

// randomText is n characters, each equally likely.
func randomText(n int) []byte {
	const fair = 256 - 256%len(base62)
	text := make([]byte, 0, n)
	var pool [64]byte
	for {
		rand.Read(pool[:]) // never fails
		for _, b := range pool {
			if int(b) >= fair {
				continue
			}
			text = append(text, base62[int(b)%len(base62)])
			if len(text) == n {
				return text
			}
		}
	}
}

func appendChecksum(text []byte, sum uint32) []byte {
	var digits [checksum]byte
	for i := checksum - 1; i >= 0; i-- {
		digits[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return append(text, digits[:]...)
}

func inBase62(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
