//! The cryptography of connections, by ring; what ring has not (AES alone, and in counter mode) by RustCrypto.

mod dtls;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use aes::cipher::{BlockEncrypt, BlockSizeUser, KeyInit, KeyIvInit, StreamCipher, consts::U16};
use ring::{aead, digest, hmac};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, CryptoProvider,
    Sha1HmacProvider, Sha1Provider, Sha256Provider, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        srtp_provider: &Provider,
        sha1_hmac_provider: &Provider,
        sha1_provider: &Provider,
        sha256_provider: &Provider,
        dtls_provider: &dtls::Handshakes,
    })
});

/// The same for all connections.
pub fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

#[derive(Debug)]
struct Provider;

impl Sha1HmacProvider for Provider {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
        payloads.iter().for_each(|payload| context.update(payload));
        array(context.sign().as_ref())
    }
}

impl Sha1Provider for Provider {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        array(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref())
    }
}

impl Sha256Provider for Provider {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        array(digest::digest(&digest::SHA256, data).as_ref())
    }
}

/// What a hash of that length gives.
fn array<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(hash);
    bytes
}

impl SrtpProvider for Provider {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Self
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Self
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Self
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round::<aes::Aes128>(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round::<aes::Aes256>(key, input, output);
    }
}

/// One block, from which keys are derived.
fn round<C: KeyInit + BlockEncrypt + BlockSizeUser<BlockSize = U16>>(
    key: &[u8],
    input: &[u8],
    output: &mut [u8],
) {
    let cipher = C::new_from_slice(key).expect("the caller has a key of that length");
    let (input, output) = (input[..16].into(), (&mut output[..16]).into());
    cipher.encrypt_block_b2b(input, output);
}

impl SupportedAes128CmSha1_80 for Provider {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Counter(key))
    }
}

/// AES in counter mode.
struct Counter([u8; 16]);

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counter(…)")
    }
}

impl Aes128CmSha1_80Cipher for Counter {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = &mut output[..input.len()];
        output.copy_from_slice(input);
        ctr::Ctr128BE::<aes::Aes128>::new(&self.0.into(), &(*iv).into()).apply_keystream(output);
        Ok(())
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.encrypt(iv, input, output)
    }
}

impl SupportedAeadAes128Gcm for Provider {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm::new(&aead::AES_128_GCM, &key))
    }
}

impl SupportedAeadAes256Gcm for Provider {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm::new(&aead::AES_256_GCM, &key))
    }
}

#[derive(Debug)]
struct Gcm(aead::LessSafeKey);

const TAG: usize = 16;

impl Gcm {
    fn new(algorithm: &'static aead::Algorithm, key: &[u8]) -> Self {
        let key = aead::UnboundKey::new(algorithm, key).expect("the caller has a key of that length");
        Self(aead::LessSafeKey::new(key))
    }

    fn seal(&self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let (sealed, tag) = output.split_at_mut(input.len());
        sealed.copy_from_slice(input);
        let nonce = aead::Nonce::assume_unique_for_key(*iv);
        let made = self.0.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), sealed).map_err(unfit)?;
        tag[..TAG].copy_from_slice(made.as_ref());
        Ok(())
    }

    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = input.len().checked_sub(TAG).ok_or_else(|| unfit(ring::error::Unspecified))?;
        let (sealed, tag) = input.split_at(length);
        let opened = &mut output[..length];
        opened.copy_from_slice(sealed);
        let joined;
        let aad = match aads {
            [aad] => *aad,
            aads => {
                joined = aads.concat();
                &joined
            }
        };
        let tag = aead::Tag::try_from(tag).map_err(|_| unfit(ring::error::Unspecified))?;
        let nonce = aead::Nonce::assume_unique_for_key(*iv);
        self.0.open_in_place_separate_tag(nonce, aead::Aad::from(aad), tag, opened, 0..).map_err(unfit)?;
        Ok(length)
    }
}

fn unfit(_: ring::error::Unspecified) -> CryptoError {
    CryptoError::Other("what was sealed is not what came".to_owned())
}

impl AeadAes128GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}
