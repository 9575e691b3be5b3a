// The first process of the image: it gives the server what is known only when a container starts, its name and a
// certificate from Complement's authority, and lets the server take its place. The other settings are the image's own.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// Where Complement puts its authority before it starts a container (its README, "Complement PKI").
	authorityCertificate = "/complement/ca/ca.crt"
	authorityKey         = "/complement/ca/ca.key"

	serverCertificate = "/tls/server.crt"
	serverKey         = "/tls/server.key"

	// Where it puts the registrations of the application services that a test wants.
	registrations = "/complement/appservice/*.yaml"

	server = "/hearth"
)

func main() {
	fmt.Fprintf(os.Stderr, "entrypoint: %v\n", start())
	os.Exit(1)
}

// start returns only if it fails: signals go to the server alone, which Complement stops and starts again.
func start() error {
	name := os.Getenv("SERVER_NAME")
	if name == "" {
		return fmt.Errorf("SERVER_NAME is not set")
	}
	// At each start, as the authority is another one in each run: an image made from a container outlives it.
	if err := makeCertificate(name); err != nil {
		return err
	}
	services, err := filepath.Glob(registrations)
	if err != nil {
		return err
	}
	environment := append(os.Environ(),
		"HEARTH_SERVER_NAME="+name,
		"HEARTH_TLS_CERT="+serverCertificate,
		"HEARTH_TLS_KEY="+serverKey,
		"HEARTH_TRUSTED_CA="+authorityCertificate,
		"HEARTH_APPSERVICES="+strings.Join(services, ","),
	)
	return fmt.Errorf("%s: %w", server, syscall.Exec(server, []string{server, "serve"}, environment))
}
