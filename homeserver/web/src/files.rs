//! The files of the client, in the binary.

/// A file that `cargo xtask web` made.
pub struct File {
    /// Below `client-web/dist`, with a slash in front: `/index.html`, `/1f2e3d…/app.js`.
    pub path: &'static str,
    pub plain: &'static [u8],
    /// The same compressed, where that is smaller.
    pub brotli: Option<&'static [u8]>,
}

/// All of them; none in a build that was made without the client.
pub const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

impl File {
    /// Its media type, by the end of its name.
    pub fn media_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "webmanifest" => "application/manifest+json",
            _ => "application/octet-stream",
        }
    }
}
