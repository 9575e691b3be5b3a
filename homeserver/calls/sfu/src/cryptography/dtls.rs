//! Handshakes: DTLS with the one suite that every client of calls has (ECDHE, ECDSA, AES-128-GCM). Who the other side
//! is says the fingerprint of its certificate in the offer, so that only the public key of that is read.

use std::{fmt, sync::Arc, time::Instant};

use dimpl::{
    CryptoError, CryptoOperation, Dtls, HashAlgorithm, NamedGroup, SignatureAlgorithm,
    crypto::{
        Aad, ActiveKeyExchange, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, Dtls13CipherSuite,
        HashContext, HashProvider, HmacProvider, KeyProvider, Nonce, SecureRandom, SignatureVerifier,
        SigningKey, SupportedDtls12CipherSuite, SupportedDtls13CipherSuite, SupportedKxGroup, TmpBuf,
    },
};
use ring::{
    aead, agreement, digest, hmac,
    rand::{SecureRandom as _, SystemRandom},
    signature,
};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};

#[derive(Debug)]
pub(super) struct Handshakes;

impl DtlsProvider for Handshakes {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        let made = rcgen::generate_simple_self_signed(["hearth".to_owned()]).ok()?;
        Some(DtlsCert {
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
        })
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, str0m::crypto::CryptoError> {
        // Before the handshake, ICE has shown that the other side is where it says.
        let mut config = dimpl::Config::builder().with_crypto_provider(provider()).use_server_cookie(false);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = config.build().map_err(|error| str0m::crypto::CryptoError::Other(error.to_string()))?;
        let (config, certificate) = (Arc::new(config), certificate.clone());
        Ok(Box::new(Handshake(match version {
            DtlsVersion::Dtls13 => Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => Dtls::new_auto(config, certificate, now),
            _ => Dtls::new_12(config, certificate, now),
        })))
    }
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &[&Group(NamedGroup::X25519), &Group(NamedGroup::Secp256r1)],
        signature_verification: &Ring,
        key_provider: &Ring,
        secure_random: &Ring,
        hash_provider: &Ring,
        hmac_provider: &Ring,
        cipher_suites: &[&Ring],
        dtls13_cipher_suites: &[&Ring],
    }
}

#[derive(Debug)]
struct Ring;

const fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

impl SecureRandom for Ring {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        SystemRandom::new().fill(buffer).map_err(|_| failed(CryptoOperation::FillRandom))
    }
}

impl HashProvider for Ring {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let algorithm = match algorithm {
            HashAlgorithm::SHA384 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        Box::new(Hash(digest::Context::new(algorithm)))
    }
}

struct Hash(digest::Context);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl HmacProvider for Ring {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            _ => return Err(CryptoError::UnsupportedHmacHash(hash)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        let length = tag.as_ref().len();
        out.get_mut(..length).ok_or(failed(CryptoOperation::ComputeHmac))?.copy_from_slice(tag.as_ref());
        Ok(length)
    }
}

impl SupportedDtls12CipherSuite for Ring {
    fn suite(&self) -> Dtls12CipherSuite {
        Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, 16, 4)
    }

    fn explicit_nonce_len(&self) -> usize {
        8
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, key);
        let key = key.map_err(|_| failed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Sealing(aead::LessSafeKey::new(key))))
    }
}

impl SupportedDtls13CipherSuite for Ring {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::AES_128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        16
    }

    fn iv_len(&self) -> usize {
        12
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        SupportedDtls12CipherSuite::create_cipher(self, key)
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut block = [0; 16];
        super::round::<aes::Aes128>(key, sample, &mut block);
        block
    }
}

#[derive(Debug)]
struct Sealing(aead::LessSafeKey);

impl Cipher for Sealing {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        self.0
            .seal_in_place_append_tag(nonce, aead::Aad::from(&aad[..]), plaintext)
            .map_err(|_| failed(CryptoOperation::Encrypt))
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        let opened = self.0.open_in_place(nonce, aead::Aad::from(&aad[..]), ciphertext.as_mut());
        let length = opened.map_err(|_| failed(CryptoOperation::Decrypt))?.len();
        ciphertext.truncate(length);
        Ok(())
    }
}

/// A group in which keys are agreed.
#[derive(Debug)]
struct Group(NamedGroup);

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.0
    }

    fn start_exchange(&self, mut public: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let algorithm = match self.0 {
            NamedGroup::X25519 => &agreement::X25519,
            _ => &agreement::ECDH_P256,
        };
        let private = agreement::EphemeralPrivateKey::generate(algorithm, &SystemRandom::new());
        let private = private.map_err(|_| failed(CryptoOperation::GenerateEphemeralKey))?;
        let made = private.compute_public_key().map_err(|_| failed(CryptoOperation::ComputePublicKey))?;
        public.clear();
        public.extend_from_slice(made.as_ref());
        Ok(Box::new(Agreement { group: self.0, private, public }))
    }
}

#[derive(Debug)]
struct Agreement {
    group: NamedGroup,
    private: agreement::EphemeralPrivateKey,
    public: Buf,
}

impl ActiveKeyExchange for Agreement {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, others: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let others = agreement::UnparsedPublicKey::new(self.private.algorithm(), others);
        agreement::agree_ephemeral(self.private, &others, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| CryptoError::InvalidPublicKey(self.group))
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

impl KeyProvider for Ring {
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = signature::EcdsaKeyPair::from_pkcs8(algorithm, key, &SystemRandom::new());
        Ok(Box::new(Signing(key.map_err(|_| CryptoError::InvalidPrivateKey)?)))
    }
}

#[derive(Debug)]
struct Signing(signature::EcdsaKeyPair);

impl SigningKey for Signing {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let key_hash = self.hash_algorithm();
        if hash != key_hash {
            return Err(CryptoError::SigningKeyHashMismatch { key_hash, requested: hash });
        }
        let made = self.0.sign(&SystemRandom::new(), data).map_err(|_| failed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(made.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

impl SignatureVerifier for Ring {
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let (group, key) = public_key(certificate).ok_or(CryptoError::CertificateParseFailed)?;
        dimpl::crypto::check_verify_scheme(algorithm, hash, group)?;
        let verification: &signature::EcdsaVerificationAlgorithm = match (group, hash) {
            (NamedGroup::Secp256r1, HashAlgorithm::SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
            (NamedGroup::Secp256r1, _) => &signature::ECDSA_P256_SHA384_ASN1,
            (_, HashAlgorithm::SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
            (..) => &signature::ECDSA_P384_SHA384_ASN1,
        };
        signature::UnparsedPublicKey::new(verification, key)
            .verify(data, signature)
            .map_err(|_| CryptoError::SignatureVerificationFailed { signature: algorithm, hash, group })
    }
}

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 6;
const BIT_STRING: u8 = 3;
const VERSION: u8 = 0xa0;
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];

/// The public key of a certificate (RFC 5280, section 4.1), which must be of an elliptic curve.
fn public_key(certificate: &[u8]) -> Option<(NamedGroup, &[u8])> {
    let (SEQUENCE, mut certificate) = next(&mut { certificate })? else { return None };
    let (SEQUENCE, mut body) = next(&mut certificate)? else { return None };
    // Version (which may be absent), serial number, signature algorithm, issuer, validity, subject.
    let before = if body.first() == Some(&VERSION) { 6 } else { 5 };
    for _ in 0..before {
        next(&mut body)?;
    }
    let (SEQUENCE, mut info) = next(&mut body)? else { return None };
    let (SEQUENCE, mut algorithm) = next(&mut info)? else { return None };
    if next(&mut algorithm)? != (OBJECT_ID, EC_PUBLIC_KEY) {
        return None;
    }
    let group = match next(&mut algorithm)? {
        (OBJECT_ID, P256) => NamedGroup::Secp256r1,
        (OBJECT_ID, P384) => NamedGroup::Secp384r1,
        _ => return None,
    };
    let (BIT_STRING, key) = next(&mut info)? else { return None };
    // The first byte says how many bits of the last one do not count.
    Some((group, key.strip_prefix(&[0])?))
}

/// The next value of DER: its tag and its content.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], mut rest) = bytes.split_first_chunk()?;
    let mut length = usize::from(first & 0x7f);
    if first >= 0x80 {
        let (digits, after) = rest.split_at_checked(length).filter(|(digits, _)| digits.len() <= 4)?;
        length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    *bytes = after;
    Some((tag, content))
}

struct Handshake(Dtls);

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake(…)")
    }
}

impl DtlsInstance for Handshake {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_verified_by_the_key_in_the_certificate() {
        let made = Handshakes.generate_certificate().unwrap();
        let mut signed = Buf::new();
        let mut key = Ring.load_private_key(&made.private_key).unwrap();
        key.sign(b"what is signed", HashAlgorithm::SHA256, &mut signed).unwrap();
        let verify = |certificate: &[u8], data: &[u8]| {
            Ring.verify_signature(
                certificate,
                data,
                &signed,
                HashAlgorithm::SHA256,
                SignatureAlgorithm::ECDSA,
            )
        };
        assert_eq!(verify(&made.certificate, b"what is signed"), Ok(()));
        assert!(verify(&made.certificate, b"something else").is_err());
        let other = Handshakes.generate_certificate().unwrap();
        assert!(verify(&other.certificate, b"what is signed").is_err());
    }

    #[test]
    fn any_certificate_is_taken() {
        let made = Handshakes.generate_certificate().unwrap().certificate;
        for length in 0..made.len() {
            public_key(&made[..length]);
        }
        for place in 0..made.len() {
            let mut wrong = made.clone();
            wrong[place] ^= 0xff;
            public_key(&wrong);
        }
        assert_eq!(public_key(&[SEQUENCE, 0xff]), None);
    }
}
