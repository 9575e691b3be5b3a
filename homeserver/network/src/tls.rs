//! Which certificates are trusted.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::NetworkError;

/// TLS that trusts the system's certificate authorities, and those in a PEM file.
pub(crate) fn config(trusted_ca: Option<&Path>) -> Result<Arc<ClientConfig>, NetworkError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "certificate authorities of the system cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = trusted_ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
    }
    if roots.is_empty() {
        tracing::warn!("no certificate authority is known: no other server can be reached");
    }
    // Named here, not taken from the process, so that nothing depends on what was chosen there.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NetworkError::Setup(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetworkError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(path, &error))?;
    match found.is_empty() {
        true => Err(unusable(path, &"there is no certificate in it")),
        false => Ok(found),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> NetworkError {
    NetworkError::Setup(format!("trusted_ca cannot be used, {}: {error}", path.display()))
}
