package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

// validity is how long a test's certificate is good for, either side of now.
const validity = 24 * time.Hour

// secure makes a certificate for 127.0.0.1 and has the server use it, on its only port. Clients need none.
func (s *Server) secure(port string) {
	s.t.Helper()
	s.roots = filepath.Join(s.configuration.Folder, "certificate.pem")
	key := filepath.Join(s.configuration.Folder, "key.pem")
	if err := writeCertificate(s.roots, key); err != nil {
		s.t.Fatal(err)
	}
	s.configuration.Further = append(s.configuration.Further,
		redisserver.Directive{"port", "0"}, redisserver.Directive{"tls-port", port},
		redisserver.Directive{"tls-cert-file", s.roots}, redisserver.Directive{"tls-key-file", key},
		redisserver.Directive{"tls-ca-cert-file", s.roots}, redisserver.Directive{"tls-auth-clients", "no"})
}

// Roots returns the path of the PEM file that the server's certificate is to be checked by, or "" without TLS.
func (s *Server) Roots() string { return s.roots }

// clientTLS returns how a client speaks TLS to the server, or nil.
func (s *Server) clientTLS() *tls.Config {
	s.t.Helper()
	if s.roots == "" {
		return nil
	}
	content, err := os.ReadFile(s.roots)
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// writeCertificate writes a self-signed certificate and its key.
func writeCertificate(path, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	content := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redistest"},
		NotBefore: now.Add(-validity), NotAfter: now.Add(validity),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, content, content, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600)
}
